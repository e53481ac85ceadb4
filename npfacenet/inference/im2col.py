"""Convolution as one product of matrices: im2col, in pieces that stay in cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

from npfacenet.inference.costs import CACHE, finishing, im2col, product
from npfacenet.inference.elementwise_calls import copy
from npfacenet.inference.epilogue import epilogue
from npfacenet.inference.operation import (
    Call,
    SizedOperation,
    Sliced,
    halves_of_rows,
    partition,
    row_counts,
)
from npfacenet.inference.product import multiply, partial_sums
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Shape
from npfacenet.layers.window import ONE_PIXEL

if TYPE_CHECKING:
    from npfacenet.inference.convolve import Convolve


class Im2col(SizedOperation):
    """Patches as rows, times the kernel; a window of one pixel needs no patches."""

    kind = "im2col"

    def __init__(
        self, operation: Convolve, batch: int, shape: Shape, rows: range | None = None
    ) -> None:
        self.operation, self._bound = operation, (batch, shape)
        window = operation.window
        self.borders = (window.margins(*shape[:2]),)
        height, self.columns = window.positions(*shape[:2])
        self.rows = range(height) if rows is None else rows
        self.filters = sum(member.filters for member in operation.members)
        self.numbers = prod(operation.kernel.shape[:3])
        self.pointwise = window == ONE_PIXEL
        row = self.columns * (self.filters + (0 if self.pointwise else self.numbers))
        self.partition = partition(batch, self.rows, row, max(CACHE, operation.kernel.size))
        # A window of one pixel needs patches after all where its input has gaps.
        counts = {size * self.columns for size in row_counts(self.partition)}
        self._unsummed = max(counts) * (self.filters + self.numbers)
        sums = max(partial_sums(count, self.numbers, self.filters) for count in counts)
        self.scratch = self._unsummed + sums
        positions = batch * len(self.rows) * self.columns
        self.cost = product(positions, self.numbers, self.filters)
        self.cost += finishing(positions * self.filters)
        self.cost += 0 if self.pointwise else im2col(positions * self.numbers)
        if self.pointwise:
            self.kind = "1x1"

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Copy, product, bias and ReLU, piece by piece."""
        operation = self.operation
        kernel = operation.kernel.reshape(-1, self.filters)
        images, targets = inputs[0].picture(), [view.picture() for view in outputs]
        sums = scratch.memory[scratch.offset + self._unsummed : scratch.offset + self.scratch]
        calls: list[Call] = []
        for pictures, rows in self.partition:
            patches, copying = self._patches(images, pictures, rows, scratch)
            parts = [_piece(target, pictures, rows) for target in targets]
            product = parts[0] if len(parts) == 1 and parts[0].line() is not None else None
            if product is None:
                shape = (*parts[0].shape[:3], self.filters)
                used = prod(patches.shape) if copying else 0
                product = contiguous(scratch.memory, scratch.offset + used, shape)
            out = product.array().reshape(-1, self.filters)
            calls += [*copying, *multiply(patches.array(), kernel, out, sums)]
            calls += epilogue(product, operation.bias, operation.members, parts)
        return calls

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each, or half of the filters."""
        ways = halves_of_rows(self.rows, lambda rows: Im2col(self.operation, *self._bound, rows))
        return ways + halves_of_filters(self.operation, lambda part: Im2col(part, *self._bound))

    def _patches(
        self, images: Region, pictures: slice, rows: slice, scratch: Region
    ) -> tuple[Region, list[Call]]:
        """The patches of a piece as rows of a matrix, and the copying that makes them so."""
        window = self.operation.window
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


def _piece(view: Region, pictures: slice, rows: slice) -> Region:
    return view.part(0, pictures.start, pictures.stop).part(1, rows.start, rows.stop)


def halves_of_filters(
    operation: Convolve, step: Callable[[Convolve], SizedOperation]
) -> list[tuple[SizedOperation, SizedOperation]]:
    """A step for each half of the filters, as the only way, or no way."""
    filters = operation.kernel.shape[3]
    if len(operation.members) > 1 or filters < 2:
        return []
    middle = filters // 2
    one, other = (
        Sliced(step(operation.of_filters(start, stop)), -1, start, stop, of_inputs=False)
        for start, stop in ((0, middle), (middle, filters))
    )
    return [(one, other)]
