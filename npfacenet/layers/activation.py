"""Activation functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array, Layer, Parameters, ParameterSpec, Shape


@dataclass(frozen=True)
class ReLU(Layer):
    """max(x, 0), number by number."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Any shape, unchanged."""
        (x,) = self.accept(parameters, *inputs)
        output: Array = np.maximum(x, 0)
        return output


@dataclass(frozen=True)
class PReLU(Layer):
    """x where positive, alpha * x elsewhere, with one learnt alpha for each channel.

    He et al. 2015, "Delving Deep into Rectifiers", equation 1. MTCNN uses it.
    """

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the input, whose last axis holds the channels."""
        shape = self.one_input(*inputs)
        return shape if shape else self.one_input(shape, rank=1)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """`alpha` (channels,), 0.25 at the start."""
        return {"alpha": ParameterSpec(self.output_shape(*inputs)[-1:], "quarter")}

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Any shape, unchanged."""
        (x,) = self.accept(parameters, *inputs)
        return np.maximum(x, 0) + parameters["alpha"] * np.minimum(x, 0)
