"""Where in a block of memory an array lies: regions are computed first, arrays made afterwards."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from math import prod
from operator import mul
from typing import NamedTuple, TypeAlias

import numpy as np

from npfacenet.layers import Array, Shape

FLOAT = np.dtype(np.float32)
Strides: TypeAlias = tuple[int, ...]


class Region(NamedTuple):
    """The place of a float32 array; offset and strides count numbers of `memory`, not bytes."""

    memory: Array
    offset: int
    shape: Shape
    strides: Strides

    def array(self) -> Array:
        """Make the array; it shares the memory."""
        offset = self.offset * FLOAT.itemsize
        return np.ndarray(self.shape, FLOAT, self.memory, offset, _in_bytes(self.strides))

    def rows(self) -> Region | None:
        """Join all axes but the last, which has no gaps; None if they are not evenly spaced."""
        step = None
        for length, stride in zip(self.shape[-2::-1], self.strides[-2::-1], strict=True):
            if length == 1:
                continue
            if step is None:
                step, run = stride, length
            elif stride != step * run:
                return None
            else:
                run *= length
        count = prod(self.shape[:-1])
        step = self.shape[-1] if step is None else step
        return Region(self.memory, self.offset, (count, self.shape[-1]), (step, 1))

    def line(self) -> Region | None:
        """Join all axes; None if there are gaps between the numbers."""
        rows = self.rows()
        if rows is None or (rows.shape[0] > 1 and rows.strides[0] != rows.shape[1]):
            return None
        return Region(self.memory, self.offset, (prod(self.shape),), (1,))

    def part(self, axis: int, start: int, stop: int, step: int = 1) -> Region:
        """Return the region of array[..., start:stop:step, ...]."""
        shape, strides = list(self.shape), list(self.strides)
        shape[axis] = max(-((start - stop) // step), 0)
        strides[axis] *= step
        offset = self.offset + start * self.strides[axis]
        return Region(self.memory, offset, tuple(shape), tuple(strides))

    def within(self, origin: tuple[int, ...], shape: Shape) -> Region:
        """Return the part of each picture that has this shape and begins at `origin`."""
        offset = self.offset + sum(map(mul, origin, self.strides[1:]))
        return Region(self.memory, offset, (self.shape[0], *shape), self.strides)

    def picture(self) -> Region:
        """Return (N, H, W, C); features (N, F) are pictures of one pixel."""
        if len(self.shape) != 2:
            return self
        (batch, features), (each, step) = self.shape, self.strides
        return Region(
            self.memory, self.offset, (batch, 1, 1, features), (each, features, features, step)
        )


def contiguous(memory: Array, offset: int, shape: Shape) -> Region:
    """Return the region of an array without gaps."""
    return Region(memory, offset, shape, _strides(shape))


@lru_cache(maxsize=1024)
def _in_bytes(strides: Strides) -> Strides:
    return tuple([stride * FLOAT.itemsize for stride in strides])


@lru_cache(maxsize=1024)
def _strides(shape: Shape) -> Strides:
    return tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()
