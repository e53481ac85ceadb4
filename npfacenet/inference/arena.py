"""One block of memory for arrays that live for a while, and the offset of each."""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from npfacenet.layers import Array, Shape

LINE = 16  # numbers in a cache line


def aligned(shape: Shape) -> Array:
    """Return an uninitialised array of float32 that begins with a cache line.

    Products with few rows are some percent faster if rows are whole cache lines.
    """
    spare = np.empty(prod(shape) + LINE, np.float32)
    skip = -spare.ctypes.data // spare.itemsize % LINE
    return spare[skip : skip + prod(shape)].reshape(shape)


class Lifetime(NamedTuple):
    """`size` numbers, from operation `first` to operation `last`.

    `zeros` names the numbers of the array that are never written, so that they stay 0 from run to
    run; None if there are none. Such an array shares its memory only with others of the same zeros.
    """

    first: int
    last: int
    size: int
    zeros: Hashable = None


def arrange(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Return the offset of each array and the size of the block.

    Arrays that live at the same time do not overlap. Each takes the smallest gap that holds it, in
    the order in which they begin.

    >>> arrange([Lifetime(0, 1, 16), Lifetime(1, 2, 32), Lifetime(2, 3, 16)])
    ([0, 16, 0], 48)
    """
    offsets = [0] * len(lifetimes)
    gaps: list[tuple[int, int]] = []  # (offset, size), in order, never adjacent
    resting: dict[Hashable, list[int]] = {}
    ending: list[tuple[int, int]] = []  # (last operation, which)
    kept: list[int] = []
    end = kept_end = 0
    for which in sorted(range(len(lifetimes)), key=lambda i: lifetimes[i].first):
        first, last, numbers, zeros = lifetimes[which]
        while ending and ending[0][0] < first:
            _, gone = ending.pop(0)
            if lifetimes[gone].zeros is None:
                _free(gaps, offsets[gone], _rounded(lifetimes[gone].size))
            else:
                resting[lifetimes[gone].zeros].append(offsets[gone])
        insort(ending, (last, which))
        size = _rounded(numbers)
        if zeros is None:
            offsets[which], end = _take(gaps, size, end)
            continue
        kept.append(which)
        if resting.setdefault(zeros, []):
            offsets[which] = resting[zeros].pop()
        else:
            offsets[which], kept_end = kept_end, kept_end + size
    for which in kept:
        offsets[which] += end
    return offsets, end + kept_end


def _rounded(numbers: int) -> int:
    return -(-numbers // LINE) * LINE


def _take(gaps: list[tuple[int, int]], size: int, end: int) -> tuple[int, int]:
    """Return a place for `size` numbers, and the new end of the block."""
    fitting = [(length, offset) for offset, length in gaps if length >= size]
    if not fitting:
        if gaps and sum(gaps[-1]) == end:  # the last gap grows
            offset, _ = gaps.pop()
            return offset, offset + size
        return end, end + size
    length, offset = min(fitting)
    gaps.remove((offset, length))
    if length > size:
        insort(gaps, (offset + size, length - size))
    return offset, end


def _free(gaps: list[tuple[int, int]], offset: int, size: int) -> None:
    """Add a place to the gaps, joined with the gaps before and after it."""
    for gap in [g for g in gaps if sum(g) == offset or g[0] == offset + size]:
        gaps.remove(gap)
        offset, size = min(offset, gap[0]), size + gap[1]
    insort(gaps, (offset, size))
