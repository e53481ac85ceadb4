"""Zeros around a picture."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.layers.layer import Array, Layer, Parameters, Shape
from npfacenet.layers.window import Margins, margins, pad


@dataclass(frozen=True)
class ZeroPadding(Layer):
    """Rows and columns of zeros around (N, H, W, C): as many on all sides, or as stated.

    >>> ZeroPadding(((3, 4), (3, 4))).output_shape((5, 5, 32))
    (12, 12, 32)
    """

    margins: int | Margins

    def __post_init__(self) -> None:
        margins(self.margins)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(H, W, C) to (top + H + bottom, left + W + right, C)."""
        height, width, channels = self.one_input(*inputs, rank=3)
        vertical, horizontal = margins(self.margins)
        return (height + sum(vertical), width + sum(horizontal), channels)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C), larger."""
        (images,) = self.accept(parameters, *inputs)
        return pad(images, margins(self.margins))
