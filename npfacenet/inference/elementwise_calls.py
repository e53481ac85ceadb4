"""Bias, ReLU and copies: passes over memory, arranged in long runs.

NumPy's inner loops are fast on long contiguous runs of two arrays: a maximum with an array of
zeros takes a third of the time of one with the number 0, and a bias that is repeated to a long
row half of that of a bias of a few channels.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import prod

import numpy as np

from npfacenet.inference.operation import Call
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Array

_RUN = 1 << 12  # numbers; two such runs fill a core's cache of the first level


def add_row(target: Region, row: Array) -> list[Call]:
    """Add `row` (C,) to the last axis of `target`, in place."""
    line, channels = target.line(), len(row)
    if line is None:
        array = target.array()
        return [partial(np.add, array, row, array)]
    run = _length(line.shape[0] // channels, max(_RUN // channels, 1)) * channels
    return [partial(np.add, a, _repeated(row, a.shape[-1]), a) for a in _runs(line, run)]


def rectify(source: Region, target: Region) -> list[Call]:
    """max(source, 0) to target, which may be the same."""
    lines = source.line(), target.line()
    if lines[0] is not None and lines[1] is not None:
        run = _length(lines[0].shape[0], _RUN)
        pairs = zip(_runs(lines[0], run), _runs(lines[1], run), strict=True)
        return [partial(np.maximum, a, _zeros((a.shape[-1],)), out=b) for a, b in pairs]
    # Trailing axes until the run is long enough; NumPy joins them where memory runs on.
    shape: tuple[int, ...] = ()
    for length in reversed(target.shape):
        shape = (length, *shape)
        if prod(shape) >= _RUN:
            break
    return [partial(np.maximum, source.array(), _zeros(shape), out=target.array())]


def copy(source: Region, target: Region) -> list[Call]:
    """Source to target, unless it lies there already."""
    if source == target:
        return []
    return [partial(np.copyto, target.array(), source.array())]


@lru_cache(maxsize=1024)
def _length(count: int, most: int) -> int:
    """The length of runs of at most `most`, of so many: one that leaves no rest, if not short."""
    lengths = (n for n in range(min(most, count), most // 2, -1) if count % n == 0)
    return next(lengths, min(most, count))


def _runs(line: Region, run: int) -> list[Array]:
    """A line as rows of `run` numbers, and what is left; a single row without a second axis."""
    count, left = divmod(line.shape[0], run)
    shape = (run,) if count == 1 else (count, run)
    whole = contiguous(line.memory, line.offset, shape)
    rest = contiguous(line.memory, line.offset + count * run, (left,))
    return [view.array() for view in (whole, rest) if prod(view.shape)]


@lru_cache(maxsize=256)
def _zeros(shape: tuple[int, ...]) -> Array:
    zeros = np.zeros(shape, np.float32)
    zeros.flags.writeable = False
    return zeros


def _repeated(row: Array, numbers: int) -> Array:
    return np.tile(row, numbers // len(row))
