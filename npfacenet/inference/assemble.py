"""Concatenation and zero padding: free if their inputs are computed where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import copy
from npfacenet.inference.fold_state import Folding, Site
from npfacenet.inference.operation import Operation, SimpleOperation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Concatenate, Shape, ZeroPadding
from npfacenet.layers.window import Margins, margins


@dataclass(frozen=True, eq=False)
class Assemble(Operation):
    """Inputs side by side in channels, or one input within `margins` of zeros.

    Inputs that are computed in their place cost nothing.
    """

    margins: Margins | None = None

    def origins(self, *inputs: Shape) -> list[tuple[int, ...]]:
        """Return the place of each input: (row, column, channel), of features (channel,)."""
        if self.margins is not None:
            (top, _), (left, _) = self.margins
            return [(top, left, 0)]
        ends = accumulate((shape[-1] for shape in inputs), initial=0)
        return [(*[0] * (len(shape) - 1), end) for end, shape in zip(ends, inputs, strict=False)]

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Copy each input that was not computed in its place."""
        numbers = batch * sum(map(prod, inputs))
        return SimpleOperation("assembling", self._calls, costs.calls(1, numbers))

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        calls = []
        shapes = [source.shape[1:] for source in inputs]
        for source, origin in zip(inputs, self.origins(*shapes), strict=True):
            calls += copy(source, outputs[0].within(origin, source.shape[1:]))
        return calls


def fold_concatenate(_: Folding, site: Site[Concatenate]) -> Operation:
    """Fold concatenation into an operation of its own."""
    return Assemble(site.inputs, site.outputs)


def fold_zero_padding(_: Folding, site: Site[ZeroPadding]) -> Operation:
    """Fold zero padding into an operation of its own."""
    return Assemble(site.inputs, site.outputs, margins(site.layer.margins))
