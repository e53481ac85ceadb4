"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    Saved,
    Shape,
    Statistics,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class Dropout(Layer):
    """Set a share `rate` of the numbers to 0 in training; change nothing at inference.

    Srivastava et al. 2014, "Dropout", in its inverted form: training scales the remaining
    numbers up, so that inference needs no factor.
    """

    rate: float
    draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.rate) and 0 <= self.rate < 1,
            f"rate must be in [0, 1), not {quoted(self.rate)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return the input itself."""
        (x,) = self.accept(parameters, *inputs)
        return x

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """As `Layer.forward_saving`; saves the factor of each number: 0, or 1 / (1 - rate)."""
        (x,) = self.accept(parameters, *inputs)
        if not training:
            return x, Saved(False, (x.shape,), {}), {}
        if rng is None:
            raise ArgumentError(f"{self} draws numbers in training: give it a generator, rng=...")
        factor = (rng.random(x.shape, np.float32) >= self.rate).astype(x.dtype)
        factor /= 1 - self.rate
        return x * factor, Saved(True, (x.shape,), {"factor": factor}), {}

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Multiply upstream by the same factors."""
        upstream = self.accept_upstream(saved, upstream)
        return (upstream * saved["factor"] if saved.training else upstream,), {}
