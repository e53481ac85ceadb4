"""Batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import ShapeError, quoted
from npfacenet.layers.batch_slices import batch_slices, channel_sums
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    ParameterSpec,
    Saved,
    Shape,
    Statistics,
)
from npfacenet.layers.registry import register


@register
@dataclass(frozen=True)
class BatchNorm(Layer):
    """gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta, for each channel.

    Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2. `epsilon` belongs to the
    weights: Keras' default 1e-3 and OpenFace's 1e-5 give different embeddings. Without
    `scale` there is no gamma, as in Inception-ResNet-v1.

    In training (algorithm 1) mean and variance are those of the batch, and the new moving
    statistics are momentum * old + (1 - momentum) * the batch's, with the unbiased variance
    (divided by count - 1), as in Torch and TensorFlow's fused kernel but not in Keras 3.
    """

    epsilon: float = 1e-3
    scale: bool = True
    momentum: float = 0.99

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.epsilon) and self.epsilon > 0,
            f"epsilon must be finite and positive, not {quoted(self.epsilon)}",
        )
        self.require(
            is_finite(self.momentum) and 0 <= self.momentum < 1,
            f"momentum must be in [0, 1), not {quoted(self.momentum)}",
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input, whose last axis holds the channels."""
        shape = self.one_input(*inputs)
        return shape if shape else self.one_input(shape, rank=1)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `gamma` (with scale), `beta` and the two moving statistics, each (channels,)."""
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
        """Scale and shift each channel of (N, ..., channels) by the moving statistics."""
        (x,) = self.accept(parameters, *inputs)
        factor, shift = self.factor_and_shift(parameters)
        output: Array = x * factor + shift
        return output

    def factor_and_shift(self, parameters: Parameters) -> tuple[Array, Array]:
        """Return two arrays (channels,): inference computes x * factor + shift."""
        factor = self._factor(parameters, parameters["moving_variance"])
        return factor, parameters["beta"] - parameters["moving_mean"] * factor

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """As `Layer.forward_saving`; saves the input, and the mean and variance that normalised it.

        Raises ShapeError also for an empty batch in training.
        """
        (x,) = self.accept(parameters, *inputs)
        if not training:
            statistics = parameters["moving_mean"], parameters["moving_variance"]
            return self.forward(parameters, x), self._saved(False, x, *statistics), {}
        mean, variance = moments(x, str(self))
        factor = self._factor(parameters, variance)
        output = np.empty_like(x, order="C")
        for examples in batch_slices(len(x), x[:1].size):
            np.subtract(x[examples], mean, out=output[examples])
            output[examples] *= factor
            output[examples] += parameters["beta"]
        count = x.size // x.shape[-1]
        unbiased = variance * (count / max(count - 1, 1))
        new = {
            "moving_mean": self._moved(parameters["moving_mean"], mean),
            "moving_variance": self._moved(parameters["moving_variance"], unbiased),
        }
        return output, self._saved(True, x, mean, variance), new

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; in training, also through the batch's mean and variance."""
        upstream = self.accept_upstream(saved, upstream)
        x, mean, variance = saved["x"], saved["mean"], saved["variance"]
        inverse = 1 / np.sqrt(variance + self.epsilon)
        to_beta = channel_sums(upstream)
        to_gamma = np.zeros_like(mean)
        for examples in batch_slices(len(x), x[:1].size):
            centred = x[examples] - mean
            centred *= upstream[examples]
            to_gamma += channel_sums(centred)
        to_gamma *= inverse
        to_parameters = {"gamma": to_gamma, "beta": to_beta} if self.scale else {"beta": to_beta}
        if not to_inputs:
            return (), to_parameters
        factor = self._factor(parameters, variance)
        if not saved.training:
            return (upstream * factor,), to_parameters
        count = x.size // x.shape[-1]
        of_mean = factor * to_beta / count
        of_variance = factor * inverse * to_gamma / count
        to_x = np.empty_like(x, order="C")
        for examples in batch_slices(len(x), x[:1].size):
            np.multiply(upstream[examples], factor, out=to_x[examples])
            centred = x[examples] - mean
            centred *= of_variance
            centred += of_mean
            to_x[examples] -= centred
        return (to_x,), to_parameters

    def _factor(self, parameters: Parameters, variance: Array) -> Array:
        factor: Array = 1 / np.sqrt(variance + self.epsilon)
        return factor * parameters["gamma"] if self.scale else factor

    def _moved(self, old: Array, new: Array) -> Array:
        return self.momentum * old + (1 - self.momentum) * new

    def _saved(self, training: bool, x: Array, mean: Array, variance: Array) -> Saved:
        return Saved(training, (x.shape,), {"x": x, "mean": mean, "variance": variance})


def moments(x: Array, layer: str) -> tuple[Array, Array]:
    """Return mean and variance of each channel of (N, ..., C): two arrays (C,).

    The variance is summed after subtracting the mean: for a mean far from zero, the difference
    of two sums of squares would lose its digits in float32.
    """
    count = x.size // x.shape[-1] if x.size else 0
    if not count:
        raise ShapeError(f"{layer} has no statistics of an empty batch: {x.shape}")
    mean = channel_sums(x) / count
    squares = np.zeros_like(mean)
    for examples in batch_slices(len(x), x[:1].size):
        centred = x[examples] - mean
        np.square(centred, out=centred)
        squares += channel_sums(centred)
    return mean, squares / count
