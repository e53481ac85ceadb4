"""The logistic function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    Saved,
    Shape,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class Sigmoid(Layer):
    """1 / (1 + exp(-x)), element by element.

    >>> Sigmoid().forward({}, np.array([[-1000.0, 0.0, 1000.0]]))
    array([[0. , 0.5, 1. ]])
    """

    keeps_output: ClassVar[bool] = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return an output of the shape of the input, which may be any."""
        (x,) = self.accept(parameters, *inputs)
        small = np.exp(-np.abs(x))  # never overflows
        output: Array = np.where(x < 0, small, 1) / (1 + small)
        return output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Multiply upstream by the derivative, output * (1 - output)."""
        upstream = self.accept_upstream(saved, upstream)
        output = saved["output"]
        return (upstream * (output * (1 - output)),), {}
