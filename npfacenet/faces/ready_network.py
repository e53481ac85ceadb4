"""A detector's network with its numbers, and the one place where it is run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs
from npfacenet.networks.constant import constant
from npfacenet.networks.outputs import by_name


@dataclass(frozen=True, eq=False)
class ReadyNetwork:
    """A network with parameters of its own, read-only float32, by (layer, parameter).

    Raises ShapeError for parameters that are missing or do not fit.
    """

    network: Network[Outputs]
    parameters: NetworkParameters = field(repr=False)

    def __post_init__(self) -> None:
        self.network.require(self.parameters)
        own = {name: constant(self.parameters[name]) for name in self.network.parameter_specs()}
        object.__setattr__(self, "parameters", own)

    def run(self, images: npt.NDArray[np.float32]) -> dict[str, Array]:
        """The outputs by name for prepared pictures (N, height, width, 3)."""
        # The plan takes over here when it gives several outputs.
        return by_name(self.network.forward(self.parameters, images), self.network.outputs)
