"""All trainable parameters of a network in one vector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from npfacenet.errors import ShapeError
from npfacenet.layers import Array, ParameterSpec
from npfacenet.networks import NetworkParameters, ParameterName
from npfacenet.networks.flat_parameters import Vector, split


class ParameterVector:
    """Trainable parameters in one float32 vector, so that an update is a few passes over it.

    `numbers` is the vector; `views` are views of its parts in the parameters' shapes, by name, so
    writing to the vector changes them. The parameters with weight decay come first and fill
    `numbers[:decaying]`.

    >>> specs = {("a", "bias"): ParameterSpec((2,), "zeros"),
    ...          ("a", "kernel"): ParameterSpec((1, 2), "ones", decays=True)}
    >>> vector = ParameterVector(specs, {n: np.ones(s.shape, "f4") for n, s in specs.items()})
    >>> vector.numbers[: vector.decaying] = 7
    >>> vector.views["a", "kernel"].tolist(), vector.views["a", "bias"].tolist()
    ([[7.0, 7.0]], [1.0, 1.0])
    """

    def __init__(
        self, specs: Mapping[ParameterName, ParameterSpec], values: NetworkParameters
    ) -> None:
        self.specs = dict(sorted(specs.items(), key=lambda item: not item[1].decays))
        self.decaying = sum(spec.size for spec in specs.values() if spec.decays)
        self.numbers: Vector = np.empty(sum(spec.size for spec in specs.values()), np.float32)
        self.views: dict[ParameterName, Array] = self.split(self.numbers)
        self.fill(self.numbers, values)

    def split(self, vector: Vector) -> dict[ParameterName, Array]:
        """Return views of a vector of the same length in the parameters' shapes, by name."""
        return split(vector, {name: spec.shape for name, spec in self.specs.items()})

    def fill(self, vector: Vector, values: NetworkParameters) -> None:
        """Write values into a vector, by name; raise ShapeError for one that does not fit."""
        for name, view in self.split(vector).items():
            if values[name].shape != view.shape:
                raise ShapeError(f"{'/'.join(name)}: {values[name].shape} is not {view.shape}")
            view[...] = values[name]
