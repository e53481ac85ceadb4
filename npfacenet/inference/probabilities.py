"""Scores to probabilities: the logistic function and softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import ClassVar

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation, SimpleOperation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Array, Shape, Sigmoid, Softmax

FEW = 16
"""Classes up to which softmax goes from class to class: NumPy reduces short rows slowly."""
ONE = np.float32(1)


@dataclass(frozen=True, eq=False)
class Logistic(Operation):
    """1 / (1 + exp(-x)); where exp overflows, that is 0."""

    in_place: ClassVar[int | None] = 0

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Four calls over the numbers."""
        cost = costs.calls(4, batch * prod(inputs[0]))
        rows = inputs[0][0] if len(inputs[0]) == 3 else 0
        return SimpleOperation("sigmoid", self._calls, cost, rows=rows)

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        x, y = inputs[0].array(), outputs[0].array()
        return [
            partial(np.negative, x, y),
            partial(np.exp, y, y),
            partial(np.add, y, ONE, y),
            partial(np.divide, ONE, y, y),
        ]


@dataclass(frozen=True, eq=False)
class SoftmaxOfLast(Operation):
    """exp(x) over its sum along the last axis; the largest is subtracted first."""

    in_place: ClassVar[int | None] = 0

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Five passes over the numbers."""
        numbers = batch * prod(inputs[0])
        return SimpleOperation("softmax", self._calls, costs.calls(5, numbers))

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        x, y = inputs[0].array(), outputs[0].array()
        each = np.empty((*x.shape[:-1], 1), np.float32)
        return [
            *_over_classes(np.maximum, x, each),
            partial(np.subtract, x, each, y),
            partial(np.exp, y, y),
            *_over_classes(np.add, y, each),
            partial(np.divide, y, each, y),
        ]


def fold_sigmoid(_: Folding, site: Site[Sigmoid]) -> Operation:
    """The same number by number."""
    return Logistic(site.inputs, site.outputs)


def fold_softmax(_: Folding, site: Site[Softmax]) -> Operation:
    """One operation for one layer."""
    return SoftmaxOfLast(site.inputs, site.outputs)


def _over_classes(combine: np.ufunc, x: Array, each: Array) -> list[Call]:
    """Combine the numbers along the last axis of x (..., C), to `each` (..., 1)."""
    if not 1 < x.shape[-1] <= FEW:
        return [partial(combine.reduce, x, axis=-1, keepdims=True, out=each)]
    classes, out = np.moveaxis(x, -1, 0), each[..., 0]
    calls: list[Callable[[], object]] = [partial(combine, classes[0], classes[1], out=out)]
    return [*calls, *(partial(combine, out, one, out=out) for one in classes[2:])]
