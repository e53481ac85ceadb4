"""Convolution by Winograd's minimal filtering, in pieces that stay in cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from npfacenet.inference.finish import finish
from npfacenet.inference.passes import add_row, copy
from npfacenet.inference.step import CACHE, Call, Step, pieces
from npfacenet.inference.view import View, contiguous
from npfacenet.inference.winograd import joined
from npfacenet.layers import Array, Shape
from npfacenet.layers.window import Pair

if TYPE_CHECKING:
    from npfacenet.inference.convolve import Convolve


class Winograd(Step):
    """Tiles of the picture to (points, tiles, C), a product at each point, and back.

    `tile` (m, n) is what one tile gives; points = (m + height - 1) * (n + width - 1).
    """

    def __init__(self, operation: Convolve, batch: int, shape: Shape, tile: Pair) -> None:
        self.operation, self.tile = operation, tile
        self.kind = f"F({tile[0]}x{tile[1]})"
        window = operation.window
        self.positions = window.positions(*shape[:2])
        self.tiles = (-(-self.positions[0] // tile[0]), -(-self.positions[1] // tile[1]))
        self.size = (tile[0] + window.size[0] - 1, tile[1] + window.size[1] - 1)
        (top, _), (left, _) = window.margins(*shape[:2])
        bottom = self.tiles[0] * tile[0] + window.size[0] - 1 - top - shape[0]
        right = self.tiles[1] * tile[1] + window.size[1] - 1 - left - shape[1]
        self.borders = (((top, max(bottom, 0)), (left, max(right, 0))),)
        self.channels, self.filters = operation.kernel.shape[2:]
        wide = max(self.channels, self.filters)
        row = self.tiles[1] * prod(self.size) * 2 * wide
        self.pieces = list(pieces(batch, self.tiles[0], row, 2 * CACHE))
        most = max((p.stop - p.start) * (r.stop - r.start) for p, r in self.pieces)
        self.half = most * self.tiles[1] * prod(self.size) * wide
        self.scratch = 2 * self.half

    def calls(self, inputs: Sequence[View], outputs: Sequence[View], scratch: View) -> list[Call]:
        """Tiles, transform, products, transform back, bias, ReLU and to place, for each piece."""
        matrices = joined(self.tile, self.operation.window.size)
        forth, back = (m.astype(np.float32) for m in (matrices.input, matrices.output))
        kernel = self.operation.transformed(self.tile)
        points, outputs_each = prod(self.size), prod(self.tile)
        memory, one, other = scratch.memory, scratch.offset, scratch.offset + self.half

        def array(offset: int, *shape: int) -> Array:
            return contiguous(memory, offset, shape).array()

        calls: list[Call] = []
        for pictures, rows in self.pieces:
            tiles = self._tiles(inputs[0], pictures, rows)
            count = prod(tiles.shape[2:5])
            read, written = count * self.channels, count * self.filters
            seen = array(one, points, read), array(other, points, read)
            products = array(one, points, written), array(other, outputs_each, written)
            stacks = seen[1].reshape(points, count, -1), products[0].reshape(points, count, -1)
            calls += copy(tiles, contiguous(memory, one, tiles.shape))
            calls.append(partial(np.matmul, forth, *seen))
            calls.append(partial(np.matmul, stacks[0], kernel, stacks[1]))
            calls.append(partial(np.matmul, back, *products))
            shape = (*self.tile, *tiles.shape[2:5], self.filters)
            calls += self._scatter(contiguous(memory, other, shape), outputs, pictures, rows)
        return calls

    def _tiles(self, images: View, pictures: slice, rows: slice) -> View:
        """(points down, points across, N, tiles down, tiles across, C); tiles overlap."""
        (top, _), (left, _) = self.borders[0]
        picture, row, column, channel = images.strides
        offset = images.offset + pictures.start * picture - left * column
        offset += (rows.start * self.tile[0] - top) * row
        count = pictures.stop - pictures.start, rows.stop - rows.start
        return View(
            images.memory,
            offset,
            (*self.size, *count, self.tiles[1], self.channels),
            (row, column, picture, row * self.tile[0], column * self.tile[1], channel),
        )

    def _scatter(
        self, product: View, outputs: Sequence[View], pictures: slice, rows: slice
    ) -> list[Call]:
        """(down, across, N, tiles down, tiles across, filters) to (N, H, W, filters).

        What lies beyond the picture is left out: of the last row and column of tiles.
        """
        bias, members = self.operation.bias, self.operation.members
        calls = [] if bias is None else add_row(product, bias)
        for first, stop, inside in _spans(rows, self.tile[0], self.positions[0]):
            for left, right, within in _spans(slice(0, self.tiles[1]), self.tile[1], self.positions[1]):
                part = product.part(0, 0, inside).part(1, 0, within)
                part = part.part(3, first - rows.start, stop - rows.start).part(4, left, right)
                targets = []
                for view in outputs:
                    picture, row, column, channel = view.strides
                    offset = view.offset + pictures.start * picture
                    offset += first * self.tile[0] * row + left * self.tile[1] * column
                    shape = (*part.shape[:5], view.shape[3])
                    strides = (row, column, picture, row * self.tile[0], column * self.tile[1])
                    targets.append(View(view.memory, offset, shape, (*strides, channel)))
                calls += finish(part, None, members, targets)
        return calls


def _spans(tiles: slice, outputs: int, positions: int) -> list[tuple[int, int, int]]:
    """(first tile, last tile + 1, outputs that are used of each): whole tiles, then the last."""
    whole = max(min(tiles.stop, positions // outputs), tiles.start)
    spans = [(tiles.start, whole, outputs)] if whole > tiles.start else []
    left = positions - whole * outputs
    return [*spans, (whole, whole + 1, left)] if whole < tiles.stop else spans
