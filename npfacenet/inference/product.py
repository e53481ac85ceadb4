"""Products of matrices, in the pieces that a BLAS multiplies fastest."""

from __future__ import annotations

from functools import partial

import numpy as np

from npfacenet.inference.step import Call
from npfacenet.layers import Array

_SMALL = 1_000_000
"""Up to so many multiplications OpenBLAS's kernels for AVX-512 read both matrices where they lie
(GEMM_SMALL_MATRIX_PERMIT in its kernel/x86_64/sgemm_small_kernel_permit_skylakex.c); of larger
products they first copy both to an order of their own, which for a few rows takes longer than to
multiply. Kernels without such a limit lose at most a twentieth by the cut."""
_WIDTHS = (128, 64)
_FEW = 64  # rows: of more, copying is worth it


def width(rows: int, inner: int, columns: int) -> int:
    """How many columns at a time a product (rows, inner) by (inner, columns) is best made of.

    >>> width(9, 864, 384), width(144, 256, 192)
    (128, 192)
    """
    if rows > _FEW or rows * inner * columns <= _SMALL:
        return max(columns, 1)
    return next((n for n in _WIDTHS if n < columns and rows * inner * n <= _SMALL), columns)


def copied(rows: int, inner: int, columns: int) -> bool:
    """Whether the matrices of a product are likely to be copied before they are multiplied."""
    return rows * inner * width(rows, inner, columns) > _SMALL


def multiply(left: Array, right: Array, output: Array) -> list[Call]:
    """(rows, inner) times (inner, columns) to `output` (rows, columns)."""
    (rows, inner), columns = left.shape, right.shape[1]
    step = width(rows, inner, columns)
    whole = columns - columns % step
    calls: list[Call] = []
    if whole == step:
        calls.append(partial(np.matmul, left, right[:, :whole], output[:, :whole]))
    else:
        stack, outputs = (_blocks(one[:, :whole], step) for one in (right, output))
        calls.append(partial(np.matmul, left, stack, outputs))
    if whole < columns:
        calls.append(partial(np.matmul, left, right[:, whole:], output[:, whole:]))
    return calls


def _blocks(matrix: Array, columns: int) -> Array:
    """A matrix as a stack of so many columns each, in the same memory."""
    return np.moveaxis(matrix.reshape(len(matrix), -1, columns), 1, 0)
