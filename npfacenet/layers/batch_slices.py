"""Slices of a batch that fit into a core's cache, and sums over all axes but the channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npfacenet.layers.layer import Array

NUMBERS_PER_SLICE = 1 << 19
"""2 MB of float32; half and twice as many were slower."""


def batch_slices(batch: int, size: int) -> Iterator[slice]:
    """Cut a batch of examples of `size` numbers each into slices that stay in the cache.

    Yields slices of at most `NUMBERS_PER_SLICE` numbers, but of at least one example.

    >>> list(batch_slices(5, NUMBERS_PER_SLICE // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, NUMBERS_PER_SLICE // max(size, 1))
    return (slice(start, min(start + step, batch)) for start in range(0, batch, step))


def channel_sums(x: Array) -> Array:
    """Sum (N, ..., C) over all axes but the last; returns (C,).

    Slice by slice, because in one long float32 sum the last numbers would be lost to rounding,
    and as a product with ones, which is faster than `np.sum` along the first axes.
    """
    total = np.zeros(x.shape[-1], x.dtype)
    for examples in batch_slices(len(x), x[:1].size):
        rows = x[examples].reshape(-1, x.shape[-1])
        total += np.ones(len(rows), x.dtype) @ rows
    return total
