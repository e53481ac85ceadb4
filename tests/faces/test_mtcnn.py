"""MTCNN's cascade: the faces of facenet-pytorch, and what its steps promise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from comparing import Limits, faces_of, unlike

from npfacenet.faces import Faces, Mtcnn
from npfacenet.faces.mtcnn import Candidates, scales, visible_part
from npfacenet.faces.summed_area import SummedAreaTable

# Asked for: 0.95 and 2 %. They are the same to rounding.
LIMITS = Limits(overlap=0.999, landmarks=0.001, score=0.001)
LARGE = 1_000_000  # pixels


def reference(folder: Path, *, large: bool) -> dict[str, Faces]:
    """The faces that facenet-pytorch found, by picture."""
    entries = json.loads((folder / "mtcnn_facenet_pytorch.json").read_text("utf-8"))["pictures"]
    assert len(entries) == 44
    return {
        name: faces_of(entry["faces"])
        for name, entry in entries.items()
        if (entry["size"][0] * entry["size"][1] > LARGE) is large
    }


def differences(
    mtcnn: Mtcnn, photographs: Path, expected: dict[str, Faces]
) -> dict[str, list[str]]:
    told = {
        name: unlike(mtcnn.detect(photographs / name, smallest_face=20), faces, LIMITS)
        for name, faces in expected.items()
    }
    return {name: reasons for name, reasons in told.items() if reasons}


def test_the_faces_of_facenet_pytorch(
    mtcnn: Mtcnn, photographs: Path, reference_folder: Path
) -> None:
    expected = reference(reference_folder, large=False)
    assert sum(map(len, expected.values())) == 56
    assert differences(mtcnn, photographs, expected) == {}


@pytest.mark.slow
def test_the_faces_of_facenet_pytorch_in_large_pictures(
    mtcnn: Mtcnn, photographs: Path, reference_folder: Path
) -> None:
    """Three pictures of up to 2048 pixels, in a few seconds each."""
    expected = reference(reference_folder, large=True)
    assert sum(map(len, expected.values())) == 4
    assert differences(mtcnn, photographs, expected) == {}


def test_the_scales_end_where_a_face_fills_the_picture() -> None:
    table = SummedAreaTable(np.zeros((100, 300, 3), np.uint8))
    found = list(scales(table, 25, 0.5))
    assert found == [12 / 25, 12 / 50, 12 / 100]
    assert list(scales(table, 101, 0.5)) == []


def test_crops_are_the_whole_pixels_inside_counted_from_1() -> None:
    table = SummedAreaTable(np.zeros((50, 40, 3), np.uint8))
    boxes = np.array([[3.9, 4.2, 10.7, 12], [-5, -7, 90, 91], [-9, 0, -4, 30]], np.float32)
    assert visible_part(boxes, table).tolist() == [[2, 3, 10, 12], [0, 0, 40, 50], [0, 0, -4, 30]]


def test_candidates_outside_the_picture_are_dropped(mtcnn: Mtcnn) -> None:
    table = SummedAreaTable(np.zeros((50, 40, 3), np.uint8))
    boxes = np.array([[-30, -30, -10, -10], [60, 5, 80, 25]], np.float32)
    left = mtcnn.refine(table, Candidates(boxes, np.ones(2, np.float32)))
    assert left.boxes.shape == (0, 4)
    assert len(mtcnn.decide(table, left)) == 0


def test_without_a_face_the_best_score_is_below_the_threshold(mtcnn: Mtcnn) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (120, 140, 3), np.uint8)
    for faceless in (picture, np.full_like(picture, 90)):
        found = mtcnn.detect(faceless)
        assert not found
        assert found.best_score is not None
        assert 0 <= found.best_score < 0.7
