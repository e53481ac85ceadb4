"""Layers that the plan has no operation for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from npfacenet.inference.costs import passes
from npfacenet.inference.elementwise import Simple
from npfacenet.inference.operation import Call, Operation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Layer, Parameters, Shape


@dataclass(frozen=True, eq=False)
class Readable(Operation):
    """A layer that the plan does not know, through its own `forward`."""

    layer: Layer
    parameters: Parameters

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The layer's."""
        return (self.layer.output_shape(*inputs),)

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """The layer's own pass, and a copy."""
        return Simple("readable layer", self._calls, passes(batch * prod(inputs[0]), 10))

    def multiply_adds(self, *inputs: Shape) -> int:
        """The layer's."""
        return self.layer.multiply_adds(*inputs)

    def _calls(self, inputs: Sequence[Region], outputs: Sequence[Region]) -> list[Call]:
        arrays, output = [view.array() for view in inputs], outputs[0].array()
        return [lambda: np.copyto(output, self.layer.forward(self.parameters, *arrays))]
