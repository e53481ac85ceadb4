"""Batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array, Layer, Parameters, ParameterSpec, Shape


@dataclass(frozen=True)
class BatchNorm(Layer):
    """gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta, for each channel.

    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2. `epsilon` belongs to the
    weights: Keras' default 1e-3 and OpenFace's 1e-5 give different embeddings. Without
    `scale` there is no gamma, as in Inception-ResNet-v1.
    """

    epsilon: float = 1e-3
    scale: bool = True

    def __post_init__(self) -> None:
        self.require(self.epsilon > 0, f"epsilon must be positive, not {self.epsilon}")

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape of the input, whose last axis holds the channels."""
        shape = self.one_input(*inputs)
        return shape if shape else self.one_input(shape, rank=1)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """`gamma` (with scale), `beta`, `moving_mean` and `moving_variance`, each (channels,)."""
        channels = self.output_shape(*inputs)[-1:]
        specs = {
            "gamma": ParameterSpec(channels, "ones"),
            "beta": ParameterSpec(channels, "zeros"),
            "moving_mean": ParameterSpec(channels, "zeros", trainable=False),
            "moving_variance": ParameterSpec(channels, "ones", trainable=False),
        }
        if not self.scale:
            del specs["gamma"]
        return specs

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, ..., channels), each channel shifted and scaled by the moving statistics."""
        (x,) = self.accept(parameters, *inputs)
        factor = 1 / np.sqrt(parameters["moving_variance"] + self.epsilon)
        if self.scale:
            factor = factor * parameters["gamma"]
        shift = parameters["beta"] - parameters["moving_mean"] * factor
        output: Array = x * factor + shift
        return output
