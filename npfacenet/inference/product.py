"""Products of matrices, in the pieces that a BLAS multiplies fastest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from npfacenet.inference.operation import Call
from npfacenet.layers import Array
from npfacenet.threads.blas import kernels

_IN_PLACE = ("skylakex", "cooperlake", "sapphirerapids")
"""OpenBLAS's kernels that read the matrices of a small product where they lie (its
kernel/x86_64/sgemm_small_kernel_permit_skylakex.c). All others, and these for larger products,
first copy both to an order of their own: for a few rows that takes longer than to multiply, and
with a short inner axis a tenth of the time."""
SMALL = 1_000_000
"""Multiplications of a small product at most."""
MOST_PARTS = 4
"""Parts that a product is cut into along its inner axis at most."""
_FEW = 64  # rows: of no more, pieces have all of them
_WIDTHS = (128, 64)
_FEWER = 32  # rows: of more, copying is worth it rather than a sum of partial products
_STRIP = 32  # columns of a piece of many rows,
_HIGH = 48  # which has so many of them at least,
_UNIT = 12  # in multiples of what those kernels multiply at a time,
_NEAR = 1 << 16  # if the right-hand matrix is so small that it stays in the cache meanwhile


class Cut(NamedTuple):
    """The pieces of a product: `parts` along the inner axis, of so many rows and columns each."""

    parts: int
    height: int
    width: int


def cut(rows: int, inner: int, columns: int, small: int, most_parts: int = MOST_PARTS) -> Cut:
    """How a product (rows, inner) by (inner, columns) is best made.

    By kernels that read in place what has at most `small` multiplications; 0 if they never do.

    >>> cut(9, 1792, 384, SMALL), cut(1152, 147, 64, SMALL)
    (Cut(parts=2, height=9, width=64), Cut(parts=1, height=192, width=32))
    """
    whole = Cut(1, rows, columns)
    if not small or rows * inner * columns <= small or inner == 1:
        return whole
    if rows > _FEW:
        width = min(_STRIP, columns)
        most = small // (inner * width)
        near = inner * columns <= _NEAR
        return Cut(1, _even(rows, most), width) if near and most >= _HIGH else whole
    for parts in range(1, 1 + (most_parts if rows <= _FEWER else 1)):
        for width in _WIDTHS:
            if inner % parts == 0 and rows * inner * width <= parts * small:
                return Cut(parts, rows, min(width, columns))
    return whole


def _even(rows: int, most: int) -> int:
    """The rows of pieces of at most so many: about as many in each, in multiples of `_UNIT`."""
    if rows <= most:
        return rows
    most -= most % _UNIT
    count = -(-rows // most)
    return -(-rows // (count * _UNIT)) * _UNIT


def partial_sums(rows: int, inner: int, columns: int) -> int:
    """The numbers of scratch memory that `multiply` needs."""
    parts = cut(rows, inner, columns, _limit()).parts
    return parts * rows * columns if parts > 1 else 0


def multiply(left: Array, right: Array, output: Array, scratch: Array) -> list[Call]:
    """(rows, inner) times (inner, columns) to `output` (rows, columns).

    `scratch` has as many numbers as `partial_sums` says, or more.
    """
    (rows, inner), columns = left.shape, right.shape[1]
    parts, *size = cut(rows, inner, columns, _limit())
    if parts == 1:
        return _in_pieces(left, right, output, *size)
    sums = scratch[: parts * rows * columns].reshape(parts, rows, columns)
    lefts = np.moveaxis(left.reshape(rows, parts, -1), 1, 0)
    calls = _in_pieces(lefts, right.reshape(parts, -1, columns), sums, *size)
    for part in range(1, parts):
        before = sums[0] if part == 1 else output
        calls.append(partial(np.add, before, sums[part], output))
    return calls


def multiply_each(left: Array, right: Array, output: Array) -> list[Call]:
    """Stacks of matrices, (n, rows, inner) times (n, inner, columns) to (n, rows, columns)."""
    (_, rows, inner), columns = left.shape, right.shape[2]
    _, height, width = cut(rows, inner, columns, _limit(), most_parts=1)
    return _in_pieces(left, right, output, height, width)


def _in_pieces(left: Array, right: Array, output: Array, height: int, width: int) -> list[Call]:
    rows, columns = output.shape[-2:]
    if (height, width) == (rows, columns):
        # np.dot asks less of the interpreter than np.matmul, but writes to whole arrays only.
        whole = output.ndim == 2 and output.flags.c_contiguous
        return [partial(np.dot if whole else np.matmul, left, right, output)]
    inner = left.shape[-1]
    calls: list[Call] = []
    for down, high in _steps(rows, height):
        for across, wide in _steps(columns, width):
            seen = _blocks(left[..., down, :], high, inner)
            kernel = _blocks(right[..., across], inner, wide)
            made = _blocks(output[..., down, across], high, wide)
            calls.append(partial(np.matmul, seen, kernel, made))
    return calls


def _steps(length: int, step: int) -> Iterator[tuple[slice, int]]:
    """All whole steps, then what is left, with the length of a step in it."""
    whole = length - length % step
    if whole:
        yield slice(0, whole), step
    if whole < length:
        yield slice(whole, length), length - whole


def _blocks(matrices: Array, height: int, width: int) -> Array:
    """(..., rows, columns) as (..., rows / height, columns / width, height, width), uncopied."""
    *stack, rows, columns = matrices.shape
    split = matrices.reshape(*stack, rows // height, height, columns // width, width)
    return split.swapaxes(-3, -2)


def _limit() -> int:
    """Multiplications up to which the kernels that we have read in place: 0 if they never do."""
    return SMALL if (kernels() or "").casefold() in _IN_PLACE else 0
