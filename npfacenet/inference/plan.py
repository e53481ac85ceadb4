"""The plan of a network: what is computed fast, for batches of any size, on several cores."""

from __future__ import annotations

from npfacenet.inference.bound import Bound
from npfacenet.inference.folding import fold
from npfacenet.layers import Shape
from npfacenet.networks import Network, NetworkParameters


class Plan:
    def __init__(self, network: Network, parameters: NetworkParameters) -> None:
        self._operations, self._output = fold(network, parameters)
        self.network = network

    def bind(self, batch: int, shape: Shape | None = None, cores: int = 1) -> Bound:
        shape = self.network.input_shape if shape is None else shape
        return Bound(self._operations, (Network.INPUT, self._output), shape, batch, cores)
