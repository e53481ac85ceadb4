"""Boxes against definitions pixel by pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.faces.boxes import moved, overlaps, sides, squares, suppress

SIDE = 12


@st.composite
def whole_boxes(draw: st.DrawFn, least: int = 1, most: int = 6) -> npt.NDArray[np.float64]:
    """Boxes with whole corners within SIDE x SIDE pixels, of at least one pixel."""
    rows = []
    for _ in range(draw(st.integers(least, most))):
        left, top = draw(st.integers(0, SIDE - 1)), draw(st.integers(0, SIDE - 1))
        right, bottom = draw(st.integers(left + 1, SIDE)), draw(st.integers(top + 1, SIDE))
        rows.append([left, top, right, bottom])
    return np.array(rows, float).reshape(-1, 4)


def pixels(box: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The box as a mask."""
    mask = np.zeros((SIDE + 1, SIDE + 1), bool)
    left, top, right, bottom = box.astype(int)
    mask[top:bottom, left:right] = True
    return mask


@given(whole_boxes(2, 4))
def test_overlaps_count_pixels(boxes: npt.NDArray[np.float64]) -> None:
    first = pixels(boxes[0])
    for box, union, smaller in zip(
        boxes, overlaps(boxes[0], boxes), overlaps(boxes[0], boxes, of="smaller"), strict=True
    ):
        other = pixels(box)
        shared = (first & other).sum()
        assert np.isclose(union, shared / (first | other).sum())
        assert np.isclose(smaller, shared / min(first.sum(), other.sum()))


@given(whole_boxes(2, 4))
def test_with_a_pixel_more_boxes_include_their_last_row(boxes: npt.NDArray[np.float64]) -> None:
    larger = boxes + np.array([0, 0, 1, 1])
    for of in ("union", "smaller"):
        found = overlaps(boxes[0], boxes, of=of, pixel=1)
        expected = overlaps(larger[0], larger, of=of)
        np.testing.assert_allclose(found, expected)


def test_boxes_without_area_share_nothing() -> None:
    boxes = np.array([[1.0, 1, 1, 1], [1, 1, 1, 1], [5, 5, 4, 4]])
    assert overlaps(boxes[0], boxes).tolist() == [0, 0, 0]


@given(whole_boxes(0), st.floats(0, 1), st.integers(0, 2**16))
def test_suppression_by_its_definition(
    boxes: npt.NDArray[np.float64], most: float, seed: int
) -> None:
    """Nothing that is kept overlaps, and what is dropped overlaps a better one that is kept."""
    scores = np.random.default_rng(seed).random(len(boxes))
    kept = suppress(boxes, scores, most)
    assert (np.diff(scores[kept]) <= 0).all()
    for i, row in enumerate(kept):
        assert (overlaps(boxes[row], boxes[kept[:i]]) <= most).all()
    for row in set(range(len(boxes))) - set(kept.tolist()):
        better = [k for k in kept if scores[k] >= scores[row]]
        assert (overlaps(boxes[row], boxes[better]) > most).any()


@given(whole_boxes(1, 5), st.permutations(range(5)))
def test_suppression_does_not_depend_on_the_order(
    boxes: npt.NDArray[np.float64], order: list[int]
) -> None:
    scores = np.arange(len(boxes)) / 10
    rows = [i for i in order if i < len(boxes)]
    kept = suppress(boxes[rows], scores[rows], 0.4)
    np.testing.assert_array_equal(np.array(rows)[kept], suppress(boxes, scores, 0.4))


@given(whole_boxes())
def test_squares_have_the_same_centre_and_the_longer_side(
    boxes: npt.NDArray[np.float64],
) -> None:
    made = squares(boxes)
    np.testing.assert_allclose(made[:, :2] + made[:, 2:], boxes[:, :2] + boxes[:, 2:])
    np.testing.assert_allclose(sides(made)[0], np.maximum(*sides(boxes)))
    np.testing.assert_allclose(*sides(made))
    assert moved(boxes, np.zeros_like(boxes)).tolist() == boxes.tolist()
