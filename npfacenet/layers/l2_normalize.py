"""Vectors of length one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import quoted
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
class L2Normalize(Layer):
    """x / |x| along the last axis; a zero vector stays zero.

    Schroff et al. 2015, "FaceNet", section 3: embeddings lie on the unit sphere. As in
    Keras' `l2_normalize`, squared lengths below `epsilon` are replaced by `epsilon`.

    >>> L2Normalize().forward({}, np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """

    epsilon: float = 1e-12

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.epsilon) and self.epsilon > 0,
            f"epsilon must be finite and positive, not {quoted(self.epsilon)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Divide each vector of (N, ..., D) by its length."""
        (x,) = self.accept(parameters, *inputs)
        squares = np.square(x).sum(axis=-1, keepdims=True)
        unit: Array = x / np.sqrt(np.maximum(squares, self.epsilon))
        return unit

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Subtract from upstream its component along the vector, and divide by the length.

        A squared length below `epsilon` is a constant.
        """
        upstream = self.accept_upstream(saved, upstream)
        x = saved["0"]
        squares = np.square(x).sum(axis=-1, keepdims=True)
        length = np.sqrt(np.maximum(squares, self.epsilon))
        along = (x * upstream).sum(axis=-1, keepdims=True) / np.square(length)
        to_x: Array = (upstream - np.where(squares > self.epsilon, along, 0) * x) / length
        return (to_x,), {}
