"""The sum at the end of a residual block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from npfacenet.arguments import is_finite, is_shape
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
class ResidualAdd(Layer):
    """x + scale * residual.

    Szegedy et al. 2016, "Inception-v4, Inception-ResNet", section 3.3: scales between 0.1
    and 0.3 keep the training of deep residual networks stable.
    """

    scale: float = 1.0
    keeps_inputs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.require(is_finite(self.scale), f"scale must be finite, not {quoted(self.scale)}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of both inputs."""
        if len(inputs) != 2 or not is_shape(inputs[0]) or inputs[0] != inputs[1]:
            raise ShapeError(
                f"{self} takes two inputs of one shape, received {quoted(list(inputs))}"
            )
        return inputs[0]

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return x + scale * residual, for two inputs of one shape."""
        x, residual = self.accept(parameters, *inputs)
        return x + self.scale * residual

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Pass upstream to x, and upstream times scale to the residual."""
        upstream = self.accept_upstream(saved, upstream)
        return (upstream, self.scale * upstream), {}
