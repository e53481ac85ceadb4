"""SeparablePooling, first down and then across, so that most of it runs over long rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Literal

import numpy as np

from npfacenet.inference.costs import CACHE, passes, pooling
from npfacenet.inference.elementwise import Simple
from npfacenet.inference.elementwise_calls import add_row, rectify
from npfacenet.inference.operation import Call, Operation, SizedOperation, halves_of_rows, partition
from npfacenet.inference.region import Region, contiguous
from npfacenet.layers import Array, Shape, Window

Kind = Literal["max", "average", "l2"]


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """Max, average or L2 pooling; then a bias (C,) and ReLU where they were moved behind it.

    The largest of numbers plus a bias is the largest number plus the bias, and so with ReLU:
    behind a max pooling there are fewer numbers.
    """

    pooling: Kind
    window: Window
    bias: Array | None = None
    relu: bool = False

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(H, W, C) to (rows, columns, C)."""
        return (self.window.output_shape(inputs[0]),)

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """SeparablePooling of so many pictures."""
        return SeparablePooling(self, batch, inputs[0])


class SeparablePooling(SizedOperation):
    """A pooling of pictures of one shape, a few pictures at a time."""

    def __init__(
        self, operation: Pooling, batch: int, shape: Shape, rows: range | None = None
    ) -> None:
        self.operation, self.shape, self._batch = operation, shape, batch
        self.kind = f"{operation.pooling} pooling"
        height, self.columns = operation.window.positions(*shape[:2])
        self.rows = range(height) if rows is None else rows
        between = len(self.rows) * shape[1] * shape[2]
        squares = prod(shape) if operation.pooling == "l2" else 0
        self.partition = [p for p, _ in partition(batch, range(1), between + squares, CACHE)]
        self.scratch = max(p.stop - p.start for p in self.partition) * (between + squares)
        share = len(self.rows) / max(height, 1)
        self.cost = pooling(share * batch * prod(shape), sum(operation.window.size))

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each."""
        if self.operation.pooling == "l2":
            return []
        bound = (self.operation, self._batch, self.shape)
        return halves_of_rows(self.rows, lambda rows: SeparablePooling(*bound, rows))

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Down, across, and what follows, for a few pictures at a time."""
        operation, memory, free = self.operation, scratch.memory, scratch.offset
        combine = np.maximum if operation.pooling == "max" else np.add
        calls: list[Call] = []
        for pictures in self.partition:
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
            calls += self._after(target)
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

    def _after(self, target: Region) -> list[Call]:
        operation, array = self.operation, target.array()
        if operation.pooling == "l2":
            return [partial(np.sqrt, array, array)]
        if operation.pooling == "average":
            return [partial(np.multiply, array, self._shares(), array)]
        calls = [] if operation.bias is None else add_row(target, operation.bias)
        return [*calls, *(rectify(target, target) if operation.relu else [])]

    def _shares(self) -> Array:
        """1 / pixels of the picture, not of its padding, under each window: (rows, columns, C)."""
        counts = self.operation.window.counts(*self.shape[:2])[self.rows.start : self.rows.stop]
        return np.repeat(1 / counts[:, :, None], self.shape[2], axis=2)


@dataclass(frozen=True, eq=False)
class GlobalMean(Operation):
    """The mean of each channel over a picture, as a product with a row of equal shares."""

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(H, W, C) to (C,)."""
        return (inputs[0][2:],)

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """One call."""
        return Simple("mean", self._calls, passes(batch * prod(inputs[0]), 1))

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        images, output = inputs[0], outputs[0].array()
        pixels = images.part(0, 0, 1).rows()
        if pixels is None:
            return [partial(np.mean, images.array(), (1, 2), None, output)]
        count = pixels.shape[0]
        strides = (images.strides[0], *pixels.strides)
        stack = Region(images.memory, images.offset, (images.shape[0], *pixels.shape), strides)
        share = np.full((1, count), 1 / count, np.float32)
        return [partial(np.matmul, share, stack.array(), output[:, None, :])]
