"""Local response normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from npfacenet.arguments import is_finite, is_whole
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
class LocalResponseNorm(Layer):
    """x / (k + alpha / size * s) ** beta, where s sums x**2 over the `size` channels around.

    Krizhevsky et al. 2012, "ImageNet classification", section 3.3, with alpha divided by
    the size as Torch's SpatialCrossMapLRN does (the paper and TensorFlow do not divide).
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        self.require(
            is_whole(self.size, low=1) and self.size % 2 == 1,
            f"size must be odd and at least 1, not {quoted(self.size)}",
        )
        self.require(
            is_finite(self.alpha) and self.alpha >= 0 and is_finite(self.k) and self.k > 0,
            "alpha must not be negative and k must be positive, not "
            f"{quoted(self.alpha)} and {quoted(self.k)}",
        )
        self.require(is_finite(self.beta), f"beta must be finite, not {quoted(self.beta)}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input, (H, W, C)."""
        return self.one_input(*inputs, rank=3)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return the normalised pictures, of the same shape (N, H, W, C)."""
        (images,) = self.accept(parameters, *inputs)
        output: Array = images * self._divisor(images) ** -self.beta
        return output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; an input affects its neighbours' outputs through their divisors."""
        upstream = self.accept_upstream(saved, upstream)
        images = saved["0"]
        divisor = self._divisor(images)
        scale = divisor**-self.beta
        around = self._around(upstream * images * scale / divisor)
        factor = 2 * self.alpha / self.size * self.beta
        to_images: Array = upstream * scale - factor * images * around
        return (to_images,), {}

    def _divisor(self, images: Array) -> Array:
        return self.k + self.alpha / self.size * self._around(np.square(images))

    def _around(self, numbers: Array) -> Array:
        """Sum, for each channel, the `size` channels around it."""
        reach, channels = self.size // 2, numbers.shape[3]
        padded = np.pad(numbers, ((0, 0), (0, 0), (0, 0), (reach, reach)))
        return reduce(np.add, (padded[..., i : i + channels] for i in range(self.size)))
