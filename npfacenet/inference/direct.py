"""Convolution as one product of matrices: im2col, in pieces that stay in cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from npfacenet.inference.cost import CACHE, finishing, im2col, product
from npfacenet.inference.finish import finish
from npfacenet.inference.passes import copy
from npfacenet.inference.step import Call, Step, pieces
from npfacenet.inference.view import View, contiguous
from npfacenet.layers import Shape
from npfacenet.layers.window import ONE_PIXEL

if TYPE_CHECKING:
    from npfacenet.inference.convolve import Convolve


class Direct(Step):
    """Patches as rows, times the kernel; a window of one pixel needs no patches."""

    kind = "im2col"

    def __init__(self, operation: Convolve, batch: int, shape: Shape) -> None:
        self.operation = operation
        window = operation.window
        self.borders = (window.margins(*shape[:2]),)
        self.rows, self.columns = window.positions(*shape[:2])
        self.filters = sum(member.filters for member in operation.members)
        self.numbers = prod(operation.kernel.shape[:3])
        self.pointwise = window == ONE_PIXEL
        row = self.columns * (self.filters + (0 if self.pointwise else self.numbers))
        self.pieces = list(pieces(batch, self.rows, row, max(CACHE, operation.kernel.size)))
        most = max((p.stop - p.start) * (r.stop - r.start) for p, r in self.pieces)
        # A window of one pixel needs patches after all where its input has gaps.
        self.scratch = most * self.columns * (self.filters + self.numbers)
        rows = batch * self.rows * self.columns
        self.cost = product(rows, self.numbers, self.filters) + finishing(rows * self.filters)
        self.cost += 0 if self.pointwise else im2col(rows * self.numbers)
        if self.pointwise:
            self.kind = "product"

    def calls(self, inputs: Sequence[View], outputs: Sequence[View], scratch: View) -> list[Call]:
        """Copy, product, bias and ReLU, piece by piece."""
        operation = self.operation
        kernel = operation.kernel.reshape(-1, self.filters)
        images, targets = inputs[0].picture(), [view.picture() for view in outputs]
        calls: list[Call] = []
        for pictures, rows in self.pieces:
            patches, copying = self._patches(images, pictures, rows, scratch)
            parts = [_piece(target, pictures, rows) for target in targets]
            product = parts[0] if len(parts) == 1 and parts[0].line() is not None else None
            if product is None:
                shape = (*parts[0].shape[:3], self.filters)
                used = prod(patches.shape) if copying else 0
                product = contiguous(scratch.memory, scratch.offset + used, shape)
            out = product.rows()
            assert out is not None  # contiguous
            calls += [*copying, partial(np.matmul, patches.array(), kernel, out.array())]
            calls += finish(product, operation.bias, operation.members, parts)
        return calls

    def _patches(
        self, images: View, pictures: slice, rows: slice, scratch: View
    ) -> tuple[View, list[Call]]:
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
        seen = View(images.memory, offset, shape, strides)
        if self.pointwise:
            pixels = View(images.memory, offset, (*shape[:3], shape[5]), (*strides[:3], channel))
            if (flat := pixels.rows()) is not None and channel == 1:
                return flat, []
        gathered = contiguous(scratch.memory, scratch.offset, shape)
        matrix = (prod(shape[:3]), self.numbers)
        return contiguous(scratch.memory, scratch.offset, matrix), copy(seen, gathered)


def _piece(view: View, pictures: slice, rows: slice) -> View:
    return view.part(0, pictures.start, pictures.stop).part(1, rows.start, rows.stop)
