"""Convolution by Winograd's minimal filtering, in pieces that stay in a cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import copy
from npfacenet.inference.epilogue import epilogue
from npfacenet.inference.filter_bank import FilterBank
from npfacenet.inference.operation import SizedOperation
from npfacenet.inference.partition import Piece, halves_of_rows, partition, row_counts
from npfacenet.inference.product import multiply_each
from npfacenet.inference.region import Region, contiguous
from npfacenet.inference.winograd_transforms import MOST_POINTS, axes, points_of
from npfacenet.layers import Array, Shape, Window
from npfacenet.layers.window import Margins, Pair

_MOST_TAPS = 7  # of a filter, along an axis
_MOST_POINTS_OF_TILE = 64  # more lose accuracy, and make kernels large


@dataclass(frozen=True)
class Winograd:
    """The algorithm for one size of tiles: a tile gives `tile` (m, n) outputs of a filter.

    Along an axis where the window has a single tap a tile is one output long.
    """

    tile: Pair

    def serves(self, window: Window) -> bool:
        """Whether it is accurate enough for this window, and can be faster there."""
        if window.size == (1, 1) or max(window.size) > _MOST_TAPS:
            return False
        if max(window.stride) > min(2, *window.size):
            return False
        tile = self._tile(window)
        sides = zip(tile, window.size, window.stride, strict=True)
        longest = max(m + -(-taps // stride) - 1 for m, taps, stride in sides)
        return longest <= MOST_POINTS and prod(points_of(window, tile)) <= _MOST_POINTS_OF_TILE

    def estimate(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> float:
        """Estimate nanoseconds for `batch` pictures (H, W, C)."""
        tile = self._tile(bank.window)
        tiles = batch * prod(_counts(bank.window.positions(*shape[:2]), tile))
        return _estimate(bank, costs, tile, tiles)

    def sized(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> SizedOperation:
        """Return the operation for `batch` pictures (H, W, C)."""
        return SizedWinograd(bank, costs, batch, shape, self._tile(bank.window))

    def _tile(self, window: Window) -> Pair:
        down, across = (
            m if taps > 1 else 1 for m, taps in zip(self.tile, window.size, strict=True)
        )
        return down, across


class Stage(NamedTuple):
    """One product on the way from gathered to finished tiles: from one array to another."""

    before: Shape
    after: Shape
    calls: Callable[[Array, Array], list[Call]]


class SizedWinograd(SizedOperation):
    """Winograd's filtering of some rows of tiles, all by default.

    Scratch memory has two halves. A piece's tiles are gathered into the first; each stage reads
    one half and writes the other.
    """

    def __init__(
        self,
        bank: FilterBank,
        costs: Costs,
        batch: int,
        shape: Shape,
        tile: Pair,
        rows: range | None = None,
    ) -> None:
        self._bank, self._costs, self._sizes = bank, costs, (batch, shape, tile)
        self.kind, self.tile, window = f"F({tile[0]}x{tile[1]})", tile, bank.window
        self.points = points_of(window, tile)
        self.advance = (tile[0] * window.stride[0], tile[1] * window.stride[1])
        self.positions = window.positions(*shape[:2])
        self.tiles = _counts(self.positions, tile)
        self.rows = range(self.tiles[0]) if rows is None else rows
        self.cost = _estimate(bank, costs, tile, batch * len(self.rows) * self.tiles[1])
        self.borders = (self._border(window.margins(*shape[:2]), shape),)
        # A kernel larger than the cache is read anew for every piece: fewer, larger pieces then.
        kernel = prod(self.points) * bank.channels * bank.filters
        row = self.tiles[1] * prod(self.points) * 2 * max(bank.channels, bank.filters)
        self.pieces = partition(batch, self.rows, row, max(2 * costs.cache, kernel))
        self.half = max(row_counts(self.pieces)) * row // 2
        self.scratch = 2 * self.half

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows of tiles each, or half of the filters."""
        bank, costs, sizes = self._bank, self._costs, self._sizes
        return [
            *halves_of_rows(self.rows, lambda rows: SizedWinograd(bank, costs, *sizes, rows)),
            *bank.halves(lambda half: SizedWinograd(half, costs, *sizes)),
        ]

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Return the calls, piece by piece: gather, all stages, epilogue, scatter."""
        halves = [scratch.part(0, i * self.half, (i + 1) * self.half) for i in (0, 1)]
        filtered: dict[int, tuple[list[Call], Region]] = {}  # pieces work in the same memory
        calls: list[Call] = []
        for piece in self.pieces:
            tiles = self._tiles(inputs[0], piece)
            count = prod(tiles.shape[2:5])
            if count not in filtered:
                filtered[count] = self._filtered(count, halves)
            filtering, product = filtered[count]
            calls += copy(tiles, _first(halves[0], tiles.shape))
            calls += filtering
            shape = (*self.tile, *tiles.shape[2:5], self._bank.filters)
            calls += self._scatter(_first(product, shape), outputs[0], piece)
        return calls

    def _filtered(self, tiles: int, halves: Sequence[Region]) -> tuple[list[Call], Region]:
        """Return the calls from gathered to finished tiles, and where the finished tiles lie."""
        calls: list[Call] = []
        here, there = halves
        for stage in self._stages(tiles):
            before, after = _first(here, stage.before), _first(there, stage.after)
            calls += stage.calls(before.array(), after.array())
            here, there = there, here
        bank, product = self._bank, _first(here, (*self.tile, tiles, self._bank.filters))
        calls += epilogue(product, bank.bias, bank.members, [product], there, self._costs)
        return calls, product

    def _stages(self, tiles: int) -> list[Stage]:
        """The stages, (points down, across, tiles, C) to (outputs down, across, tiles, filters)."""
        bank, (rows, columns), outputs = self._bank, self.points, self.tile
        down, across = axes(bank.window, self.tile)
        before, after = tiles * bank.channels, tiles * bank.filters
        return [
            *_transformation(down.input, (), columns * before),
            *_transformation(across.input, (rows,), before),
            self._multiplication(tiles),
            *_transformation(down.output, (), columns * after),
            *_transformation(across.output, (outputs[0],), after),
        ]

    def _multiplication(self, tiles: int) -> Stage:
        """The product of all tiles with the kernel, at each point."""
        bank, cuts, points = self._bank, self._costs.cuts, prod(self.points)
        kernel = bank.transformed(self.tile)
        return Stage(
            (points, tiles, bank.channels),
            (points, tiles, bank.filters),
            lambda seen, product: multiply_each(seen, kernel, product, cuts),
        )

    def _border(self, margins: Margins, shape: Shape) -> Margins:
        """Return the window's own margins, extended as far as the last tiles reach."""
        border = []
        for axis, (before, _) in enumerate(margins):
            reach = (self.tiles[axis] - 1) * self.advance[axis] + self.points[axis]
            border.append((before, max(reach - before - shape[axis], 0)))
        return border[0], border[1]

    def _tiles(self, images: Region, piece: Piece) -> Region:
        """(points down, points across, N, tiles down, tiles across, C); tiles overlap."""
        (pictures, rows), ((top, _), (left, _)) = piece, self.borders[0]
        picture, row, column, channel = images.strides
        offset = images.offset + pictures.start * picture - left * column
        offset += (rows.start * self.advance[0] - top) * row
        count = pictures.stop - pictures.start, rows.stop - rows.start
        return Region(
            images.memory,
            offset,
            (*self.points, *count, self.tiles[1], self._bank.channels),
            (row, column, picture, row * self.advance[0], column * self.advance[1], channel),
        )

    def _scatter(self, product: Region, output: Region, piece: Piece) -> list[Call]:
        """(down, across, N, tiles down, tiles across, filters) to (N, H, W, filters).

        The last row and column of tiles may reach beyond the picture; that part is left out.
        """
        (pictures, rows), (picture, row, column, channel) = piece, output.strides
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


def _transformation(matrix: Array, stack: Shape, inner: int) -> list[Stage]:
    """A matrix applied to an axis between `stack` and `inner` numbers; nothing for (1, 1)."""
    if matrix.shape == (1, 1):
        return []
    after, before = matrix.shape
    return [
        Stage(
            (*stack, before, inner),
            (*stack, after, inner),
            lambda seen, product: [partial(np.matmul, matrix, seen, product)],
        )
    ]


def _first(region: Region, shape: Shape) -> Region:
    """As many numbers of a region without gaps as this shape has."""
    return contiguous(region.memory, region.offset, shape)


def _estimate(bank: FilterBank, costs: Costs, tile: Pair, tiles: int) -> float:
    points = prod(points_of(bank.window, tile))
    return costs.winograd(tiles, points, prod(tile), bank.channels, bank.filters)


def _counts(positions: Pair, tile: Pair) -> Pair:
    return -(-positions[0] // tile[0]), -(-positions[1] // tile[1])


def _spans(tiles: slice, outputs: int, positions: int) -> list[tuple[int, int, int]]:
    """(first tile, last tile + 1, used outputs of each): whole tiles, then the last."""
    whole = max(min(tiles.stop, positions // outputs), tiles.start)
    spans = [(tiles.start, whole, outputs)] if whole > tiles.start else []
    left = positions - whole * outputs
    return [*spans, (whole, whole + 1, left)] if whole < tiles.stop else spans
