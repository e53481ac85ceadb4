"""Concatenation of branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npfacenet.arguments import is_shape
from npfacenet.errors import ShapeError, quoted
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
class Concatenate(Layer):
    """Concatenate the channels of all inputs, in the order given.

    >>> Concatenate().output_shape((12, 12, 128), (12, 12, 32))
    (12, 12, 160)
    """

    keeps_inputs: ClassVar[bool] = False

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (..., C1), (..., C2), ... to (..., C1 + C2 + ...)."""
        fit = all(map(is_shape, inputs)) and all(shape[:-1] == inputs[0][:-1] for shape in inputs)
        if not inputs or not fit or not inputs[0]:
            raise ShapeError(
                f"{self} takes inputs that differ in channels only, received {quoted(list(inputs))}"
            )
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, ..., C1), (N, ..., C2), ... to (N, ..., C1 + C2 + ...)."""
        return np.concatenate(self.accept(parameters, *inputs), axis=-1)

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Split upstream into the channels of each input."""
        upstream = self.accept_upstream(saved, upstream)
        ends = np.cumsum([shape[-1] for shape in saved.shapes])[:-1]
        return tuple(np.split(upstream, ends, axis=-1)), {}
