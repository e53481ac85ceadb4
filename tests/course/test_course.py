"""The assignment's functions in both editions: values, sentences, and the defects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import npfacenet
from npfacenet import course
from npfacenet.course import Edition, edition_2017, edition_2021
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    GalleryError,
    ImageError,
    NpfacenetError,
    WeightsError,
)
from npfacenet.images import read
from npfacenet.recipes import nn4_small2

Capture = pytest.CaptureFixture[str]


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


FINITE = np.full((1, 128), 0.01)
old: Any = edition_2017  # that take anything, for faults
new: Any = edition_2021


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (np.zeros((0, 128), np.float32), "not (0, 128)"),
        (np.zeros(0), "not (0,)"),
        ([], "not (0,)"),
        (np.zeros((2, 128)), "not (2, 128); npfacenet.identify takes several"),
        (np.zeros((128, 1)), "not (128, 1)"),
        (np.zeros((1, 1, 128)), "not (1, 1, 128)"),
        (np.zeros((1, 127)), "not (1, 127)"),
        (np.zeros((1, 1)), "not (1, 1)"),
        (0.0, "not ()"),
        (np.full((1, 128), np.nan), "holds NaN or infinity"),
        (np.full(128, np.inf), "holds NaN or infinity"),
        (None, "are an array of real numbers, not None"),
        ([None] * 128, "are an array of real numbers"),
        ("eve.jpg", "are an array of real numbers, not 'eve.jpg'"),
        (np.zeros(128, bool), "are an array of real numbers"),
        (np.zeros(128, complex), "are an array of real numbers"),
        ([[1.0], [1.0, 2.0]], "are an array of real numbers"),
        (np.ma.masked_array(np.zeros(128), np.arange(128) == 5), "hold masked values"),
        (np.full(128, 1e300), "too large"),
        (np.full(128, 1e30), "too large"),
        ({"a": 1}, "are an array of real numbers"),
    ],
)
def test_an_entry_that_is_not_one_encoding_opens_no_door(
    capsys: Capture, drawn: npfacenet.Model, face: Any, entry: Any, said: str
) -> None:
    whose = f"the database's entry for 'eve' .*{re.escape(said)}"
    for call in (
        lambda: edition_2017.verify(face, "eve", {"eve": entry}, drawn),
        lambda: edition_2017.who_is_it(face, {"eve": entry}, drawn),
        lambda: edition_2017.who_is_it(face, {"dan": FINITE, "eve": entry}, drawn),
    ):
        with pytest.raises(EmbeddingError, match=whose) as caught:
            call()
        assert len(str(caught.value)) < 400
    assert capsys.readouterr().out == ""


def test_embeddings_of_a_model_are_entries_if_they_are_comparable(
    capsys: Capture, drawn: npfacenet.Model, face: Any
) -> None:
    assert old.verify(face, "eve", {"eve": drawn.embed(face)}, drawn) == (0.0, True)
    assert edition_2017.verify(face, "eve", {"eve": drawn.embed(face).values[0]}, drawn)[1]
    bare = npfacenet.Embeddings(drawn.embed(face).values)
    assert edition_2017.verify(face, "eve", {"eve": bare}, drawn)[1]
    with pytest.raises(EmbeddingError, match=r"for 'eve' is one encoding .* not \(0, 128\)"):
        edition_2017.verify(face, "eve", {"eve": drawn.embed([])}, drawn)
    other = replace(drawn, card=replace(drawn.card, preprocessing="fixed"))
    for model, known in ((drawn, other), (other, drawn), (other, other)):
        with pytest.raises(FingerprintError, match="for 'eve' was made by another model"):
            edition_2017.verify(face, "eve", {"eve": known.embed(face)}, model)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda f, d, m: old.verify(f, None, d, m), ArgumentError, "not None"),
        (lambda f, d, m: old.verify(f, ["eve"], d, m), ArgumentError, "identity is a"),
        (lambda f, d, m: old.verify(f, "x" * 9999, d, m), GalleryError, "'xxx"),
        (lambda f, d, m: old.verify(f, "eve", [("eve", d["eve"])], m), GalleryError, "d"),
        (lambda f, d, m: old.verify(f, "eve", None, m), GalleryError, "not None"),
        (lambda f, d, m: old.who_is_it(f, None, m), GalleryError, "a dict of names"),
        (lambda f, d, m: old.who_is_it(f, "eve", m), GalleryError, "a dict of names"),
        (lambda f, d, m: old.who_is_it(f, d["eve"], m), GalleryError, "a dict of names"),
        (lambda f, d, m: old.who_is_it(f, {5: d["eve"]}, m), GalleryError, "not 5"),
        (lambda f, d, m: old.verify(f, "eve", d, None), ArgumentError, "npfacenet.load"),
        (lambda f, d, m: old.who_is_it(f, d, "x.h5"), ArgumentError, "npfacenet.load"),
        (lambda f, d, m: old.img_to_encoding(f, m.plan), ArgumentError, "npfacenet.load"),
        (lambda f, d, m: old.img_to_encoding(None, m), ImageError, "NoneType"),
        (lambda f, d, m: old.img_to_encoding("no.jpg", m), ImageError, "no.jpg"),
        (lambda f, d, m: new.who_is_it(f, d, m), ArgumentError, "takes 160x160"),
    ],
)  # fmt: skip
def test_other_arguments_are_refused_by_name(
    capsys: Capture, drawn: npfacenet.Model, face: Any,
    call: Callable[..., object], error: type[NpfacenetError], said: str,
) -> None:  # fmt: skip
    with pytest.raises(error, match=re.escape(said)) as caught:
        call(face, {"eve": FINITE}, drawn)
    assert len(str(caught.value)) < 400
    assert capsys.readouterr().out == ""


def test_weights_that_give_no_encoding_open_no_door(face: Any) -> None:
    network = nn4_small2()
    zeros = {
        name: np.zeros_like(value) if name[1] != "moving_variance" else value
        for name, value in network.initialise(0).items()
    }
    card = npfacenet.load().card
    model = npfacenet.Model(network, zeros, replace(card, preprocessing="unit"))
    with pytest.raises(WeightsError, match="give an encoding of length 0 instead of 1"):
        edition_2017.who_is_it(face, {"eve": np.zeros(128)}, model)


def test_colours_are_read_as_they_are_stored(
    inception_resnet: npfacenet.Model, course_pictures: Path
) -> None:
    import PIL.Image

    path = course_pictures / "danielle.png"  # which carries a colour profile
    stored = np.array(PIL.Image.open(path).convert("RGB"))
    assert not np.array_equal(read(path), stored)
    np.testing.assert_array_equal(
        edition_2021.img_to_encoding(path, inception_resnet),
        edition_2021.img_to_encoding(stored, inception_resnet),
    )


def test_a_picture_without_contrast_opens_no_door(drawn: npfacenet.Model) -> None:
    black = np.zeros((96, 96, 3), np.uint8)
    with pytest.raises(ImageError, match=r"has a contrast of 0\.00"):
        edition_2017.verify(black, "eve", {"eve": FINITE}, drawn)  # type: ignore[arg-type]  # an array is a picture too


def test_a_name_steers_no_terminal(capsys: Capture, drawn: npfacenet.Model, face: Any) -> None:
    name = "eve\x1b[2J"
    known = {name: edition_2017.img_to_encoding(face, drawn)}
    assert edition_2017.who_is_it(face, known, drawn)[1] == name
    edition_2017.verify(face, name, known, drawn)
    assert "\x1b" not in capsys.readouterr().out


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
