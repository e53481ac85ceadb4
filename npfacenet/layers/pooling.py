"""Pooling: the largest, the mean or the L2 norm of the numbers under a window."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce

import numpy as np

from npfacenet.layers.layer import Array, Layer, Parameters, Shape
from npfacenet.layers.window import Padding, Pair, Window, margins, pair


@dataclass(frozen=True)
class Pool(Layer):
    """What the three kinds share: a window over each channel, moved by its size by default."""

    size: int | Pair
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        window = self.window
        if not isinstance(window.padding, str):
            deepest = [max(sides) for sides in margins(window.padding)]
            self.require(
                deepest[0] < window.size[0] and deepest[1] < window.size[1],
                f"padding {self.padding} must be smaller than the window {self.size}, or nothing "
                "but padding is pooled",
            )

    @property
    def window(self) -> Window:
        """The window that slides over the picture."""
        stride = self.size if self.stride is None else self.stride
        return Window(pair(self.size), pair(stride), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(H, W, C) to (rows, columns, C)."""
        return self.window.output_shape(self.one_input(*inputs, rank=3))

    @abstractmethod
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, rows, columns, C)."""


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest number under the window; padding never wins.

    >>> MaxPool(3, stride=2).output_shape((24, 24, 64))
    (11, 11, 64)
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        return reduce(np.maximum, self.window.taps(images, fill=-np.inf))


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of the numbers under the window; padding does not count (as TensorFlow)."""

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        inside = np.ones((1, *images.shape[1:3], 1), images.dtype)
        counts = reduce(np.add, self.window.taps(inside))
        means: Array = reduce(np.add, self.window.taps(images)) / counts
        return means


@dataclass(frozen=True)
class L2Pool(Pool):
    """The square root of the sum of squares under the window, as OpenFace's SpatialLPPooling."""

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, rows, columns, C)."""
        (images,) = self.accept(parameters, *inputs)
        norms: Array = np.sqrt(reduce(np.add, self.window.taps(np.square(images))))
        return norms


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each channel over the whole picture."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """(H, W, C) to (C,)."""
        return self.one_input(*inputs, rank=3)[2:]

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, C)."""
        (images,) = self.accept(parameters, *inputs)
        means: Array = images.mean(axis=(1, 2))
        return means
