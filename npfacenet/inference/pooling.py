"""Pooling, first down and then across, so that most of it runs over long rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Literal, Self

import numpy as np

from npfacenet.inference.activation import NONE, Activation
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import add_row
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.inference.partition import halves_of_rows, partition
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Array, Shape, Window

Kind = Literal["max", "average", "l2"]


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """Max, average or L2 pooling; then, for max, a bias (C,) and an activation."""

    pooling: Kind
    window: Window
    bias: Array | None = None
    activation: Activation = NONE

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Pool down, then across."""
        return SeparablePooling(self, costs, batch, inputs[0])

    def activated(self, activation: Activation) -> Self | None:
        """Take the activation behind a max pooling, if there is none yet."""
        if self.pooling != "max" or self.activation.kind != "none":
            return None
        return replace(self, activation=activation)


class SeparablePooling(SizedOperation):
    """A pooling of some rows of the output, all by default, a few pictures at a time."""

    def __init__(
        self,
        operation: Pooling,
        costs: Costs,
        batch: int,
        shape: Shape,
        rows: range | None = None,
    ) -> None:
        self.operation, self._costs, self._batch, self.shape = operation, costs, batch, shape
        self.kind = f"{operation.pooling} pooling"
        height, self.columns = operation.window.positions(*shape[:2])
        self.rows = range(height) if rows is None else rows
        between = len(self.rows) * shape[1] * shape[2]
        squares = prod(shape) if operation.pooling == "l2" else 0
        pieces = partition(batch, range(1), between + squares, costs.cache)
        self.pieces = [pictures for pictures, _ in pieces]
        most = max(pictures.stop - pictures.start for pictures in self.pieces)
        after = len(self.rows) * self.columns * shape[2]
        spare = operation.activation.spare(most * after, costs)
        self.scratch = max(most * (between + squares), spare)
        share = len(self.rows) / max(height, 1)
        self.cost = costs.pooling(share * batch * prod(shape), sum(operation.window.size))

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each."""
        if self.operation.pooling == "l2":
            return []
        sizes = (self.operation, self._costs, self._batch, self.shape)
        return halves_of_rows(self.rows, lambda rows: SeparablePooling(*sizes, rows))

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Down, across, bias and activation, for a few pictures at a time."""
        operation, memory, free = self.operation, scratch.memory, scratch.offset
        combine = np.maximum if operation.pooling == "max" else np.add
        calls: list[Call] = []
        for pictures in self.pieces:
            source = inputs[0].part(0, pictures.start, pictures.stop)
            target = outputs[0].part(0, pictures.start, pictures.stop)
            target = target.part(1, self.rows.start, self.rows.stop)
            shape = (target.shape[0], len(self.rows), *self.shape[1:])
            between = contiguous(memory, free, shape)
            if operation.pooling == "l2":
                squares = contiguous(memory, free + prod(shape), source.shape)
                calls.append(partial(np.square, source.array(), squares.array()))
                source = squares
            calls += self._combine(combine, source, between, 0, self.rows)
            calls += self._combine(combine, between, target, 1, range(self.columns))
            calls += self._after(target, scratch)
        return calls

    def _combine(
        self,
        combine: Callable[..., object],
        source: Region,
        target: Region,
        axis: int,
        positions: range,
    ) -> list[Call]:
        """Combine what the window sees along one axis, 0 down and 1 across."""
        window, length = self.operation.window, self.shape[axis]
        step, before = window.stride[axis], window.margins(*self.shape[:2])[axis][0]
        taps = []
        for tap in range(window.size[axis]):
            start = tap - before  # of the picture's rows, for position 0
            low = max(-(start // step), positions.start)
            high = min((length - 1 - start) // step + 1, positions.stop)
            if low < high:
                first, last = low * step + start, (high - 1) * step + start + 1
                seen = source.part(axis + 1, first, last, step).array()
                taps.append((low - positions.start, high - positions.start, seen))
        everywhere = (0, len(positions))
        whole = [seen for low, high, seen in taps if (low, high) == everywhere]
        partly = [(low, high, seen) for low, high, seen in taps if (low, high) != everywhere]
        output = target.array()
        calls: list[Call]
        if not whole:
            calls = [partial(np.copyto, output, -np.inf if combine is np.maximum else 0)]
        elif len(whole) == 1:
            calls = [partial(np.copyto, output, whole[0])]
        else:
            calls = [partial(combine, whole[0], whole[1], out=output)]
        calls += [partial(combine, output, seen, out=output) for seen in whole[2:]]
        for low, high, seen in partly:
            part = target.part(axis + 1, low, high).array()
            calls.append(partial(combine, part, seen, out=part))
        return calls

    def _after(self, target: Region, spare: Region) -> list[Call]:
        operation, array = self.operation, target.array()
        if operation.pooling == "l2":
            return [partial(np.sqrt, array, array)]
        if operation.pooling == "average":
            return [partial(np.multiply, array, self._shares(), array)]
        costs, bias = self._costs, operation.bias
        calls = [] if bias is None else add_row(target, bias, costs.run)
        return [*calls, *operation.activation.calls(target, target, spare, costs)]

    def _shares(self) -> Array:
        """1 / pixels of the picture, not of its padding, under each window: (rows, columns, C)."""
        counts = self.operation.window.counts(*self.shape[:2])[self.rows.start : self.rows.stop]
        return np.repeat(1 / counts[:, :, None], self.shape[2], axis=2)
