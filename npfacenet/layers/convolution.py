"""Convolution, as one product of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npfacenet.arguments import is_whole
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
    Statistics,
)
from npfacenet.layers.registry import register
from npfacenet.layers.window import Padding, Pair, Window, col2im, im2col, pair


@register
@dataclass(frozen=True)
class Convolution(Layer):
    """Cross-correlation of (N, H, W, C) with a kernel (h, w, C, filters), as Keras' Conv2D.

    >>> Convolution(64, size=7, stride=2, padding=3).output_shape((96, 96, 3))
    (48, 48, 64)
    """

    filters: int
    size: int | Pair = 1
    stride: int | Pair = 1
    padding: Padding = "valid"
    bias: bool = True

    def __post_init__(self) -> None:
        self.require(
            is_whole(self.filters, low=1),
            f"filters must be a whole number of at least 1, not {quoted(self.filters)}",
        )
        self.window  # noqa: B018  (an impossible window is refused here, not at first use)

    @property
    def window(self) -> Window:
        """The window that slides over the picture."""
        return Window(pair(self.size), pair(self.stride), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (rows, columns, filters)."""
        height, width, _ = self.one_input(*inputs, rank=3)
        return (*self.window.positions(height, width), self.filters)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return `kernel` (h, w, C, filters) and, unless `bias` is False, `bias` (filters,)."""
        channels = self.one_input(*inputs, rank=3)[2]
        kernel = ParameterSpec((*pair(self.size), channels, self.filters), "he_normal", decays=True)
        bias = ParameterSpec((self.filters,), "zeros")
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count one for every number of the kernel at every position."""
        rows, columns, _ = self.output_shape(*inputs)
        return rows * columns * self.parameters(*inputs)["kernel"].size

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, filters)."""
        (images,) = self.accept(parameters, *inputs)
        kernel = parameters["kernel"].reshape(-1, self.filters)
        # One product per picture, so that its bits do not depend on the rest of the batch.
        output = im2col(images, self.window) @ kernel
        if self.bias:
            output += parameters["bias"]
        return output.reshape(len(images), *self.output_shape(images.shape[1:]))

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """As `Layer.forward_saving`; saves the input. Each product is of several pictures."""
        (images,) = self.accept(parameters, *inputs)
        kernel = parameters["kernel"].reshape(-1, self.filters)
        shape = self.output_shape(images.shape[1:])
        output = np.empty((len(images), *shape), images.dtype)
        for examples in self._slices(images):
            patches = im2col(images[examples], self.window).reshape(-1, len(kernel))
            np.matmul(patches, kernel, out=output[examples].reshape(-1, self.filters))
            if self.bias:
                output[examples] += parameters["bias"]
        return output, Saved(training, (images.shape,), {"0": images}), {}

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """As `Layer.backward`; extracts the patches again, slice by slice, and multiplies."""
        upstream = self.accept_upstream(saved, upstream)
        images = saved["0"]
        kernel = parameters["kernel"].reshape(-1, self.filters)
        to_kernel = np.zeros_like(kernel)
        to_images = np.empty(images.shape if to_inputs else 0, images.dtype)
        for examples in self._slices(images):
            flat = upstream[examples].reshape(-1, self.filters)
            patches = im2col(images[examples], self.window).reshape(-1, len(kernel))
            to_kernel += patches.T @ flat
            if to_inputs:
                to_patches = (flat @ kernel.T).reshape(len(images[examples]), -1, len(kernel))
                to_images[examples] = col2im(to_patches, self.window, images[examples].shape)
        to_parameters = {"kernel": to_kernel.reshape(parameters["kernel"].shape)}
        if self.bias:
            to_parameters["bias"] = channel_sums(upstream)
        return (to_images,) if to_inputs else (), to_parameters

    def _slices(self, images: Array) -> Iterator[slice]:
        rows, columns, _ = self.output_shape(images.shape[1:])
        return batch_slices(len(images), rows * columns * self.window.numbers(images.shape[3]))
