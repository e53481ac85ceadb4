"""Bias, activations and copies as calls over memory, arranged in long runs.

NumPy's inner loops are fast on long contiguous runs of two arrays: a maximum with an array of
zeros takes a third of the time of one with the number 0, and a bias that is repeated to a long
row half of that of a bias of a few channels. `run` is the length to aim at.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from math import prod

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Array, Shape


def add_row(target: Region, row: Array, run: int) -> list[Call]:
    """Add `row` (C,) to the last axis of `target`, in place."""
    line, channels = target.line(), len(row)
    if line is None:
        array = target.array()
        return [partial(np.add, array, row, array)]
    length = _length_in(line.shape[0], channels, run)
    return [partial(np.add, a, _repeated(row, a.shape[-1]), a) for a in _runs(line, length)]


def add_row_to(source: Region, target: Region, row: Array) -> list[Call] | None:
    """Add `row` (C,) to the last axis of `source`, to `target`, which has gaps between its rows.

    None where they are not pictures (N, H, W, C) whose pixels lie side by side in a row.
    """
    if len(target.shape) != 4 or source.line() is None:
        return None
    batch, height, width, channels = target.shape
    if target.strides[2:] != (channels, 1):
        return None
    shape = (batch, height, width * channels)
    rows = Region(target.memory, target.offset, shape, (*target.strides[:2], 1)).array()
    numbers = contiguous(source.memory, source.offset, shape).array()
    return [partial(np.add, numbers, _repeated(row, shape[-1]), rows)]


def rectify(source: Region, target: Region, run: int) -> list[Call]:
    """max(source, 0) to `target`, which may be the same."""
    lines = source.line(), target.line()
    if lines[0] is not None and lines[1] is not None:
        length = run_length(lines[0].shape[0], run)
        pairs = zip(_runs(lines[0], length), _runs(lines[1], length), strict=True)
        return [partial(np.maximum, a, _zeros((a.shape[-1],)), out=b) for a, b in pairs]
    zeros = _zeros(_trailing(target.shape, run))
    return [partial(np.maximum, source.array(), zeros, out=target.array())]


def rectify_with_slope(
    source: Region, target: Region, slope: Array, spare: Region, run: int
) -> list[Call]:
    """`source` where positive, else slope * source, to `target`, which may be the same.

    `slope` (C,) belongs to the last axis. `spare` is a line of free memory of at least C numbers;
    with more of it there are fewer calls.
    """
    calls: list[Call] = []
    # A slope of at most 1 leaves the larger of x and slope * x.
    simple = bool(np.all(slope <= 1))
    for seen, made, between, slopes in _with_spare(source, target, slope, spare, run):
        if simple:
            calls.append(partial(np.multiply, seen, slopes, between))
            calls.append(partial(np.maximum, seen, between, out=made))
        else:
            zeros = _zeros(slopes.shape)
            calls.append(partial(np.minimum, seen, zeros, out=between))
            calls.append(partial(np.multiply, between, slopes, between))
            calls.append(partial(np.maximum, seen, zeros, out=made))
            calls.append(partial(np.add, made, between, made))
    return calls


def copy(source: Region, target: Region) -> list[Call]:
    """Copy `source` to `target`, unless they are the same."""
    if source == target:
        return []
    return [partial(np.copyto, target.array(), source.array())]


def _with_spare(
    source: Region, target: Region, slope: Array, spare: Region, run: int
) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Yield parts of both, spare memory of the same shape for each, and the slopes of its runs."""
    channels, most = len(slope), spare.shape[0]
    lines = source.line(), target.line()
    if lines[0] is None or lines[1] is None:
        for seen, made in _small_parts(source, target, most):
            shape = _trailing(made.shape, run)
            slopes = np.ascontiguousarray(np.broadcast_to(slope, shape))
            between = contiguous(spare.memory, spare.offset, made.shape)
            yield seen.array(), made.array(), between.array(), slopes
        return
    count, step = lines[0].shape[0], most // channels * channels
    for start in range(0, count, step):
        numbers = min(step, count - start)
        length = _length_in(numbers, channels, run)
        between = contiguous(spare.memory, spare.offset, (numbers,))
        seen, made = (line.part(0, start, start + numbers) for line in lines if line is not None)
        arrays = (_runs(line, length) for line in (seen, made, between))
        for x, y, free in zip(*arrays, strict=True):
            yield x, y, free, _repeated(slope, x.shape[-1])


def _small_parts(source: Region, target: Region, most: int) -> Iterator[tuple[Region, Region]]:
    """Yield both in parts of at most `most` numbers each, halved along their first long axis."""
    if prod(target.shape) <= most:
        yield source, target
        return
    axis, length = next((i, n) for i, n in enumerate(target.shape) if n > 1)
    for start, stop in ((0, length // 2), (length // 2, length)):
        halves = source.part(axis, start, stop), target.part(axis, start, stop)
        yield from _small_parts(*halves, most)


@lru_cache(maxsize=1024)
def run_length(count: int, most: int) -> int:
    """Return the longest length up to `most` that divides `count`; `most` if none exceeds half."""
    lengths = (n for n in range(min(most, count), most // 2, -1) if count % n == 0)
    return next(lengths, min(most, count))


def _length_in(numbers: int, channels: int, run: int) -> int:
    """The same in multiples of the channels."""
    return run_length(numbers // channels, max(run // channels, 1)) * channels


def _runs(line: Region, run: int) -> list[Array]:
    """Return a line as rows of `run` numbers, and the remainder; a single row has one axis."""
    count, left = divmod(line.shape[0], run)
    shape = (run,) if count == 1 else (count, run)
    whole = contiguous(line.memory, line.offset, shape)
    rest = contiguous(line.memory, line.offset + count * run, (left,))
    return [region.array() for region in (whole, rest) if prod(region.shape)]


def _trailing(shape: Shape, run: int) -> Shape:
    """Trailing axes until the run is long enough; NumPy joins them where memory is contiguous."""
    trailing: Shape = ()
    for length in reversed(shape):
        trailing = (length, *trailing)
        if prod(trailing) >= run:
            break
    return trailing


@lru_cache(maxsize=256)
def _zeros(shape: Shape) -> Array:
    zeros = np.zeros(shape, np.float32)
    zeros.flags.writeable = False
    return zeros


def _repeated(row: Array, numbers: int) -> Array:
    """A row of a few channels as a long one, which all pieces of an operation share."""
    return _tiled(row.tobytes(), numbers // len(row))


@lru_cache(maxsize=16)
def _tiled(row: bytes, times: int) -> Array:
    tiled = np.tile(np.frombuffer(row, np.float32), times)
    tiled.flags.writeable = False
    return tiled
