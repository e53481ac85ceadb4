"""Nearest-neighbour enlarging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from npfacenet.arguments import is_whole
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
class UpsampleNearest(Layer):
    """Repeat every pixel `factor` times in both directions, as Keras' UpSampling2D.

    >>> import numpy as np
    >>> picture = np.array([[1.0, 2.0]]).reshape(1, 1, 2, 1)
    >>> UpsampleNearest(2).forward({}, picture)[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    """

    factor: int = 2
    keeps_inputs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.require(
            is_whole(self.factor, low=1),
            f"factor must be a whole number of at least 1, not {quoted(self.factor)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (factor * H, factor * W, C)."""
        height, width, channels = self.one_input(*inputs, rank=3)
        return (self.factor * height, self.factor * width, channels)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, factor * H, factor * W, C)."""
        (images,) = self.accept(parameters, *inputs)
        return images.repeat(self.factor, axis=1).repeat(self.factor, axis=2)

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Sum upstream over the copies of each pixel."""
        upstream = self.accept_upstream(saved, upstream)
        batch, height, width, channels = saved.shapes[0]
        copies = (batch, height, self.factor, width, self.factor, channels)
        to_images: Array = upstream.reshape(copies).sum(axis=(2, 4))
        return (to_images,), {}
