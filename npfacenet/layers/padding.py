"""Zeros around a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
from npfacenet.layers.window import Margins, margins, pad


@register
@dataclass(frozen=True)
class ZeroPadding(Layer):
    """Rows and columns of zeros around (N, H, W, C): one number for all sides, or one for each.

    >>> ZeroPadding(((3, 4), (3, 4))).output_shape((5, 5, 32))
    (12, 12, 32)
    """

    margins: int | Margins
    keeps_inputs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        margins(self.margins)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (top + H + bottom, left + W + right, C)."""
        height, width, channels = self.one_input(*inputs, rank=3)
        vertical, horizontal = margins(self.margins)
        return (height + sum(vertical), width + sum(horizontal), channels)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return the padded pictures."""
        (images,) = self.accept(parameters, *inputs)
        return pad(images, margins(self.margins))

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Crop the padding from upstream."""
        upstream = self.accept_upstream(saved, upstream)
        (top, _), (left, _) = margins(self.margins)
        _, height, width, _ = saved.shapes[0]
        return (upstream[:, top : top + height, left : left + width],), {}
