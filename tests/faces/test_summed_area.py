"""Averaging down, against adaptive pooling by its definition."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.faces.summed_area import SummedAreaTable, averaged


def adaptive(picture: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.float64]:
    """The mean over rows floor(i * H / h) to ceil((i + 1) * H / h), and columns likewise."""
    (rows, columns, _), means = picture.shape, np.empty((height, width, 3))
    for i, j in np.ndindex(height, width):
        top, bottom = floor(i * rows / height), ceil((i + 1) * rows / height)
        left, right = floor(j * columns / width), ceil((j + 1) * columns / width)
        means[i, j] = picture[top:bottom, left:right].mean(axis=(0, 1))
    return means


def drawn(seed: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


sides = st.integers(1, 23)


@given(sides, sides, sides, sides, st.integers(0, 2**16))
def test_resizing_is_adaptive_pooling(rows, columns, height, width, seed) -> None:  # type: ignore[no-untyped-def]  # drawn
    picture = drawn(seed, rows, columns)
    found = SummedAreaTable(picture).resized(height, width)
    np.testing.assert_allclose(found, adaptive(picture, height, width), rtol=1e-6)
    assert found.dtype == np.float32


@given(sides, sides, sides, sides, st.integers(0, 2**16))
def test_averaging_without_a_table_gives_the_same_bits(
    rows: int, columns: int, height: int, width: int, seed: int
) -> None:
    picture = drawn(seed, rows, columns)
    expected = SummedAreaTable(picture).resized(height, width)
    found = averaged(picture, height, width)
    np.testing.assert_array_equal(found, expected)
    same_size = (rows, columns) == (height, width)
    assert found.dtype == (np.uint8 if same_size else np.float32)


@given(st.integers(0, 2**16), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_a_crop_is_what_the_cut_picture_gives(
    seed: int, height: int, width: int, count: int
) -> None:
    picture, rng = drawn(seed, 15, 17), np.random.default_rng(seed)
    corner = np.stack([rng.integers(0, 17, count), rng.integers(0, 15, count)], axis=1)
    size = np.array([[rng.integers(1, 18 - x), rng.integers(1, 16 - y)] for x, y in corner])
    boxes = np.concatenate([corner, corner + size], axis=1)
    found = SummedAreaTable(picture).crops(boxes, height, width)
    for crop, (left, top, right, bottom) in zip(found, boxes.tolist(), strict=True):
        expected = adaptive(picture[top:bottom, left:right], height, width)
        np.testing.assert_allclose(crop, expected, rtol=1e-6)


def test_no_crops_are_no_crops() -> None:
    table = SummedAreaTable(drawn(0, 4, 4))
    assert table.crops(np.empty((0, 4), np.intp), 24, 24).shape == (0, 24, 24, 3)


@pytest.mark.parametrize("shape", [(5000, 4000, 3), (1, 30_000, 3)])
def test_sums_beyond_32_bits_are_exact(shape: tuple[int, int, int]) -> None:
    """The sums of a white picture exceed 2**32, and wrap around."""
    white = np.full(shape, 255, np.uint8)
    table = SummedAreaTable(white)
    np.testing.assert_array_equal(table.resized(min(4, shape[0]), 3), 255)
    np.testing.assert_array_equal(averaged(white, min(4, shape[0]), 3), 255)
    del white
    end = np.array([[shape[1] - 1, shape[0] - 1, shape[1], shape[0]]])
    np.testing.assert_array_equal(table.crops(end, 1, 1), 255)
