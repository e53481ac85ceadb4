"""Operations that work number by number, or vector by vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import ClassVar, TypeAlias

import numpy as np

from npfacenet.inference.costs import passes
from npfacenet.inference.elementwise_calls import add_row, copy, rectify
from npfacenet.inference.operation import Call, Operation, SizedOperation, Sliced, halves_of_rows
from npfacenet.inference.region import Region
from npfacenet.layers import Array, ResidualAdd, Shape

Make: TypeAlias = Callable[[Sequence[Region], Sequence[Region]], list[Call]]


class Simple(SizedOperation):
    """A step that needs nothing but its inputs and outputs."""

    def __init__(
        self,
        kind: str,
        make: Make,
        cost: float = 0.0,
        rows: int = 0,
    ) -> None:
        self.kind, self._make, self.cost, self._rows = kind, make, cost, rows

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each, of what works number by number."""
        half = Simple(self.kind, self._make, self.cost / 2)
        return halves_of_rows(
            range(self._rows), lambda rows: Sliced(half, 1, rows.start, rows.stop, of_inputs=True)
        )

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """What the operation does."""
        return self._make(inputs, outputs)


def _number_by_number(make: Make, batch: int, shape: Shape) -> Simple:
    """Up to three passes over the numbers, of which rows may be shared out."""
    rows = shape[0] if len(shape) == 3 else 0
    return Simple("passes", make, passes(batch * prod(shape), 3), rows)


@dataclass(frozen=True, eq=False)
class Affine(Operation):
    """x * factor + shift, each (C,) or absent, and ReLU: what could not be folded elsewhere."""

    factor: Array | None = None
    shift: Array | None = None
    relu: bool = False
    in_place: ClassVar[int | None] = 0

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return inputs

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """Up to three passes over the numbers."""
        return _number_by_number(self._calls, batch, inputs[0])

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        (source,), (target,) = inputs, outputs
        calls: list[Call] = []
        if self.factor is not None:
            calls.append(partial(np.multiply, source.array(), self.factor, target.array()))
            source = target
        if self.shift is not None:
            calls += [*copy(source, target), *add_row(target, self.shift)]
            source = target
        return calls + (rectify(source, target) if self.relu else copy(source, target))


@dataclass(frozen=True, eq=False)
class Add(Operation):
    """x + scale * residual, and ReLU; in the memory of the residual."""

    scale: float = 1.0
    relu: bool = False
    in_place: ClassVar[int | None] = 1

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of both inputs."""
        return (ResidualAdd().output_shape(*inputs),)

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """Up to three passes over the numbers."""
        return _number_by_number(self._calls, batch, inputs[0])

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        x, residual, (target,) = inputs[0].array(), inputs[1].array(), outputs
        total = target.array()
        calls: list[Call] = []
        if self.scale != 1:
            calls.append(partial(np.multiply, residual, np.float32(self.scale), total))
            residual = total
        calls.append(partial(np.add, x, residual, total))
        return calls + (rectify(target, target) if self.relu else [])


@dataclass(frozen=True, eq=False)
class Normalize(Operation):
    """Vectors of length one: squared lengths below `epsilon` count as `epsilon`."""

    epsilon: float

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return inputs

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """Five calls."""
        return Simple("normalise", self._calls, passes(batch * prod(inputs[0]), 5))

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        x, unit = inputs[0].array(), outputs[0].array()
        lengths = np.empty((*x.shape[:-1], 1), np.float32)
        return [
            partial(np.multiply, x, x, unit),
            partial(np.add.reduce, unit, axis=-1, keepdims=True, out=lengths),
            partial(np.maximum, lengths, np.float32(self.epsilon), out=lengths),
            partial(np.sqrt, lengths, lengths),
            partial(np.divide, x, lengths, unit),
        ]
