"""Products of matrices, in the pieces that a BLAS multiplies fastest."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from npfacenet.inference.step import Call
from npfacenet.layers import Array

_SMALL = 1_000_000
"""Up to so many multiplications OpenBLAS's kernels for AVX-512 read both matrices where they lie
(GEMM_SMALL_MATRIX_PERMIT in its kernel/x86_64/sgemm_small_kernel_permit_skylakex.c); of larger
products they first copy both to an order of their own, which for a few rows takes longer than to
multiply. Kernels without such a limit lose up to a tenth by the cut."""
_WIDTHS = (128, 64)
_PARTS = (1, 2, 3, 4)
_FEW = 64  # rows: of more, copying is worth it
_FEWER = 32  # rows: of more, it is not worth a sum of partial products either


class Cut(NamedTuple):
    """The pieces of a product: `parts` along the inner axis, `width` columns at a time."""

    parts: int
    width: int


def cut(rows: int, inner: int, columns: int) -> Cut:
    """How a product (rows, inner) by (inner, columns) is best made.

    >>> cut(9, 864, 384), cut(9, 1792, 384), cut(144, 256, 192)
    (Cut(parts=1, width=128), Cut(parts=2, width=64), Cut(parts=1, width=192))
    """
    whole = Cut(1, max(columns, 1))
    if rows > _FEW or rows * inner * columns <= _SMALL:
        return whole
    for parts in _PARTS if rows <= _FEWER else _PARTS[:1]:
        for width in _WIDTHS:
            if inner % parts == 0 and rows * inner * width <= parts * _SMALL:
                return Cut(parts, min(width, columns))
    return whole


def copied(rows: int, inner: int, columns: int) -> bool:
    """Whether the matrices of a product are likely to be copied before they are multiplied."""
    parts, width = cut(rows, inner, columns)
    return rows * inner * width > parts * _SMALL


def partial_sums(rows: int, inner: int, columns: int) -> int:
    """The numbers of scratch memory that `multiply` needs."""
    parts = cut(rows, inner, columns).parts
    return parts * rows * columns if parts > 1 else 0


def multiply(left: Array, right: Array, output: Array, scratch: Array) -> list[Call]:
    """(rows, inner) times (inner, columns) to `output` (rows, columns).

    `scratch` has as many numbers as `partial_sums` says, or more.
    """
    (rows, inner), columns = left.shape, right.shape[1]
    parts, width = cut(rows, inner, columns)
    if (parts, width) == (1, columns):
        # np.dot asks less of the interpreter than np.matmul, but writes to whole arrays only.
        product = np.dot if output.flags.c_contiguous else np.matmul
        return [partial(product, left, right, output)]
    sums = scratch[: parts * rows * columns] if parts > 1 else output
    lefts = np.moveaxis(left.reshape(rows, parts, -1), 1, 0)
    rights = right.reshape(parts, -1, columns)
    outputs = sums.reshape(parts, rows, columns)
    whole = columns - columns % width
    seen, made = (_blocks(one[..., :whole], width) for one in (rights, outputs))
    calls: list[Call] = [partial(np.matmul, lefts[:, None], seen, made)]
    if whole < columns:
        rest = rights[..., whole:], outputs[..., whole:]
        calls.append(partial(np.matmul, lefts, *rest))
    for part in range(1, parts):
        before = outputs[0] if part == 1 else output
        calls.append(partial(np.add, before, outputs[part], output))
    return calls


def _blocks(matrices: Array, columns: int) -> Array:
    """Each matrix of a stack as a stack of so many columns each, in the same memory."""
    stack, rows, _ = matrices.shape
    return np.moveaxis(matrices.reshape(stack, rows, -1, columns), 2, 1)
