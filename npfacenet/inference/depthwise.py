"""Depthwise convolution: each channel with a kernel of its own, summed over long runs of numbers.

A product of matrices would mix channels. A sum of shifted pictures, each multiplied by one pixel of
the kernel, does not, and `np.einsum` computes it in one pass: its inner loop multiplies two runs
and adds them to a third. Several pixels side by side make the runs long; the kernel is repeated as
often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Self

import numpy as np

from npfacenet.inference.activation import NONE, Activation
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import run_length
from npfacenet.inference.epilogue import Member, epilogue
from npfacenet.inference.fold_state import Folding, Site, owned
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.inference.partition import Piece, halves_of_rows, partition
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Array, DepthwiseConvolution, Shape, Window


@dataclass(frozen=True, eq=False)
class Depthwise(Operation):
    """A depthwise convolution: `kernel` (h, w, C), `bias` (C,) or absent, and an activation."""

    kernel: Array
    bias: Array | None
    window: Window
    activation: Activation = NONE

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """A sum over the pixels of the kernel."""
        return SizedDepthwise(self, costs, batch, inputs[0])

    def multiply_adds(self, *inputs: Shape) -> int:
        """One for every number of the kernel at every position."""
        return self.kernel.size * prod(self.window.positions(*inputs[0][:2]))

    def scaled(self, factor: Array | np.float32, shift: Array | None) -> Self | None:
        """Scale the kernel and the bias, if there is no activation."""
        if self.activation.kind != "none":
            return None
        bias = None if self.bias is None else self.bias * factor
        if shift is not None:
            bias = shift if bias is None else bias + shift
        return replace(self, kernel=self.kernel * factor, bias=bias)

    def activated(self, activation: Activation) -> Self | None:
        """Take the activation into the epilogue, if there is none yet."""
        return None if self.activation.kind != "none" else replace(self, activation=activation)

    def bare(self) -> tuple[Self, Array | None, Activation] | None:
        """Return the operation without its epilogue, the bias and the activation."""
        return replace(self, bias=None, activation=NONE), self.bias, self.activation


class SizedDepthwise(SizedOperation):
    """A depthwise convolution of some rows of the output, all by default."""

    kind = "depthwise"

    def __init__(
        self,
        operation: Depthwise,
        costs: Costs,
        batch: int,
        shape: Shape,
        rows: range | None = None,
    ) -> None:
        self._operation, self._costs, self._sizes = operation, costs, (batch, shape)
        window = operation.window
        self.borders = (window.margins(*shape[:2]),)
        height, self.columns = window.positions(*shape[:2])
        self.rows = range(height) if rows is None else rows
        self.channels = shape[2]
        row = self.columns * self.channels * (1 + window.stride[0] * window.stride[1])
        self.pieces = partition(batch, self.rows, row, 2 * costs.cache)
        most = max((p.stop - p.start) * (r.stop - r.start) for p, r in self.pieces)
        self._before_spare = most * self.columns * self.channels
        spare = operation.activation.spare(self._before_spare, costs)
        self.scratch = self._before_spare + spare
        numbers = batch * len(self.rows) * self.columns * self.channels
        self.cost = costs.depthwise(numbers, prod(window.size)) + costs.epilogue(numbers)

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each."""
        common = (self._operation, self._costs, *self._sizes)
        return halves_of_rows(self.rows, lambda rows: SizedDepthwise(*common, rows))

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Sum, bias and activation, piece by piece."""
        operation, (target,) = self._operation, outputs
        members = [Member(self.channels, operation.activation)]
        spare = scratch.part(0, self._before_spare, self.scratch)
        kernels: dict[int, Array] = {}
        calls: list[Call] = []
        for pictures, rows in self.pieces:
            part = target.part(0, pictures.start, pictures.stop).part(1, rows.start, rows.stop)
            total = part
            if part.line() is None:
                total = contiguous(scratch.memory, scratch.offset, part.shape)
            calls += self._sums(inputs[0], (pictures, rows), total, kernels)
            calls += epilogue(total, operation.bias, members, [part], spare, self._costs)
        return calls

    def _sums(
        self, images: Region, piece: Piece, total: Region, kernels: dict[int, Array]
    ) -> list[Call]:
        """The sums of a piece to `total`, whose rows have no gaps."""
        (down, across), (height, width) = self._operation.window.stride, self._operation.window.size
        (top, _), (left, _) = self.borders[0]
        picture, row, column, _ = images.strides
        together = 1
        if across == 1 and images.strides[2:] == (self.channels, 1):
            together = run_length(self.columns, max(self._costs.run // self.channels, 1))
        pictures, rows = piece
        corner = images.offset + pictures.start * picture + (rows.start * down - top) * row
        calls: list[Call] = []
        for start, stop, each in _blocks(self.columns, together):
            run, many = each * self.channels, (stop - start) // each
            seen = Region(
                images.memory,
                corner + (start * across - left) * column,
                (*total.shape[:2], height, width, many, run),
                (picture, row * down, row, column, column * across * each, images.strides[3]),
            )
            made = total.part(2, start, stop)
            made = Region(
                made.memory, made.offset, (*total.shape[:2], many, run), (*made.strides[:2], run, 1)
            )
            if each not in kernels:
                kernels[each] = np.tile(self._operation.kernel, (1, 1, each))
            arrays = seen.array(), kernels[each]
            calls.append(partial(np.einsum, "nmijbx,ijx->nmbx", *arrays, out=made.array()))
        return calls


def fold_depthwise_convolution(_: Folding, site: Site[DepthwiseConvolution]) -> Operation:
    """One operation for one layer."""
    own = site.parameters
    kernel, bias = owned(own["kernel"])[..., 0], owned(own["bias"]) if "bias" in own else None
    return Depthwise(site.inputs, site.outputs, kernel, bias, site.layer.window)


def _blocks(columns: int, together: int) -> list[tuple[int, int, int]]:
    """Return where all whole runs of `together` columns begin and end, and the rest as one run."""
    whole = columns - columns % together
    blocks = [(0, whole, together), (whole, columns, columns - whole)]
    return [block for block in blocks if block[0] < block[1]]
