"""Branches side by side, and zeros around pictures: what is mostly a matter of place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

from npfacenet.inference.costs import passes
from npfacenet.inference.elementwise import Simple
from npfacenet.inference.elementwise_calls import copy
from npfacenet.inference.operation import Call, Operation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Concatenate, Shape, ZeroPadding
from npfacenet.layers.window import Margins


@dataclass(frozen=True, eq=False)
class Assemble(Operation):
    """Inputs side by side in channels, or one input within `margins` of zeros.

    Inputs that have been computed at their places need nothing to be done.
    """

    margins: Margins | None = None

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the whole."""
        layer = Concatenate() if self.margins is None else ZeroPadding(self.margins)
        return (layer.output_shape(*inputs),)

    def origins(self, *inputs: Shape) -> list[tuple[int, ...]]:
        """The place of each input: (row, column, channel), of features (channel,)."""
        if self.margins is not None:
            (top, _), (left, _) = self.margins
            return [(top, left, 0)]
        ends = accumulate((shape[-1] for shape in inputs), initial=0)
        return [(*[0] * (len(shape) - 1), end) for end, shape in zip(ends, inputs, strict=False)]

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """A copy of each input that is not at its place."""
        numbers = batch * sum(map(prod, inputs))
        return Simple("placing", self._calls, passes(numbers, 1))

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        calls = []
        shapes = [source.shape[1:] for source in inputs]
        for source, origin in zip(inputs, self.origins(*shapes), strict=True):
            calls += copy(source, outputs[0].within(origin, source.shape[1:]))
        return calls
