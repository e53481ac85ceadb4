"""Activation functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npfacenet.layers.batch_slices import channel_sums
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    ParameterSpec,
    Saved,
    Shape,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class ReLU(Layer):
    """max(x, 0), element by element; its derivative at 0 is taken to be 0."""

    keeps_output: ClassVar[bool] = True  # which the next layer keeps as well

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return an output of the shape of the input, which may be any."""
        (x,) = self.accept(parameters, *inputs)
        output: Array = np.maximum(x, 0)
        return output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Return upstream where x is positive, 0 elsewhere."""
        upstream = self.accept_upstream(saved, upstream)
        return (upstream * (saved["output"] > 0),), {}


@register
@dataclass(frozen=True)
class PReLU(Layer):
    """x where it is positive, alpha * x elsewhere, with one learnt alpha per channel.

    He et al. 2015, "Delving Deep into Rectifiers", equation 1. Used by MTCNN.
    """

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input, whose last axis holds the channels."""
        shape = self.one_input(*inputs)
        return shape if shape else self.one_input(shape, rank=1)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `alpha` (channels,), 0.25 at the start."""
        return {"alpha": ParameterSpec(self.output_shape(*inputs)[-1:], "quarter")}

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return an output of the shape of the input, which may be any."""
        (x,) = self.accept(parameters, *inputs)
        return np.maximum(x, 0) + parameters["alpha"] * np.minimum(x, 0)

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Multiply upstream by alpha where x is not positive; alpha's gradient is summed there."""
        upstream = self.accept_upstream(saved, upstream)
        x = saved["0"]
        to_x = np.where(x > 0, upstream, parameters["alpha"] * upstream)
        return (to_x,), {"alpha": channel_sums(upstream * np.minimum(x, 0))}
