"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.layers.layer import Array, Layer, Parameters, Shape


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets a share `rate` of the numbers to 0 in training; at inference it changes nothing.

    Srivastava et al. 2014, "Dropout", in its inverted form: what is left is scaled up in
    training, so that inference needs no factor.
    """

    rate: float

    def __post_init__(self) -> None:
        self.require(0 <= self.rate < 1, f"rate must be in [0, 1), not {self.rate}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """The input itself."""
        (x,) = self.accept(parameters, *inputs)
        return x
