"""YuNet: the faces of OpenCV at a picture's own size, and large faces found once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comparing import Limits, faces_of, missing, unlike

from npfacenet.faces import Faces, Yunet
from npfacenet.faces.cells import Detections, decoded
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.images import read
from npfacenet.recipes.yunet import STRIDES
from npfacenet.recipes.yunet import yunet as yunet_network

# Asked for: 0.98 and 0.005. They are the same to the digits of the reference.
LIMITS = Limits(overlap=0.999, landmarks=0.001, score=0.001)
LARGE = ("pictures/angelina_jolie.jpg", "pictures/kate_siegel.jpg", "pictures/rotated_exif6.jpg")


def a_yunet() -> Yunet:
    """A detector with the structure of YuNet, and no sensible weights."""
    return Yunet(ReadyNetwork(network := yunet_network(), network.initialise(0)))


def reference(folder: Path, *, large: bool) -> dict[str, Faces]:
    """The faces that OpenCV's FaceDetectorYN found, by picture."""
    entries = json.loads((folder / "yunet_opencv.json").read_text("utf-8"))["pictures"]
    assert len(entries) == 44
    return {name: faces_of(faces) for name, faces in entries.items() if (name in LARGE) is large}


def differences(
    yunet: Yunet, photographs: Path, expected: dict[str, Faces]
) -> dict[str, list[str]]:
    at_own_size = replace(yunet, scales=(1.0,))
    told = {
        name: unlike(at_own_size.detect(photographs / name), faces, LIMITS)
        for name, faces in expected.items()
    }
    return {name: reasons for name, reasons in told.items() if reasons}


def test_the_faces_of_opencv_at_own_size(
    yunet: Yunet, photographs: Path, reference_folder: Path
) -> None:
    expected = reference(reference_folder, large=False)
    assert sum(map(len, expected.values())) == 58
    assert differences(yunet, photographs, expected) == {}


@pytest.mark.slow
def test_the_faces_of_opencv_at_own_size_in_large_pictures(
    yunet: Yunet, photographs: Path, reference_folder: Path
) -> None:
    """Three pictures of up to 2048 pixels, in a few seconds each."""
    expected = reference(reference_folder, large=True)
    assert sum(map(len, expected.values())) == 8
    assert differences(yunet, photographs, expected) == {}


@pytest.mark.parametrize("smallest_face", [None, 80, 40])
def test_a_portrait_that_fills_the_picture_is_found_once(
    smallest_face: float | None, yunet: Yunet, photographs: Path
) -> None:
    faces = yunet.detect(photographs / "pictures/rotated_exif6.jpg", smallest_face=smallest_face)
    assert len(faces) == 1
    assert faces.scores[0] > 0.9
    left, top, right, bottom = faces.boxes[0]
    assert left < 400 < 1200 < right
    assert top < 500 < 1500 < bottom


def test_no_face_of_opencv_is_lost_by_the_pyramid(
    yunet: Yunet, photographs: Path, reference_folder: Path
) -> None:
    """Nor is one added, in the pictures in which it searches for faces of 20 pixels."""
    for name, expected in reference(reference_folder, large=False).items():
        faces = yunet.detect(photographs / name)
        assert missing(faces, expected, 0.6) == [], name
        assert len(faces) == len(expected), name


@pytest.mark.parametrize(
    ("height", "width", "smallest", "expected"),
    [
        (250, 250, 20, [1]),
        (250, 257, 20, [1, 1 / 4]),
        (2048, 1638, 51.2, [1 / 4, 1 / 16]),
        (2048, 1638, 20, [1, 1 / 4, 1 / 16]),
        (100, 100, 1, [1]),
        (64, 64, 200, [1 / 16]),
    ],
)
def test_scales_go_from_the_smallest_face_to_one_that_fills_the_picture(
    height: int, width: int, smallest: float, expected: list[float]
) -> None:
    assert a_yunet().scales_of(height, width, smallest) == expected


def test_the_smallest_face_has_12_to_24_pixels_where_it_is_searched() -> None:
    for smallest in np.linspace(24, 900, 50):
        assert 12 <= a_yunet().scales_of(1000, 1000, smallest)[0] * smallest < 24


def test_parts_of_a_large_face_are_not_faces() -> None:
    points, scores = np.zeros((2, 5, 2), np.float32), np.ones(2, np.float32)
    faces = Detections(np.array([[0, 0, 400, 500], [700, 0, 800, 90]], np.float32), points, scores)
    inside_both = np.array([[90, 90, 200, 200], [740, 20, 780, 60]], np.float32)
    found = Detections(inside_both, points, scores)
    assert a_yunet().parts_of(found, faces, scale=1.0).tolist() == [True, False]
    assert a_yunet().parts_of(found, faces, scale=0.5).tolist() == [False, False]


def test_pictures_are_padded_to_multiples_of_32_and_their_channels_reversed() -> None:
    picture = np.arange(33 * 2 * 3, dtype=np.uint8).reshape(33, 2, 3)
    batch = a_yunet().prepared(picture)
    assert batch.shape == (1, 64, 32, 3)
    np.testing.assert_array_equal(batch[0, :33, :2, ::-1], picture)
    assert batch.sum() == picture.sum(dtype=int)


def test_a_cell_is_decoded_by_its_definition() -> None:
    outputs = {
        f"{name}_{stride}": np.zeros((1, 64 // stride, 96 // stride, count), np.float32)
        for stride in (8, 16, 32)
        for name, count in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
    }
    outputs["cls_16"][0, 1, 2], outputs["obj_16"][0, 1, 2] = 1.5, 0.64  # a class above 1 is 1
    outputs["bbox_16"][0, 1, 2] = 0.5, 0.25, np.log(2), np.log(3)
    outputs["kps_16"][0, 1, 2, :2] = 0.125, -0.5
    outputs["cls_32"][0, 0, 0], outputs["obj_32"][0, 0, 0] = 0.5, 0.5
    faces = decoded(outputs, STRIDES, 0.6)
    np.testing.assert_allclose(faces.scores, [0.8])
    centre = np.array([(2 + 0.5) * 16, (1 + 0.25) * 16])
    half = np.array([2, 3]) * 16 / 2
    np.testing.assert_allclose(faces.boxes, [[*(centre - half), *(centre + half)]], rtol=1e-6)
    np.testing.assert_allclose(faces.landmarks[0, 0], [(2 + 0.125) * 16, (1 - 0.5) * 16])
    np.testing.assert_allclose(faces.landmarks[0, 1], [2 * 16, 1 * 16])
    assert len(decoded(outputs, STRIDES, 0.49).scores) == 2


def test_a_level_is_given_in_pixels_of_the_picture(yunet: Yunet, photographs: Path) -> None:
    picture = read(photographs / "pictures/two-faces.jpg")
    whole, half = (yunet.at_scale(picture, scale) for scale in (1.0, 0.5))
    expected = Faces(whole.boxes, whole.landmarks, whole.scores)
    assert missing(Faces(half.boxes, half.landmarks, half.scores), expected, 0.8) == []


def test_without_a_face_the_best_score_is_below_the_threshold(yunet: Yunet) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (120, 140, 3), np.uint8)
    for faceless in (picture, np.full_like(picture, 90)):
        found = yunet.detect(faceless)
        assert not found
        assert found.best_score is not None
        assert 0 <= found.best_score < 0.6
