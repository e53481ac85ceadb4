"""Operations that work number by number, or vector by vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import ClassVar, Self

import numpy as np

from npfacenet.inference.activation import NONE, Activation
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import add_row, copy
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation, SimpleOperation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Array, L2Normalize, Shape


@dataclass(frozen=True, eq=False)
class Affine(Operation):
    """x * factor + shift, each (C,) or absent, and an activation, if nothing before takes them."""

    factor: Array | None = None
    shift: Array | None = None
    activation: Activation = NONE
    in_place: ClassVar[int | None] = 0

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Return up to three calls over all numbers."""
        return _number_by_number(self, costs, batch, inputs[0])

    def activated(self, activation: Activation) -> Self | None:
        """Take the activation, if there is none yet."""
        return None if self.activation.kind != "none" else replace(self, activation=activation)

    def calls(
        self, costs: Costs, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Multiply, add, activation."""
        (source,), (target,) = inputs, outputs
        calls: list[Call] = []
        if self.factor is not None:
            calls.append(partial(np.multiply, source.array(), self.factor, target.array()))
            source = target
        if self.shift is not None:
            calls += [*copy(source, target), *add_row(target, self.shift, costs.run)]
            source = target
        return calls + self.activation.calls(source, target, scratch, costs)


@dataclass(frozen=True, eq=False)
class Add(Operation):
    """x + scale * residual, and an activation, written over the residual."""

    scale: float = 1.0
    activation: Activation = NONE
    in_place: ClassVar[int | None] = 1

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Return up to three calls over all numbers."""
        return _number_by_number(self, costs, batch, inputs[0])

    def activated(self, activation: Activation) -> Self | None:
        """Take the activation, if there is none yet."""
        return None if self.activation.kind != "none" else replace(self, activation=activation)

    def calls(
        self, costs: Costs, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Multiply, add, activation."""
        x, residual, (target,) = inputs[0].array(), inputs[1].array(), outputs
        total = target.array()
        calls: list[Call] = []
        if self.scale != 1:
            calls.append(partial(np.multiply, residual, np.float32(self.scale), total))
            residual = total
        calls.append(partial(np.add, x, residual, total))
        return calls + self.activation.calls(target, target, scratch, costs)


@dataclass(frozen=True, eq=False)
class Normalize(Operation):
    """Vectors of length one: squared lengths below `epsilon` count as `epsilon`."""

    epsilon: float

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Five calls."""
        return SimpleOperation("normalise", self._calls, costs.calls(5, batch * prod(inputs[0])))

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        x, unit = inputs[0].array(), outputs[0].array()
        lengths = np.empty((*x.shape[:-1], 1), np.float32)
        return [
            partial(np.multiply, x, x, unit),
            partial(np.add.reduce, unit, axis=-1, keepdims=True, out=lengths),
            partial(np.maximum, lengths, np.float32(self.epsilon), out=lengths),
            partial(np.sqrt, lengths, lengths),
            partial(np.divide, x, lengths, unit),
        ]


def fold_l2_normalize(_: Folding, site: Site[L2Normalize]) -> Operation:
    """Fold L2 normalisation into an operation of its own."""
    return Normalize(site.inputs, site.outputs, site.layer.epsilon)


def _number_by_number(
    operation: Affine | Add, costs: Costs, batch: int, shape: Shape
) -> SizedOperation:
    """Return the operation: up to three calls over all numbers; rows can be computed apart."""
    numbers = batch * prod(shape)
    return SimpleOperation(
        "elementwise",
        partial(operation.calls, costs),
        costs.calls(3, numbers),
        rows=shape[0] if len(shape) == 3 else 0,
        scratch=operation.activation.spare(numbers, costs),
    )
