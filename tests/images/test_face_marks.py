"""Faces drawn on pictures: what is seen, at any size, and what is left alone."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import read
from npfacenet.images.face_marks import BOX, LANDMARK, with_faces
from npfacenet.images.jpeg import write_jpeg

Picture = npt.NDArray[np.uint8]
GREY = 128


def plain(height: int, width: int) -> Picture:
    return np.full((height, width, 3), GREY, np.uint8)


def marked(
    picture: Picture, *boxes: tuple[float, float, float, float], score: float = 0.5
) -> Picture:
    """The picture with faces whose landmarks lie at a third, a half and two thirds of the box."""
    parts = np.array(
        [[1 / 3, 1 / 3], [2 / 3, 1 / 3], [1 / 2, 1 / 2], [1 / 3, 2 / 3], [2 / 3, 2 / 3]]
    )
    given = np.array(boxes, np.float32).reshape(-1, 4)
    points = given[:, None, :2] + parts * (given[:, None, 2:] - given[:, None, :2])
    return with_faces(picture, given, points, np.full(len(given), score))


def has(picture: Picture, colour: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (picture == colour).all(axis=2)
    return found


@pytest.mark.parametrize("scale", [1, 3, 10])
def test_edges_and_landmarks_are_where_the_face_is(scale: int) -> None:
    picture = plain(300 * scale, 400 * scale)
    left, top, right, bottom = (n * scale for n in (100, 90, 190, 210))
    found = marked(picture, (left, top, right, bottom))
    box = has(found, BOX)
    for row in (top, bottom - 1):
        assert box[row, left + 30 * scale : right].all()
    for column in (left, right - 1):
        assert box[top:bottom, column].all()
    inside = box[top + 6 * scale : bottom - 6 * scale, left + 6 * scale : right - 6 * scale]
    assert not inside.any()
    assert has(found, LANDMARK)[(top + bottom) // 2, (left + right) // 2]
    far = found.copy()
    far[top - 30 * scale : bottom + 5 * scale, left - 5 * scale : right + 5 * scale] = GREY
    np.testing.assert_array_equal(far, picture)


def test_marks_grow_with_the_picture_but_hide_no_small_face() -> None:
    small, large = marked(plain(250, 250), (80, 80, 170, 200)), plain(2500, 2500)
    same_part = marked(large, (800, 800, 1700, 2000))
    assert 5 * has(small, LANDMARK).mean() > has(same_part, LANDMARK).mean()
    assert has(same_part, BOX).mean() > has(small, BOX).mean() / 5
    of_small_face = marked(large, (800, 800, 840, 850))
    changed = (of_small_face != large).any(axis=2)
    assert changed.sum() < 60 * 80  # the face, and its score above it
    assert not changed[805:845, 805:835].all()


def test_the_score_stands_above_the_box_or_inside_it() -> None:
    above = marked(plain(200, 200), (60, 100, 140, 180))
    assert above[80:98, 60:100, 1].max() > 200  # letters are smoothed
    inside = marked(plain(200, 200), (60, 0, 140, 100))
    assert inside[3:16, 63:95, 1].max() > 200
    first, second = (marked(plain(200, 200), (60, 100, 140, 180), score=s) for s in (0.61, 0.97))
    assert (first != second).any()


def test_the_edges_of_a_face_that_leaves_the_picture_are_seen() -> None:
    box = has(marked(plain(100, 80), (-20, -30, 300, 400)), BOX)
    assert box[50, 0]
    assert box[50, 79]
    assert box[99, 40]
    assert box[0, 60]


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 4), max_size=3),
)
def test_any_box_can_be_drawn(
    height: int, width: int, boxes: list[tuple[float, float, float, float]]
) -> None:
    picture = plain(height, width)
    before = picture.copy()
    found = marked(picture, *boxes)
    assert found.shape == picture.shape
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)
    if not boxes:
        np.testing.assert_array_equal(found, picture)


def test_what_is_not_a_picture_is_refused() -> None:
    with pytest.raises(ImageError):
        marked(np.zeros((4, 4), np.uint8))
    with pytest.raises(ImageError):
        write_jpeg(np.zeros((4, 4), np.uint8), io.BytesIO())
    with pytest.raises(ArgumentError, match="open for writing"):
        write_jpeg(plain(4, 4), "a.jpg")  # type: ignore[arg-type]  # the fault under test


def test_a_jpeg_is_close_to_its_picture(rng: np.random.Generator) -> None:
    smooth = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    file = io.BytesIO()
    write_jpeg(smooth, file)
    assert np.abs(read(file.getvalue()).astype(int) - smooth).mean() < 3
