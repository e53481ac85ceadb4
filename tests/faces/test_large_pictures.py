"""Large pictures are read at a reduced scale; their faces lie in pixels of the whole picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from comparing import missing, moved
from PIL import Image

from npfacenet.faces import Detector, Faces, load
from npfacenet.images import read

TIMES = 6


@pytest.fixture(scope="module", params=["mtcnn", "yunet"])
def detector(request: pytest.FixtureRequest, photographs: Path) -> Detector:
    file = {"mtcnn": "mtcnn", "yunet": "yunet_n.onnx"}[request.param]
    return load(photographs / "weights" / file)


@pytest.fixture(scope="module")
def large(photographs: Path) -> Image.Image:
    """A photograph of two people, enlarged, with sides that no factor divides."""
    small = Image.open(photographs / "pictures/two-faces.jpg").convert("RGB")
    size = (small.width * TIMES, small.height * TIMES)
    return small.resize(size, Image.Resampling.BICUBIC).crop((0, 0, size[0] - 1, size[1] - 3))


@pytest.fixture(scope="module")
def expected(detector: Detector, photographs: Path) -> Faces:
    faces = detector.detect(photographs / "pictures/two-faces.jpg")
    assert len(faces) == 2
    return moved(faces, 0, 0, TIMES)


@pytest.mark.parametrize(("kind", "orientation"), [("JPEG", 1), ("JPEG", 3), ("BMP", 1)])
def test_faces_lie_in_the_whole_picture(
    detector: Detector, large: Image.Image, expected: Faces, kind: str, orientation: int
) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    stored = large if orientation == 1 else large.transpose(Image.Transpose.ROTATE_180)
    stored.save(file, kind, exif=exif)
    found = detector.detect(file.getvalue())
    assert len(found) == 2
    assert missing(found, expected, 0.85) == []


def test_pictures_and_arrays_are_reduced_alike(
    detector: Detector, large: Image.Image, expected: Faces
) -> None:
    pixels = np.asarray(large)
    one, other = detector.detect(pixels), detector.detect(large)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert missing(one, expected, 0.85) == []


def test_a_small_face_that_is_asked_for_keeps_the_scale(
    photographs: Path, detector: Detector
) -> None:
    picture = read(photographs / "pictures/two-faces.jpg")
    asked = detector.detect(picture, smallest_face=20)
    found = detector.find(picture, 20.0)
    np.testing.assert_array_equal(asked.boxes, found.boxes)
