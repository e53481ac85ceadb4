"""Products of matrices as calls, in the pieces that a BLAS multiplies fastest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.product_cuts import Cut, ProductCuts
from npfacenet.layers import Array
from npfacenet.threads.blas import kernels

_IN_PLACE = ("skylakex", "cooperlake", "sapphirerapids")
"""OpenBLAS's kernels that read the matrices of a small product where they lie (its
kernel/x86_64/sgemm_small_kernel_permit_skylakex.c)."""


def partial_sums(rows: int, inner: int, columns: int, cuts: ProductCuts) -> int:
    """Return how many numbers of scratch memory `multiply` needs."""
    parts = _cut(rows, inner, columns, cuts).parts
    return parts * rows * columns if parts > 1 else 0


def multiply(
    left: Array, right: Array, output: Array, scratch: Array, cuts: ProductCuts
) -> list[Call]:
    """Multiply (rows, inner) by (inner, columns) to `output` (rows, columns).

    `scratch` has at least as many numbers as `partial_sums` says.
    """
    (rows, inner), columns = left.shape, right.shape[1]
    parts, *size = _cut(rows, inner, columns, cuts)
    if parts == 1:
        return _in_pieces(left, right, output, *size)
    sums = scratch[: parts * rows * columns].reshape(parts, rows, columns)
    lefts = np.moveaxis(left.reshape(rows, parts, -1), 1, 0)
    calls = _in_pieces(lefts, right.reshape(parts, -1, columns), sums, *size)
    for part in range(1, parts):
        before = sums[0] if part == 1 else output
        calls.append(partial(np.add, before, sums[part], output))
    return calls


def multiply_each(left: Array, right: Array, output: Array, cuts: ProductCuts) -> list[Call]:
    """Multiply stacks of matrices, (n, rows, inner) by (n, inner, columns)."""
    (_, rows, inner), columns = left.shape, right.shape[2]
    _, height, width = _cut(rows, inner, columns, cuts, in_one_part=True)
    return _in_pieces(left, right, output, height, width)


def _cut(
    rows: int, inner: int, columns: int, cuts: ProductCuts, *, in_one_part: bool = False
) -> Cut:
    """The pieces for the kernels that this process has; whole products if they always copy."""
    if (kernels() or "").casefold() not in _IN_PLACE:
        return Cut(1, rows, columns)
    return cuts.cut(rows, inner, columns, in_one_part=in_one_part)


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
    """Yield all whole steps as one slice, then the rest, each with the length of a step in it."""
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
