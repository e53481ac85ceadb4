"""Depthwise convolution: every channel is filtered by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from npfacenet.errors import quoted
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
)
from npfacenet.layers.registry import register
from npfacenet.layers.window import Padding, Pair, Window, pair


@register
@dataclass(frozen=True)
class DepthwiseConvolution(Layer):
    """Cross-correlation of each channel of (N, H, W, C) with a kernel of its own.

    The kernel has the name and the shape that Keras 3's DepthwiseConv2D gives it with a depth
    multiplier of 1: `kernel` (h, w, C, 1). Together with a 1x1 convolution it replaces a full
    convolution at a fraction of the cost (Howard et al. 2017, "MobileNets", section 3.1).

    >>> DepthwiseConvolution(3, stride=2, padding="same").output_shape((96, 96, 16))
    (48, 48, 16)
    """

    size: int | Pair
    stride: int | Pair = 1
    padding: Padding = "valid"
    bias: bool = True

    def __post_init__(self) -> None:
        switch: object = self.bias
        self.require(
            isinstance(switch, (bool, np.bool_)), f"bias is True or False, not {quoted(switch)}"
        )
        self.window  # noqa: B018  (an impossible window is refused here, not at first use)

    @property
    def window(self) -> Window:
        """The window that slides over the picture."""
        return Window(pair(self.size), pair(self.stride), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (rows, columns, C)."""
        return self.window.output_shape(self.one_input(*inputs, rank=3))

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `kernel` (h, w, C, 1) and, unless `bias` is False, `bias` (C,)."""
        channels = self.one_input(*inputs, rank=3)[2]
        shape = (*pair(self.size), channels, 1)
        kernel = ParameterSpec(shape, "he_normal_depthwise", decays=True)
        bias = ParameterSpec((channels,), "zeros")
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count one for every number of the kernel at every position."""
        return prod(self.output_shape(*inputs)) * prod(self.window.size)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        weights = self._weights(parameters)
        output = np.zeros(
            (len(images), *self.output_shape(images.shape[1:])), np.result_type(images, weights)
        )
        for examples in self._slices(images):
            for tap, weight in zip(self.window.taps(images[examples]), weights, strict=True):
                output[examples] += tap * weight
            if self.bias:
                output[examples] += parameters["bias"]
        return output

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; works on one pixel of the kernel at a time."""
        upstream = self.accept_upstream(saved, upstream)
        images, weights = saved["0"], self._weights(parameters)
        to_weights = np.zeros_like(weights)
        to_images = np.empty(images.shape if to_inputs else 0, images.dtype)
        for examples in self._slices(images):
            part, shape = upstream[examples], images[examples].shape
            for i, tap in enumerate(self.window.taps(images[examples])):
                to_weights[i] += channel_sums(part * tap)
            if to_inputs:
                taps = (part * weight for weight in weights)
                to_images[examples] = self.window.gather(taps, shape, images.dtype)
        to_parameters = {"kernel": to_weights.reshape(parameters["kernel"].shape)}
        if self.bias:
            to_parameters["bias"] = channel_sums(upstream)
        return (to_images,) if to_inputs else (), to_parameters

    def _weights(self, parameters: Parameters) -> Array:
        """Return the kernel as (h * w, C), a row for each pixel of the window."""
        kernel = parameters["kernel"]
        return kernel.reshape(prod(self.window.size), kernel.shape[2])

    def _slices(self, images: Array) -> Iterator[slice]:
        return batch_slices(len(images), prod(images.shape[1:]))
