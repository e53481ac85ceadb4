"""Scores to probabilities."""

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
class Softmax(Layer):
    """exp(x) over the sum of exp(x) along the last axis: positive numbers whose sum is 1.

    >>> Softmax().forward({}, np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """

    keeps_output: ClassVar[bool] = True

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input, whose last axis holds the classes."""
        shape = self.one_input(*inputs)
        return shape if shape else self.one_input(shape, rank=1)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return an output of the shape of the input, which may be any."""
        (x,) = self.accept(parameters, *inputs)
        # Subtracting the largest changes nothing, and keeps exp from overflowing.
        powers = np.exp(x - x.max(axis=-1, keepdims=True, initial=-np.inf))
        output: Array = powers / powers.sum(axis=-1, keepdims=True)
        return output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Return output * (upstream - m); m is the mean of upstream, weighted by the output."""
        upstream = self.accept_upstream(saved, upstream)
        output = saved["output"]
        mean = (upstream * output).sum(axis=-1, keepdims=True)
        return (output * (upstream - mean),), {}
