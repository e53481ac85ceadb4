"""Layers that the plan has no operation for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from npfacenet.inference.cost import passes
from npfacenet.inference.elementwise import Simple
from npfacenet.inference.step import Call, Operation, Step
from npfacenet.inference.view import View
from npfacenet.layers import Layer, Parameters, Shape


@dataclass(frozen=True, eq=False)
class Readable(Operation):
    """A layer that the plan does not know, through its own `forward`."""

    layer: Layer
    parameters: Parameters

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The layer's."""
        return (self.layer.output_shape(*inputs),)

    def step(self, batch: int, *inputs: Shape) -> Step:
        """The layer's own pass, and a copy."""
        return Simple("readable layer", self._calls, passes(batch * prod(inputs[0]), 10))

    def multiply_adds(self, *inputs: Shape) -> int:
        """The layer's."""
        return self.layer.multiply_adds(*inputs)

    def _calls(self, inputs: Sequence[View], outputs: Sequence[View]) -> list[Call]:
        arrays, output = [view.array() for view in inputs], outputs[0].array()
        return [lambda: np.copyto(output, self.layer.forward(self.parameters, *arrays))]
