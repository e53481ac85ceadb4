"""Convolution, as one product of matrices."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.layers.layer import Array, Layer, Parameters, ParameterSpec, Shape
from npfacenet.layers.window import Padding, Pair, Window, im2col, pair


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
        self.require(self.filters >= 1, f"filters must be at least 1, not {self.filters}")
        self.window  # noqa: B018  (an impossible window is an error now, not at first use)

    @property
    def window(self) -> Window:
        """The window that slides over the picture."""
        return Window(pair(self.size), pair(self.stride), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        """(H, W, C) to (rows, columns, filters)."""
        height, width, _ = self.one_input(*inputs, rank=3)
        return (*self.window.positions(height, width), self.filters)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """`kernel` (h, w, C, filters) and, unless switched off, `bias` (filters,)."""
        channels = self.one_input(*inputs, rank=3)[2]
        kernel = ParameterSpec((*pair(self.size), channels, self.filters), "he_normal", decays=True)
        bias = ParameterSpec((self.filters,), "zeros")
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def multiply_adds(self, *inputs: Shape) -> int:
        """One for every number of the kernel at every position."""
        rows, columns, _ = self.output_shape(*inputs)
        return rows * columns * self.parameters(*inputs)["kernel"].size

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, H, W, C) to (N, rows, columns, filters)."""
        (images,) = self.accept(parameters, *inputs)
        kernel = parameters["kernel"].reshape(-1, self.filters)
        # A product for each picture, so that no bit depends on what else is in the batch.
        output = im2col(images, self.window) @ kernel
        if self.bias:
            output += parameters["bias"]
        return output.reshape(len(images), *self.output_shape(images.shape[1:]))
