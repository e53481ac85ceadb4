"""Pooling: the maximum, the mean or the L2 norm of the numbers under a window."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from itertools import repeat
from math import prod
from typing import ClassVar

import numpy as np

from npfacenet.layers.batch_slices import batch_slices
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    Saved,
    Shape,
    Statistics,
)
from npfacenet.layers.registry import register
from npfacenet.layers.window import Padding, Pair, Window, margins, pair


@dataclass(frozen=True)
class Pool(Layer):
    """The base of the three kinds: a window over each channel; stride defaults to size."""

    size: int | Pair
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        window = self.window
        if not isinstance(window.padding, str):
            deepest = [max(sides) for sides in margins(window.padding)]
            self.require(
                deepest[0] < window.size[0] and deepest[1] < window.size[1],
                f"padding {self.padding} must be smaller than the window {self.size}, so that "
                "no window holds padding only",
            )

    @property
    def window(self) -> Window:
        """The window that slides over the picture."""
        stride = self.size if self.stride is None else self.stride
        return Window(pair(self.size), pair(stride), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (rows, columns, C)."""
        return self.window.output_shape(self.one_input(*inputs, rank=3))

    @abstractmethod
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, C)."""


@register
@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest number under the window, never one of the padding.

    >>> MaxPool(3, stride=2).output_shape((24, 24, 64))
    (11, 11, 64)
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        return reduce(np.maximum, self.window.taps(images, fill=-np.inf))

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """As `Layer.forward_saving`; saves which pixel of each window was the largest.

        Pixels are numbered downwards, so that of equal ones the first has the largest number.
        """
        (images,) = self.accept(parameters, *inputs)
        shape = (len(images), *self.output_shape(images.shape[1:]))
        pixels = prod(self.window.size)
        output = np.empty(shape, images.dtype)
        largest = np.zeros(shape, np.min_scalar_type(pixels))
        for examples in batch_slices(len(images), prod(images.shape[1:])):
            taps = self.window.taps(images[examples], fill=-np.inf)
            output[examples] = reduce(np.maximum, taps)
            for i, tap in enumerate(taps):
                is_largest = (tap == output[examples]).view(np.uint8)
                numbered = np.multiply(is_largest, pixels - i, dtype=largest.dtype)
                np.maximum(largest[examples], numbered, out=largest[examples])
        return output, Saved(training, (images.shape,), {"largest": largest}), {}

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Pass all of upstream to the pixel that was the largest."""
        upstream = self.accept_upstream(saved, upstream)
        largest, shape = saved["largest"], saved.shapes[0]
        to_images = np.empty(shape, upstream.dtype)
        for examples in batch_slices(len(largest), prod(shape[1:])):
            numbers = range(prod(self.window.size), 0, -1)
            taps = (upstream[examples] * (largest[examples] == number) for number in numbers)
            size = to_images[examples].shape
            to_images[examples] = self.window.gather(taps, size, upstream.dtype)
        return (to_images,), {}


@register
@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of the numbers under the window; as in TensorFlow, padding does not count."""

    keeps_inputs: ClassVar[bool] = False

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        means: Array = reduce(np.add, self.window.taps(images)) / self._counts(images.shape)
        return means

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Pass an equal share of upstream to each pixel of the window."""
        upstream = self.accept_upstream(saved, upstream)
        share = upstream / self._counts(saved.shapes[0])
        taps = repeat(share, prod(self.window.size))
        return (self.window.gather(taps, saved.shapes[0], upstream.dtype),), {}

    def _counts(self, shape: Shape) -> Array:
        """Return the pixels in each window of a batch (N, H, W, C): (rows, columns, 1)."""
        return self.window.counts(*shape[1:3])[:, :, np.newaxis]


@register
@dataclass(frozen=True)
class L2Pool(Pool):
    """The square root of the sum of squares under the window, as OpenFace's SpatialLPPooling."""

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        norms: Array = np.sqrt(reduce(np.add, self.window.taps(np.square(images))))
        return norms

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """As `Layer.forward_saving`; saves input and output."""
        (images,) = self.accept(parameters, *inputs)
        output = self.forward(parameters, images)
        return output, Saved(training, (images.shape,), {"images": images, "norms": output}), {}

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Pass upstream times pixel / norm; 0 where the norm is 0, which has no slope there."""
        upstream = self.accept_upstream(saved, upstream)
        images, norms = saved["images"], saved["norms"]
        share = np.divide(upstream, norms, out=np.zeros_like(norms), where=norms > 0)
        taps = self.window.taps(images)
        return (
            self.window.gather((share * tap for tap in taps), images.shape, upstream.dtype),
        ), {}


@register
@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each channel over the whole picture."""

    keeps_inputs: ClassVar[bool] = False

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (H, W, C) to (C,)."""
        return self.one_input(*inputs, rank=3)[2:]

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, H, W, C) to (N, C)."""
        (images,) = self.accept(parameters, *inputs)
        means: Array = images.mean(axis=(1, 2))
        return means

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Pass an equal share of upstream to every pixel."""
        upstream = self.accept_upstream(saved, upstream)
        shape = saved.shapes[0]
        share = upstream / max(shape[1] * shape[2], 1)
        return (np.broadcast_to(share[:, None, None, :], shape),), {}
