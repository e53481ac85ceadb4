"""A network of a detector with its parameters; the only place where it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, WeightsError, listed, quoted
from npfacenet.inference.costs import Costs
from npfacenet.inference.plan import Plan
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs
from npfacenet.networks.constant import constant
from npfacenet.networks.outputs import by_name
from npfacenet.threads import Lock

COSTS = Costs(kept_bytes=96 << 20)
"""Enough for two threads: P-Net needs 41 MB for the scales of a photograph of 12 megapixels.

Keeping 256 MB did not make photographs of 40 sizes any faster in one thread; in two, by a tenth.
"""


@dataclass(frozen=True, eq=False)
class ReadyNetwork:
    """A network with parameters of its own, read-only float32, by (layer, parameter).

    Several threads may use it, and it can be pickled. It is compiled when it is first run. Raises
    ShapeError for parameters that are missing or do not fit.
    """

    network: Network[Outputs]
    parameters: NetworkParameters = field(repr=False)
    _compiled: _Compiled = field(default_factory=lambda: _Compiled(), init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.network, Network):
            raise ArgumentError(f"a Network is needed, not {quoted(self.network)}")
        self.network.require(self.parameters)
        own = {name: constant(self.parameters[name]) for name in self.network.parameter_specs()}
        object.__setattr__(self, "parameters", own)

    def __reduce__(self) -> tuple[Callable[..., ReadyNetwork], tuple[object, ...]]:
        return ReadyNetwork, (self.network, self.parameters)

    @property
    def plan(self) -> Plan[Outputs]:
        """The network compiled for speed."""
        kept = self._compiled
        if kept.plan is None:
            with kept.compiling.held():  # for threads that ask at the same time
                if kept.plan is None:
                    kept.plan = Plan(self.network, self.parameters, COSTS)
        return kept.plan

    def run(self, images: npt.NDArray[np.float32], threads: int | None = None) -> dict[str, Array]:
        """Compute the outputs, by name, for prepared pictures (N, height, width, 3).

        Raises WeightsError if they are not finite.
        """
        outputs = by_name(self.plan.run(images, threads=threads), self.network.outputs)
        for name, output in outputs.items():
            if not np.isfinite(output).all():
                raise WeightsError(
                    f"the weights of {self.network.name} give a {name} that is not finite; obtain "
                    "them again"
                )
        return outputs


def require_network(network: object, *outputs: str) -> None:
    """Raise ArgumentError for anything but a ReadyNetwork of colour pictures with these outputs."""
    if not isinstance(network, ReadyNetwork):
        raise ArgumentError(f"a ReadyNetwork is needed, not {quoted(network)}")
    has, channels = network.network.outputs, network.network.accepted_shape[-1:]
    if set(has) != set(outputs) or channels != (3,):
        raise ArgumentError(
            f"a network with the outputs {listed(outputs)} is needed, not {network.network.name} "
            f"with {listed(has)}"
        )


@dataclass
class _Compiled:
    """The plan, once it is needed."""

    plan: Plan[Outputs] | None = None
    compiling: Lock = field(default_factory=Lock)
