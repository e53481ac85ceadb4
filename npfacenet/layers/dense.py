"""A fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.arguments import is_whole
from npfacenet.errors import quoted
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    ParameterSpec,
    Saved,
    Shape,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class Dense(Layer):
    """x @ kernel + bias, as Keras' Dense: each output is a weighted sum of all inputs.

    >>> Dense(128).output_shape((736,))
    (128,)
    """

    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        self.require(
            is_whole(self.units, low=1),
            f"units must be a whole number of at least 1, not {quoted(self.units)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (features,) to (units,)."""
        self.one_input(*inputs, rank=1)
        return (self.units,)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `kernel` (features, units) and, unless `bias` is False, `bias` (units,)."""
        (features,) = self.one_input(*inputs, rank=1)
        kernel = ParameterSpec((features, self.units), "he_normal", decays=True)
        bias = ParameterSpec((self.units,), "zeros")
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count one for every number of the kernel."""
        return self.parameters(*inputs)["kernel"].size

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, features) to (N, units)."""
        (x,) = self.accept(parameters, *inputs)
        # One product per example, so that its bits do not depend on the rest of the batch.
        output: Array = (x[:, None, :] @ parameters["kernel"])[:, 0, :]
        return output + parameters["bias"] if self.bias else output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; multiplies by the transposed kernel, and by the transposed input."""
        upstream = self.accept_upstream(saved, upstream)
        x = saved["0"]
        to_parameters: Gradients = {"kernel": x.T @ upstream}
        if self.bias:
            to_parameters["bias"] = upstream.sum(axis=0)
        to_x: Array = upstream @ parameters["kernel"].T
        return (to_x,), to_parameters
