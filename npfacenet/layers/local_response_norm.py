"""Local response normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array, Layer, Parameters, Shape


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
            self.size >= 1 and self.size % 2 == 1,
            f"size must be odd and at least 1, not {self.size}",
        )
        self.require(
            self.alpha >= 0 and self.k > 0,
            f"alpha must not be negative and k must be positive, not {self.alpha} and {self.k}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the input, (H, W, C)."""
        return self.one_input(*inputs, rank=3)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C), unchanged in shape."""
        (images,) = self.accept(parameters, *inputs)
        reach = self.size // 2
        squares = np.pad(np.square(images), ((0, 0), (0, 0), (0, 0), (reach, reach)))
        channels = images.shape[3]
        around = sum(squares[..., i : i + channels] for i in range(self.size))
        output: Array = images / (self.k + self.alpha / self.size * around) ** self.beta
        return output
