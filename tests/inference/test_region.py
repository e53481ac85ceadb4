"""Views that are worked out first are what slicing an array gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.inference.region import contiguous

MEMORY = np.arange(5000, dtype=np.float32)
shapes = st.lists(st.integers(0, 6), max_size=5).map(tuple)


@given(shapes, st.integers(0, 99))
def test_contiguous_views_are_reshaped_memory(shape: tuple[int, ...], offset: int) -> None:
    size = int(np.prod(shape))
    memory = np.resize(MEMORY, offset + max(size, 1))
    view = contiguous(memory, offset, shape)
    np.testing.assert_array_equal(view.array(), memory[offset : offset + size].reshape(shape))
    assert view.array().base is not None


@given(st.data(), st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple))
def test_parts_are_slices(data: st.DataObject, shape: tuple[int, ...]) -> None:
    view = contiguous(MEMORY, 0, shape)
    axis = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis]))
    stop, step = data.draw(st.integers(start, shape[axis])), data.draw(st.integers(1, 3))
    sliced = np.moveaxis(np.moveaxis(view.array(), axis, 0)[start:stop:step], 0, axis)
    part = view.part(axis, start, stop, step)
    np.testing.assert_array_equal(part.array(), sliced)
    if axis == len(shape) - 1 and step > 1:
        return  # `rows` and `line` are for views whose last axis has no gaps
    rows, line = part.rows(), part.line()
    if rows is not None:
        np.testing.assert_array_equal(rows.array(), sliced.reshape(rows.shape))
    if line is not None:
        np.testing.assert_array_equal(line.array(), sliced.ravel())
