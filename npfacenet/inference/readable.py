"""Layers that the folding table does not list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from npfacenet.errors import ShapeError
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.fold_state import Folding, Site, owned
from npfacenet.inference.operation import Operation, SimpleOperation, SizedOperation
from npfacenet.inference.region import Region
from npfacenet.layers import Layer, Parameters, Shape
from npfacenet.networks.outputs import gives, unlike


@dataclass(frozen=True, eq=False)
class Readable(Operation):
    """A layer that the plan does not know; it runs through its own `forward`."""

    layer: Layer
    parameters: Parameters

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """The layer's own pass, and a copy."""
        cost = costs.calls(10, batch * prod(inputs[0]))
        return SimpleOperation("readable layer", self._calls, cost)

    def multiply_adds(self, *inputs: Shape) -> int:
        """The layer's."""
        return self.layer.multiply_adds(*inputs)

    def _calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        arrays, output = [region.array() for region in inputs], outputs[0].array()

        def run() -> None:
            given = self.layer.forward(self.parameters, *arrays)
            if not gives(given, len(output), output.shape[1:]):  # copyto would repeat it
                raise ShapeError(f"{self.outputs[0]!r}: {unlike(self.layer, given)}")
            np.copyto(output, given)

        return [run]


def fold_as_readable(_: Folding, site: Site[Layer]) -> Operation:
    """The layer itself, with parameters that the plan may keep."""
    parameters = {name: owned(tensor) for name, tensor in site.parameters.items()}
    return Readable(site.inputs, site.outputs, site.layer, parameters)
