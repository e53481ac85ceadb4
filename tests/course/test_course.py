"""The assignment's functions in both editions: values, sentences, and the defects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npfacenet
from npfacenet import course
from npfacenet.course import Edition, edition_2017, edition_2021
from npfacenet.errors import ArgumentError, GalleryError, ImageError

Capture = pytest.CaptureFixture[str]
ONE, ZERO = [[1.0, 1.0]], [[0.0, 0.0]]
FOUR = [[1.0, 1], [2, 0], [0, 3], [5, 0]]
MIXED = [[0.0, 3], [5, 0], [1, 1], [2, 0]]


@pytest.mark.parametrize(
    ("triplet", "alpha", "loss"),
    [
        ((ONE, ONE, ONE), 5, 5),
        ((ONE, ONE, ZERO), 3, 1),
        ((ONE, ZERO, ONE), 3, 5),
        ((ZERO, ZERO, ZERO), 0.2, 0.2),
        ((FOUR, FOUR, MIXED), 3, 0),
        ((FOUR, MIXED, FOUR), 3, 40),
    ],
)
def test_the_loss_of_the_assignment(
    triplet: tuple[npt.ArrayLike, ...], alpha: float, loss: float
) -> None:
    for edition in (course, edition_2017, edition_2021):
        assert edition.triplet_loss(None, triplet, alpha) == pytest.approx(loss)


@given(st.integers(1, 5), st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_the_loss_is_a_sum_over_triplets(m: int, alpha: float, seed: int) -> None:
    a, p, n = np.random.default_rng(seed).standard_normal((3, m, 4))
    one_by_one = sum(
        max(((a[i] - p[i]) ** 2).sum() - ((a[i] - n[i]) ** 2).sum() + alpha, 0) for i in range(m)
    )
    assert course.triplet_loss(None, [a, p, n], alpha) == pytest.approx(one_by_one)


def test_the_loss_has_the_default_margin_of_the_notebook() -> None:
    assert course.triplet_loss(None, (ZERO, ZERO, ZERO)) == pytest.approx(0.2)
    for wrong in ([ONE, ONE], [ONE, ONE, [[1.0]]], [1, 2, 3], None):
        with pytest.raises(ArgumentError):
            course.triplet_loss(None, wrong)  # type: ignore[arg-type]  # the fault under test


def database(
    edition: Edition, model: npfacenet.Model, pictures: Path
) -> dict[str, npt.NDArray[np.float32]]:
    return {
        path.stem: edition.img_to_encoding(path, model)
        for path in sorted(pictures.iterdir())
        if not path.stem.startswith("camera_")
    }


def test_the_2021_edition(
    capsys: Capture, inception_resnet: npfacenet.Model, course_pictures: Path
) -> None:
    known = database(edition_2021, inception_resnet, course_pictures)

    def door(number: int) -> Path:
        return course_pictures / f"camera_{number}.jpg"

    distance, opened = course.verify(door(0), "younes", known, inception_resnet)
    assert distance == pytest.approx(0.6017, abs=5e-4)
    assert opened
    assert capsys.readouterr().out == "It's younes, welcome in!\n"
    distance, opened = course.verify(door(2), "kian", known, inception_resnet)
    assert distance == pytest.approx(1.0128, abs=5e-4)
    assert not opened
    assert capsys.readouterr().out == "It's not kian, please go away\n"
    for number, name, expected in (
        (1, "bertrand", 0.5405), (2, "benoit", 0.2738), (3, "bertrand", 0.3904),
        (4, "sebastiano", 0.3918), (5, "arnaud", 0.3851),
    ):  # fmt: skip
        distance, found = course.who_is_it(door(number), known, inception_resnet)
        assert distance == pytest.approx(expected, abs=5e-4)
        assert found == name
        printed = capsys.readouterr().out
        assert printed == f"it's {name}, the distance is {distance!s}\n"
        assert len(printed.split()[-1]) <= 11  # eight digits, as the notebook prints float32
    for number, expected in ((1, 1.3963861), (3, 1.3872949)):
        distance, _ = course.verify(door(number), "younes", known, inception_resnet)
        assert distance == pytest.approx(expected, rel=0.015)


def test_the_2017_edition(capsys: Capture, nn4: npfacenet.Model, course_pictures: Path) -> None:
    known = database(edition_2017, nn4, course_pictures)
    distance, opened = edition_2017.verify(course_pictures / "camera_0.jpg", "younes", known, nn4)
    assert distance == pytest.approx(0.667, abs=5e-4)
    assert opened
    assert capsys.readouterr().out == "It's younes, welcome home!\n"
    distance, opened = edition_2017.verify(course_pictures / "camera_2.jpg", "kian", known, nn4)
    assert distance == pytest.approx(0.859, abs=5e-4)
    assert not opened
    assert capsys.readouterr().out == "It's not kian, please go away\n"


@pytest.fixture
def drawn(drawn_file: Path) -> npfacenet.Model:
    return npfacenet.load(drawn_file)


@pytest.fixture
def face(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return rng.integers(0, 256, (96, 96, 3), np.uint8)


def test_encodings(drawn: npfacenet.Model, face: npt.NDArray[np.uint8]) -> None:
    encoding = edition_2017.img_to_encoding(face, drawn)
    assert encoding.shape == (1, 128)
    assert encoding.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(encoding), 1, rtol=1e-6)
    np.testing.assert_array_equal(encoding, drawn.embed(face).values)
    with pytest.raises(ImageError, match="has 95x96 pixels; the 2017 edition takes 96x96 only"):
        edition_2017.img_to_encoding(face[:, 1:], drawn)
    with pytest.raises(ArgumentError, match=r"takes 160x160 pixels, and nn4\.small2 96"):
        edition_2021.img_to_encoding(face, drawn)


def test_the_defects_are_the_notebooks(
    capsys: Capture, drawn: npfacenet.Model, face: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    import PIL.Image

    path = tmp_path / "door.png"
    PIL.Image.fromarray(face).save(path)
    encoding = edition_2017.img_to_encoding(face, drawn)
    stranger = {"anna": -encoding}
    distance, name = edition_2017.who_is_it(path, stranger, drawn)
    assert distance == pytest.approx(2)
    assert name == "anna"  # a name, for a stranger
    assert capsys.readouterr().out == "Not in the database.\n"
    with pytest.raises(GalleryError, match="the database is empty"):
        edition_2017.who_is_it(path, {}, drawn)
    with pytest.raises(GalleryError, match="nobody in the database is called 'bert'"):
        edition_2017.verify(path, "bert", stranger, drawn)


@pytest.mark.parametrize(("offset", "opens"), [(0.6999, True), (0.7, False), (0.7001, False)])
def test_the_door_opens_below_the_threshold_only(
    capsys: Capture, drawn: npfacenet.Model, face: npt.NDArray[np.uint8], offset: float, opens: bool
) -> None:
    encoding = edition_2017.img_to_encoding(face, drawn).astype(np.float64)
    shifted = encoding.copy()
    shifted[0, 0] += offset
    distance, opened = edition_2017.verify(face, "anna", {"anna": shifted}, drawn)  # type: ignore[arg-type]  # an array is a picture too
    assert opened == (distance < 0.7)
    assert abs(distance - offset) < 1e-6
    if offset != 0.7:
        assert opened is opens
