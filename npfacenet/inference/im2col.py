"""Convolution as one product of matrices: im2col, in pieces that stay in a cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import copy
from npfacenet.inference.epilogue import epilogue
from npfacenet.inference.filter_bank import FilterBank
from npfacenet.inference.operation import SizedOperation
from npfacenet.inference.partition import Piece, halves_of_rows, partition, row_counts
from npfacenet.inference.product import multiply, partial_sums
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Shape, Window
from npfacenet.layers.window import ONE_PIXEL


@dataclass(frozen=True)
class Im2col:
    """The algorithm: patches as rows, times the kernel; a window of one pixel needs no patches."""

    def serves(self, window: Window) -> bool:
        """Return True: it serves every window."""
        return True

    def estimate(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> float:
        """Estimate nanoseconds for `batch` pictures (H, W, C)."""
        return _estimate(bank, costs, batch * prod(bank.window.positions(*shape[:2])))

    def sized(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> SizedOperation:
        """Return the operation for `batch` pictures (H, W, C)."""
        return SizedIm2col(bank, costs, batch, shape)


class SizedIm2col(SizedOperation):
    """Im2col of some rows of the output, all by default."""

    def __init__(
        self,
        bank: FilterBank,
        costs: Costs,
        batch: int,
        shape: Shape,
        rows: range | None = None,
    ) -> None:
        self._bank, self._costs, self._sizes = bank, costs, (batch, shape)
        self.pointwise = bank.window == ONE_PIXEL
        self.kind = "1x1" if self.pointwise else "im2col"
        self.borders = (bank.window.margins(*shape[:2]),)
        height, self.columns = bank.window.positions(*shape[:2])
        self.rows = range(height) if rows is None else rows
        self.cost = _estimate(bank, costs, batch * len(self.rows) * self.columns)
        self.numbers = prod(bank.kernel.shape[:3])
        row = self.columns * (bank.filters + (0 if self.pointwise else self.numbers))
        self.pieces = partition(batch, self.rows, row, max(costs.cache, bank.kernel.size))
        counts = {rows * self.columns for rows in row_counts(self.pieces)}
        # A window of one pixel needs patches only if its input has gaps.
        self._before_sums = max(counts) * (bank.filters + self.numbers)
        sums = [partial_sums(count, self.numbers, bank.filters, costs.cuts) for count in counts]
        spare = [
            member.activation.spare(max(counts) * member.filters, costs) for member in bank.members
        ]
        self.scratch = self._before_sums + max(*sums, *spare)

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Return copies, products and epilogues, piece by piece."""
        bank, costs = self._bank, self._costs
        kernel = bank.kernel.reshape(-1, bank.filters)
        images, targets = inputs[0].picture(), [region.picture() for region in outputs]
        spare = scratch.part(0, self._before_sums, self.scratch)  # also for sums, earlier
        calls: list[Call] = []
        for piece in self.pieces:
            patches, copying = self._patches(images, piece, scratch)
            parts = [_of_piece(target, piece) for target in targets]
            product = parts[0] if len(parts) == 1 and parts[0].line() is not None else None
            if product is None:
                shape = (*parts[0].shape[:3], bank.filters)
                used = prod(patches.shape) if copying else 0
                product = contiguous(scratch.memory, scratch.offset + used, shape)
            out = product.array().reshape(-1, bank.filters)
            calls += [*copying, *multiply(patches.array(), kernel, out, spare.array(), costs.cuts)]
            calls += epilogue(product, bank.bias, bank.members, parts, spare, costs)
        return calls

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each, or half of the filters."""
        bank, costs, sizes = self._bank, self._costs, self._sizes
        return [
            *halves_of_rows(self.rows, lambda rows: SizedIm2col(bank, costs, *sizes, rows)),
            *bank.halves(lambda half: SizedIm2col(half, costs, *sizes), self._exchange()),
        ]

    def _exchange(self) -> float:
        """What it costs a core to read the half of the input that the other one wrote."""
        batch, shape = self._sizes
        return self._costs.far * batch * prod(shape) / 2

    def _patches(self, images: Region, piece: Piece, scratch: Region) -> tuple[Region, list[Call]]:
        """Return the patches of a piece as rows of a matrix, and the copies that arrange them."""
        (pictures, rows), window = piece, self._bank.window
        (down, right), (height, width) = window.stride, window.size
        (top, _), (left, _) = self.borders[0]
        picture, row, column, channel = images.strides
        offset = images.offset + pictures.start * picture
        offset += (rows.start * down - top) * row - left * column
        count = pictures.stop - pictures.start, rows.stop - rows.start
        shape = (*count, self.columns, height, width, images.shape[3])
        strides = (picture, row * down, column * right, row, column, channel)
        seen = Region(images.memory, offset, shape, strides)
        if self.pointwise:
            pixels = Region(images.memory, offset, (*shape[:3], shape[5]), (*strides[:3], channel))
            if (flat := pixels.rows()) is not None and channel == 1:
                return flat, []
        gathered = contiguous(scratch.memory, scratch.offset, shape)
        matrix = (prod(shape[:3]), self.numbers)
        return contiguous(scratch.memory, scratch.offset, matrix), copy(seen, gathered)


def _of_piece(region: Region, piece: Piece) -> Region:
    pictures, rows = piece
    return region.part(0, pictures.start, pictures.stop).part(1, rows.start, rows.stop)


def _estimate(bank: FilterBank, costs: Costs, positions: int) -> float:
    numbers = prod(bank.kernel.shape[:3])
    cost = costs.product(positions, numbers, bank.filters)
    cost += costs.epilogue(positions * bank.filters)
    return cost + (0 if bank.window == ONE_PIXEL else costs.gathering(positions * numbers))
