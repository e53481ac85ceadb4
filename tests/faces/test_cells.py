"""Detections of cells: which are kept, and where several cells see one face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import WeightsError
from npfacenet.faces.boxes import overlaps
from npfacenet.faces.cells import Detections, decoded


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 12))
    low = rng.uniform(0, 30, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0, 40, (count, 2))], axis=1)
    points = rng.uniform(0, 60, (count, 5, 2))
    scores = rng.choice([0.1, 0.3, 0.5, 0.7, 0.9], count)
    one, two, three = (each.astype(np.float32) for each in (boxes, points, scores))
    return Detections(one, two, three, best_score=1)


@given(found=detections(), agreeing=st.floats(0.1, 1))
def test_merging_moves_the_faces_that_suppression_keeps(found: Detections, agreeing: float) -> None:
    kept = found.suppressed(0.3)
    kept = kept[kept.scores >= 0.5]
    merged = found.merged(0.5, 0.3, agreeing)
    np.testing.assert_array_equal(merged.scores, kept.scores)
    assert merged.best_score == found.best_score
    for box, points, before in zip(merged.boxes, merged.landmarks, kept.boxes, strict=True):
        alike = overlaps(before, found.boxes) >= agreeing
        if not alike.any():
            np.testing.assert_array_equal(box, before)
            continue
        for mean, some in ((box, found.boxes[alike]), (points, found.landmarks[alike])):
            assert (some.min(axis=0) - 1e-4 <= mean).all()
            assert (mean <= some.max(axis=0) + 1e-4).all()


def test_cells_that_agree_are_averaged_by_their_squared_scores() -> None:
    boxes = np.array([[0, 0, 100, 100], [4, 0, 104, 100], [50, 0, 150, 100]], np.float32)
    points = np.zeros((3, 5, 2), np.float32)
    points[1] = 10
    found = Detections(boxes, points, np.array([0.8, 0.4, 0.3], np.float32))
    (box,), ((point, *_),) = (m := found.merged(0.5, 0.3, 0.8)).boxes, m.landmarks
    np.testing.assert_allclose(box, (0.8, 0, 100.8, 100), rtol=1e-6)  # weights 0.64 and 0.16
    np.testing.assert_allclose(point, (2, 2), rtol=1e-6)


def test_what_scores_too_little_alone_still_has_a_say() -> None:
    boxes = np.array([[0, 0, 100, 100], [2, 0, 102, 100]], np.float32)
    found = Detections(boxes, np.zeros((2, 5, 2), np.float32), np.array([0.6, 0.2], np.float32))
    assert found.merged(0.5, 0.3, 0.8).boxes[0, 0] > 0
    assert len(found.merged(0.7, 0.3, 0.8).scores) == 0


@pytest.mark.parametrize("far", [1e8, -1e8, 3e38])
@pytest.mark.parametrize("output", ["bbox_8", "kps_8"])
def test_weights_that_place_faces_beyond_any_picture_are_an_error(output: str, far: float) -> None:
    channels = {"cls_8": 1, "bbox_8": 4, "kps_8": 10}
    outputs = {name: np.zeros((1, 2, 2, count), np.float32) for name, count in channels.items()}
    outputs["cls_8"][0, 1, 1] = 1
    outputs[output][0, 0, 0] = far  # of a cell without a face
    assert decoded(outputs, (8,), 0.5).boxes.tolist() == [[4, 4, 12, 12]]
    outputs[output][0, 1, 1] = far
    with pytest.raises(WeightsError, match="beyond any picture; obtain them again"):
        decoded(outputs, (8,), 0.5)
