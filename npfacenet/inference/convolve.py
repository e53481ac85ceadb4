"""Convolutions with all that was folded into them, and which kernel serves them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import numpy as np

from npfacenet.inference.direct import Direct
from npfacenet.inference.finish import Member
from npfacenet.inference.step import Operation, Step
from npfacenet.inference.winograd import joined
from npfacenet.inference.winograd_step import Winograd
from npfacenet.layers import Array, Shape, Window
from npfacenet.layers.window import ONE_PIXEL, Pair


@dataclass(frozen=True, eq=False)
class Convolve(Operation):
    """Convolutions of one input by one product: kernel (h, w, C, filters), bias (filters,).

    Their filters stand side by side, those of `members[i]` going to `outputs[i]`. A dense layer
    is a convolution of pictures of one pixel.
    """

    kernel: Array
    bias: Array | None
    window: Window
    members: tuple[Member, ...]
    _transformed: dict[Pair, Array] = field(default_factory=dict, init=False, repr=False)

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(H, W, C) to (rows, columns, filters) each; (features,) to (units,)."""
        (shape,) = inputs
        around = self.window.positions(*shape[:2]) if len(shape) == 3 else ()
        return tuple((*around, member.filters) for member in self.members)

    def multiply_adds(self, *inputs: Shape) -> int:
        """One for every number of the kernel at every position."""
        return self.kernel.size * prod(self.output_shapes(*inputs)[0][:-1])

    def step(self, batch: int, *inputs: Shape) -> Step:
        """The cheaper of im2col and the kinds of Winograd's filtering, by `_cost`."""
        shape = inputs[0] if len(inputs[0]) == 3 else (1, 1, *inputs[0])
        tiles = list(_tiles(self.window))
        if tiles:
            positions = self.window.positions(*shape[:2])
            direct = _direct_cost(batch, positions, self.kernel.shape)
            costs = [_winograd_cost(batch, positions, self.kernel.shape, tile) for tile in tiles]
            if min(costs) < direct:
                return Winograd(self, batch, shape, tiles[costs.index(min(costs))])
        return Direct(self, batch, shape)

    def transformed(self, tile: Pair) -> Array:
        """The kernel at the points of Winograd's filtering, (points, C, filters); made once."""
        if tile not in self._transformed:
            matrix = joined(tile, self.window.size).kernel.astype(np.float32)
            flat = self.kernel.reshape(prod(self.window.size), -1)
            stack = (matrix @ flat).reshape(len(matrix), *self.kernel.shape[2:])
            self._transformed[tile] = stack
        return self._transformed[tile]


def _tiles(window: Window) -> Iterator[Pair]:
    """The tiles that may serve a window; larger ones lose accuracy."""
    height, width = window.size
    if window.stride != (1, 1) or window == ONE_PIXEL or max(height, width) > 7:
        return
    if height == width == 3:
        yield from ((2, 2), (3, 3), (4, 4))
    elif height == width == 5:
        yield from ((2, 2), (3, 3))
    elif min(height, width) == 1:
        for outputs in (2, 3, 4):
            yield (outputs, 1) if width == 1 else (1, outputs)


# Nanoseconds on one core of the machine that the README names; only their relation counts.
_FLOP = 0.01
_TRANSFORM_FLOP = 0.014  # products of small matrices, at the speed of memory
_COPY = 0.14  # a number gathered in runs of a few hundred
_SCATTER = 0.5  # a number to its place in short runs
_ROWS = 6  # a product of few rows costs as if it had so many more: reading the other matrix
_CALL = 700.0


def _product(rows: int, inner: int, columns: int) -> float:
    return 2 * _FLOP * (rows + _ROWS) * inner * columns + _CALL


def _direct_cost(batch: int, positions: Pair, kernel: Shape) -> float:
    height, width, channels, filters = kernel
    rows, numbers = batch * prod(positions), height * width * channels
    return _product(rows, numbers, filters) + _COPY * rows * numbers + _CALL


def _winograd_cost(batch: int, positions: Pair, kernel: Shape, tile: Pair) -> float:
    height, width, channels, filters = kernel
    points = (tile[0] + height - 1) * (tile[1] + width - 1)
    tiles = batch * prod(-(-n // m) for n, m in zip(positions, tile, strict=True))
    forth = tiles * channels * points * (_COPY + 2 * _TRANSFORM_FLOP * points)
    back = tiles * filters * prod(tile) * (_SCATTER + 2 * _TRANSFORM_FLOP * points)
    return forth + points * (_product(tiles, channels, filters) - _CALL / 2) + back + 5 * _CALL
