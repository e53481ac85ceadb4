"""Convolution by Winograd's minimal filtering, in pieces that stay in cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from npfacenet.inference.costs import CACHE, winograd
from npfacenet.inference.elementwise_calls import add_row, copy, rectify
from npfacenet.inference.im2col import halves_of_filters
from npfacenet.inference.operation import (
    Call,
    SizedOperation,
    halves_of_rows,
    partition,
    row_counts,
)
from npfacenet.inference.product import multiply_each
from npfacenet.inference.region import Region, contiguous
from npfacenet.inference.winograd_transforms import Transforms, transforms
from npfacenet.layers import Array, Shape, Window
from npfacenet.layers.window import Margins, Pair

if TYPE_CHECKING:
    from npfacenet.inference.convolve import Convolve


class Winograd(SizedOperation):
    """Tiles of the picture to (points, tiles, C), a product at each point, and back.

    `tile` (m, n) is what one tile gives; with a stride of 1, (m + height - 1) * (n + width - 1)
    points.
    """

    def __init__(
        self,
        operation: Convolve,
        batch: int,
        shape: Shape,
        tile: Pair,
        rows: range | None = None,
    ) -> None:
        self.operation, self.tile, self._bound = operation, tile, (batch, shape, tile)
        self.kind = f"F({tile[0]}x{tile[1]})"
        window = operation.window
        self.size = size(window, tile)
        self.advance = (tile[0] * window.stride[0], tile[1] * window.stride[1])
        self.positions = window.positions(*shape[:2])
        self.tiles = _tiles(self.positions, tile)
        self.rows = range(self.tiles[0]) if rows is None else rows
        self.borders = (self._border(window.margins(*shape[:2]), shape),)
        self.channels, self.filters = operation.kernel.shape[2:]
        kernel = prod(self.size) * self.channels * self.filters
        tiles = batch * len(self.rows) * self.tiles[1]
        self.cost = winograd(tiles, prod(self.size), prod(tile), self.channels, self.filters)
        # A kernel larger than the cache is read anew for every piece: fewer, larger pieces then.
        row = self.tiles[1] * prod(self.size) * 2 * max(self.channels, self.filters)
        self.partition = partition(batch, self.rows, row, max(2 * CACHE, kernel))
        self.half = max(row_counts(self.partition)) * row // 2
        self.scratch = 2 * self.half

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows of tiles each, or half of the filters."""
        ways = halves_of_rows(self.rows, lambda rows: Winograd(self.operation, *self._bound, rows))
        return ways + halves_of_filters(self.operation, lambda part: Winograd(part, *self._bound))

    def _border(self, margins: Margins, shape: Shape) -> Margins:
        """The window's own, and as far as the last tiles reach."""
        border = []
        for axis, (before, _) in enumerate(margins):
            reach = (self.tiles[axis] - 1) * self.advance[axis] + self.size[axis]
            border.append((before, max(reach - before - shape[axis], 0)))
        return border[0], border[1]

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Tiles, transform, products, transform back, bias, ReLU and to place, for each piece."""
        flows: dict[int, _Flow] = {}  # by the number of tiles: pieces work in the same memory
        calls: list[Call] = []
        for pictures, rows in self.partition:
            tiles = self._tiles(inputs[0], pictures, rows)
            count = prod(tiles.shape[2:5])
            if count not in flows:
                flows[count] = self._flow(count, scratch)
            calls += copy(tiles, contiguous(scratch.memory, scratch.offset, tiles.shape))
            calls += flows[count].calls
            shape = (*self.tile, *tiles.shape[2:5], self.filters)
            product = contiguous(scratch.memory, flows[count].here, shape)
            calls += self._scatter(product, outputs[0], pictures, rows)
        return calls

    def _flow(self, tiles: int, scratch: Region) -> _Flow:
        """What becomes of gathered tiles until they are scattered."""
        (member,), offset = self.operation.members, scratch.offset
        matrices = axes(self.operation.window, self.tile)
        flow = _Flow(scratch.memory, offset, offset + self.half, self.size, tiles, self.channels)
        for axis in (0, 1):
            flow.transform(axis, matrices[axis].input)
        flow.multiply(self.operation.transformed(self.tile))
        for axis in (0, 1):
            flow.transform(axis, matrices[axis].output)
        product = contiguous(scratch.memory, flow.here, (*self.tile, tiles, self.filters))
        if self.operation.bias is not None:
            flow.calls += add_row(product, self.operation.bias)
        if member.relu:
            flow.calls += rectify(product, product)
        return flow

    def _tiles(self, images: Region, pictures: slice, rows: slice) -> Region:
        """(points down, points across, N, tiles down, tiles across, C); tiles overlap."""
        (top, _), (left, _) = self.borders[0]
        picture, row, column, channel = images.strides
        offset = images.offset + pictures.start * picture - left * column
        offset += (rows.start * self.advance[0] - top) * row
        count = pictures.stop - pictures.start, rows.stop - rows.start
        return Region(
            images.memory,
            offset,
            (*self.size, *count, self.tiles[1], self.channels),
            (row, column, picture, row * self.advance[0], column * self.advance[1], channel),
        )

    def _scatter(self, product: Region, output: Region, pictures: slice, rows: slice) -> list[Call]:
        """(down, across, N, tiles down, tiles across, filters) to (N, H, W, filters).

        What lies beyond the picture is left out: of the last row and column of tiles.
        """
        picture, row, column, channel = output.strides
        down, across = row * self.tile[0], column * self.tile[1]
        columns = _spans(slice(0, self.tiles[1]), self.tile[1], self.positions[1])
        calls: list[Call] = []
        for first, stop, inside in _spans(rows, self.tile[0], self.positions[0]):
            for left, right, within in columns:
                part = product.part(0, 0, inside).part(1, 0, within)
                part = part.part(3, first - rows.start, stop - rows.start).part(4, left, right)
                offset = output.offset + pictures.start * picture + first * down + left * across
                strides = (row, column, picture, down, across, channel)
                calls += copy(part, Region(output.memory, offset, part.shape, strides))
        return calls


class _Flow:
    """Numbers (down, across, tiles, C) that pass between two halves of the scratch memory."""

    def __init__(
        self, memory: Array, here: int, there: int, size: Pair, tiles: int, channels: int
    ) -> None:
        self.memory, self.here, self.there = memory, here, there
        self.size, self.tiles, self.channels = size, tiles, channels
        self.calls: list[Call] = []

    def transform(self, axis: int, matrix: Array) -> None:
        """Apply a matrix down or across the tiles."""
        if matrix.shape == (1, 1):
            return
        inner = (self.size[1] if axis == 0 else 1) * self.tiles * self.channels
        stack = self.size[:axis]
        source = (*stack, matrix.shape[1], inner)
        target = (*stack, matrix.shape[0], inner)
        self._matmul(matrix, source, target)
        self.size = (len(matrix), self.size[1]) if axis == 0 else (self.size[0], len(matrix))

    def multiply(self, kernel: Array) -> None:
        """At each point the product with the kernel (points, C, filters)."""
        points, channels, filters = kernel.shape
        source, target = (points, self.tiles, channels), (points, self.tiles, filters)
        seen, product = self._arrays(source, target)
        self.calls += multiply_each(seen, kernel, product)
        self.channels = filters

    def _matmul(self, matrix: Array, source: Shape, target: Shape) -> None:
        seen, product = self._arrays(source, target)
        self.calls.append(partial(np.matmul, matrix, seen, product))

    def _arrays(self, source: Shape, target: Shape) -> tuple[Array, Array]:
        arrays = [
            contiguous(self.memory, offset, shape).array()
            for offset, shape in ((self.here, source), (self.there, target))
        ]
        self.here, self.there = self.there, self.here
        return arrays[0], arrays[1]


def estimate(operation: Convolve, batch: int, shape: Shape, tile: Pair) -> float:
    """The cost of `Winograd`, without making one."""
    tiles = batch * prod(_tiles(operation.window.positions(*shape[:2]), tile))
    points = prod(size(operation.window, tile))
    return winograd(tiles, points, prod(tile), *operation.kernel.shape[2:])


def size(window: Window, tile: Pair) -> Pair:
    """Points down and across, which is also how much of the picture a tile (m, n) sees."""
    down, across = (
        (m - 1) * step + taps
        for m, step, taps in zip(tile, window.stride, window.size, strict=True)
    )
    return down, across


def _tiles(positions: Pair, tile: Pair) -> Pair:
    return -(-positions[0] // tile[0]), -(-positions[1] // tile[1])


@cache
def axes(window: Window, tile: Pair) -> tuple[Transforms, Transforms]:
    """The matrices down and across for tiles (m, n) of a window, in float32."""
    both = [transforms(*numbers) for numbers in zip(tile, window.size, window.stride, strict=True)]
    down, across = (Transforms(*(m.astype(np.float32) for m in one)) for one in both)
    return down, across


def _spans(tiles: slice, outputs: int, positions: int) -> list[tuple[int, int, int]]:
    """(first tile, last tile + 1, outputs that are used of each): whole tiles, then the last."""
    whole = max(min(tiles.stop, positions // outputs), tiles.start)
    spans = [(tiles.start, whole, outputs)] if whole > tiles.start else []
    left = positions - whole * outputs
    return [*spans, (whole, whole + 1, left)] if whole < tiles.stop else spans
