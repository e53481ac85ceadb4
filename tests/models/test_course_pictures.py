"""The assignment's pictures with both networks: the figures that are known for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import npfacenet
from npfacenet.errors import ArgumentError, WeightsNotFoundError
from npfacenet.gallery import enrol, identify
from npfacenet.gallery.gallery import Gallery
from npfacenet.images import read
from npfacenet.recognition import verify

# camera picture, person, distance; nearest of all and claimed ones
NN4 = [
    ("camera_0", "younes", 0.667),
    ("camera_2", "kian", 0.859),
    ("camera_1", "bertrand", 0.468),
    ("camera_2", "benoit", 0.228),
    ("camera_3", "bertrand", 0.359),
    ("camera_4", "dan", 0.256),
    ("camera_5", "dan", 0.497),
]
NN4_NEAREST = ["younes", "bertrand", "benoit", "bertrand", "dan", "dan"]
INCEPTION_RESNET = [
    ("camera_0", "younes", 0.6017),
    ("camera_2", "kian", 1.0128),
    ("camera_1", "bertrand", 0.5405),
    ("camera_2", "benoit", 0.2738),
    ("camera_3", "bertrand", 0.3904),
    ("camera_4", "sebastiano", 0.3918),
    ("camera_4", "dan", 0.4217),
    ("camera_5", "arnaud", 0.3851),
]
INCEPTION_RESNET_NEAREST = ["younes", "bertrand", "benoit", "bertrand", "sebastiano", "arnaud"]


def people(model: npfacenet.Model, pictures: Path) -> Gallery:
    everybody = enrol(model, pictures, detect=False)
    for i in range(6):
        everybody = everybody.without(f"camera_{i}")
    return everybody


@pytest.fixture(scope="module")
def unit(inception_resnet_file: Path) -> npfacenet.Model:
    return npfacenet.load(inception_resnet_file, preprocessing="unit")


def distance(model: npfacenet.Model, pictures: Path, camera: str, person: str) -> float:
    found = next(p for p in pictures.iterdir() if p.stem == person)
    a, b = model.embed([pictures / f"{camera}.jpg", found], detect=False)
    return verify(a, b).distance


@pytest.mark.parametrize(("camera", "person", "expected"), NN4)
def test_distances_of_nn4_small2(
    nn4: npfacenet.Model, course_pictures: Path, camera: str, person: str, expected: float
) -> None:
    found = distance(nn4, course_pictures, camera, person)
    assert found == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize(("camera", "person", "expected"), INCEPTION_RESNET)
def test_distances_of_inception_resnet(
    unit: npfacenet.Model, course_pictures: Path, camera: str, person: str, expected: float
) -> None:
    found = distance(unit, course_pictures, camera, person)
    assert found == pytest.approx(expected, abs=0.0005)


def test_the_two_claims_of_the_assignment(nn4: npfacenet.Model, course_pictures: Path) -> None:
    def embed(name: str) -> npfacenet.Embeddings:
        return nn4.embed(course_pictures / name)

    assert verify(embed("camera_0.jpg"), embed("younes.jpg")).same
    assert not verify(embed("camera_2.jpg"), embed("kian.jpg")).same
    assert verify(embed("camera_0.jpg"), embed("younes.jpg")).threshold == 0.7


def test_who_is_nearest(nn4: npfacenet.Model, unit: npfacenet.Model, course_pictures: Path) -> None:
    for model, nearest in ((nn4, NN4_NEAREST), (unit, INCEPTION_RESNET_NEAREST)):
        gallery = people(model, course_pictures)
        assert len(gallery.people) == 12
        for i, name in enumerate(nearest):
            door = model.embed(course_pictures / f"camera_{i}.jpg", detect=False)
            found = identify(door, gallery)
            assert found.candidates[0].name == found.match == name


def test_embeddings_of_all_pictures_equal_the_reference(
    nn4_file: Path, course_pictures: Path, reference_folder: Path
) -> None:
    reference = np.load(reference_folder / "nn4_small2_v1.npz")
    pictures = sorted(course_pictures.iterdir())
    as_stored = [read(path, colours="stored") for path in pictures]  # danielle has a profile
    for variant in ("course", "openface"):
        model = npfacenet.load(nn4_file, variant=variant)
        embeddings = model.embed(as_stored, detect=False)
        for path, row in zip(pictures, embeddings.values, strict=True):
            expected = reference[f"{variant}/embedding_of/{path.stem}"]
            assert np.abs(row - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_picture_equals_itself(nn4: npfacenet.Model, course_pictures: Path) -> None:
    once = nn4.embed(course_pictures / "tian.jpg")
    again = nn4.embed(course_pictures / "tian.jpg")
    assert verify(once, again).distance == 0.0


def test_models_of_different_preprocessing_are_not_compared(
    inception_resnet: npfacenet.Model, unit: npfacenet.Model, course_pictures: Path
) -> None:
    assert inception_resnet.card.preprocessing == "prewhiten"
    a, b = (
        model.embed(course_pictures / "tian.jpg", detect=False)
        for model in (inception_resnet, unit)
    )
    with pytest.raises(npfacenet.errors.FingerprintError):
        verify(a, b)


def test_load_refuses_what_there_is_not(nn4_file: Path) -> None:
    with pytest.raises(ArgumentError, match="no preprocessing 'grey'; known: unit"):
        npfacenet.load(nn4_file, preprocessing="grey")
    with pytest.raises(ArgumentError, match="closedface"):
        npfacenet.load(nn4_file, variant="closedface")
    with pytest.raises(WeightsNotFoundError, match=r"did you mean 'nn4\.small2'"):
        npfacenet.load("nn4.small")
