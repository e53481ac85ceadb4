"""A batch in pieces, and sums over all but the channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npfacenet.layers.layer import Array

CACHE = 1 << 19
"""Numbers in a piece, 2 MB of float32: half and twice as much were slower."""


def pieces(batch: int, each: int) -> Iterator[slice]:
    """Slices of a batch whose examples have `each` numbers, so that a piece stays in cache.

    >>> list(pieces(5, CACHE // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, CACHE // max(each, 1))
    return (slice(start, min(start + step, batch)) for start in range(0, batch, step))


def channel_sums(x: Array) -> Array:
    """(N, ..., C) to (C,): the sum over all axes but the last.

    Summed piece by piece, so that in float32 too many numbers do not drown the last ones, and
    as a product with ones, which is faster than NumPy's own sum along the first axes.
    """
    total = np.zeros(x.shape[-1], x.dtype)
    for piece in pieces(len(x), x[:1].size):
        rows = x[piece].reshape(-1, x.shape[-1])
        total += np.ones(len(rows), x.dtype) @ rows
    return total
