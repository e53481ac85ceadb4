"""The window that convolution and pooling slide over a picture, and im2col."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from npfacenet.arguments import is_shape, is_whole
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers.layer import Array, Shape

Pair: TypeAlias = tuple[int, int]
LARGEST = (1 << 31) - 1  # pixels: beyond it, offsets in bytes leave 64 bits
Margins: TypeAlias = tuple[Pair, Pair]  # ((top, bottom), (left, right))
Padding: TypeAlias = Literal["valid", "same"] | int | Margins


def pair(value: object) -> Pair:
    """Return a size for both axes: 3 means (3, 3); raise ArgumentError unless they are whole."""
    both: Pair | object = (value, value) if is_whole(value) else value
    fits = [is_whole(side, high=LARGEST) for side in both] if isinstance(both, tuple) else []
    if isinstance(both, tuple) and fits == [True, True]:
        return int(both[0]), int(both[1])
    raise ArgumentError(
        "size and stride must be a whole number or a pair of them, at most "
        f"{LARGEST:,}, not {quoted(value)}"
    )


def margins(padding: object) -> Margins:
    """Return the rows and columns to add: 1 means ((1, 1), (1, 1)).

    Raises ArgumentError for anything but whole numbers that are not negative.
    """
    sides: object = ((padding, padding),) * 2 if is_whole(padding) else padding
    if isinstance(sides, tuple) and len(sides) == 2 and all(is_shape(side, 2) for side in sides):
        (top, bottom), (left, right) = sides
        if max(top, bottom, left, right) <= LARGEST:
            return (int(top), int(bottom)), (int(left), int(right))
    raise ArgumentError(
        "padding must be a whole number or ((top, bottom), (left, right)), none negative or above "
        f"{LARGEST:,}, not {quoted(padding)}"
    )


@dataclass(frozen=True)
class Window:
    """A window of (height, width) pixels that moves in steps of `stride` over a padded picture.

    `padding` is "valid" (none), "same" (as in TensorFlow: the output has ceil(size / stride)
    positions, and an odd pixel is added at the bottom or right), or explicit margins.
    """

    size: Pair
    stride: Pair
    padding: Padding

    def __post_init__(self) -> None:
        if min(*pair(self.size), *pair(self.stride)) < 1:
            raise ArgumentError(f"size {self.size} and stride {self.stride} must be at least 1")
        if isinstance(self.padding, str):
            if self.padding not in ("valid", "same"):
                raise ArgumentError(
                    f"padding must be 'valid', 'same' or numbers, not {quoted(self.padding)}"
                )
        else:
            margins(self.padding)

    def margins(self, height: int, width: int) -> Margins:
        """Return the rows and columns of padding for a picture of this size."""
        if self.padding == "valid":
            return NO_MARGINS
        if self.padding != "same":
            return margins(self.padding)
        vertical, horizontal = (
            max((-(-n // step) - 1) * step + size - n, 0)
            for n, size, step in zip((height, width), self.size, self.stride, strict=True)
        )
        return (
            (vertical // 2, vertical - vertical // 2),
            (horizontal // 2, horizontal - horizontal // 2),
        )

    def positions(self, height: int, width: int) -> Pair:
        """Return the number of positions along each axis; raise ShapeError if there is none."""
        (top, bottom), (left, right) = self.margins(height, width)
        down, across = top + height + bottom - self.size[0], left + width + right - self.size[1]
        if down < 0 or across < 0:
            raise ShapeError(
                f"a window of {self.size[0]}x{self.size[1]} does not fit into a picture of "
                f"{height}x{width} (padding {self.padding})"
            )
        return down // self.stride[0] + 1, across // self.stride[1] + 1

    def patches(self, images: Array, fill: float = 0.0) -> Array:
        """Return every patch: (N, H, W, C) to (N, rows, columns, C, height, width).

        It is a read-only view of the padded pictures: no pixel is copied.
        """
        padded = pad(images, self.margins(*images.shape[1:3]), fill)
        windows = sliding_window_view(padded, self.size, axis=(1, 2))
        return windows[:, :: self.stride[0], :: self.stride[1]]

    def taps(self, images: Array, fill: float = 0.0) -> list[Array]:
        """Return the patches pixel by pixel: what each pixel of the window sees at each position.

        These are height * width views of shape (N, rows, columns, C), row by row.
        """
        patches = self.patches(images, fill)
        return [patches[..., row, column] for row, column in np.ndindex(self.size)]

    def gather(self, taps: Iterable[Array], shape: Shape, dtype: np.dtype[np.floating]) -> Array:
        """Add each tap back to the pixels that it saw: the transpose of `taps`.

        Maps height * width arrays (N, rows, columns, C), row by row, to `shape`, (N, H, W, C).
        The sums of the padding are dropped.
        """
        batch, height, width, channels = shape
        vertical, horizontal = self.margins(height, width)
        rows, columns = self.positions(height, width)
        padded = (batch, height + sum(vertical), width + sum(horizontal), channels)
        total = np.zeros(padded, dtype)
        for (row, column), tap in zip(np.ndindex(self.size), taps, strict=True):
            total[
                :,
                row : row + (rows - 1) * self.stride[0] + 1 : self.stride[0],
                column : column + (columns - 1) * self.stride[1] + 1 : self.stride[1],
            ] += tap
        top, left = vertical[0], horizontal[0]
        return total[:, top : top + height, left : left + width]

    def counts(self, height: int, width: int) -> Array:
        """Return how many pixels of the picture, not of its padding, each position sees.

        The result is float32 (rows, columns).
        """
        taps = self.taps(np.ones((1, height, width, 1), np.float32))
        seen: Array = reduce(np.add, taps)
        return seen[0, :, :, 0]

    def numbers(self, channels: int) -> int:
        """Return how many numbers a patch has."""
        return prod(self.size) * channels

    def output_shape(self, inputs: Shape) -> Shape:
        """Map (H, W, C) to (rows, columns, C)."""
        if not is_shape(inputs, rank=3):
            raise ShapeError(f"a window takes shapes (H, W, C), not {quoted(inputs)}")
        return (*self.positions(inputs[0], inputs[1]), inputs[2])


NO_MARGINS: Margins = ((0, 0), (0, 0))
ONE_PIXEL = Window((1, 1), (1, 1), "valid")


def pad(images: Array, sides: Margins, fill: float = 0.0) -> Array:
    """Add rows and columns of `fill` around pictures (N, H, W, C)."""
    if not any(map(any, sides)):
        return images
    return np.pad(images, ((0, 0), *sides, (0, 0)), constant_values=fill)


def im2col(images: Array, window: Window) -> Array:
    """Return every patch under the window as a row: (N, H, W, C) to (N, positions, h * w * C).

    With the patches as rows, a convolution is one product of matrices (Chellapilla, Puri
    and Simard 2006, "High performance convolutional neural networks for document
    processing", section 2.1). A row has the order of a kernel (h, w, C):

    >>> picture = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> im2col(picture, Window((2, 2), (1, 1), "valid"))
    array([[[0., 1., 3., 4.],
            [1., 2., 4., 5.],
            [3., 4., 6., 7.],
            [4., 5., 7., 8.]]])
    """
    if window == ONE_PIXEL:
        return images.reshape(len(images), prod(images.shape[1:3]), images.shape[3])
    patches = window.patches(images).transpose(0, 1, 2, 4, 5, 3)
    positions, numbers = prod(patches.shape[1:3]), prod(patches.shape[3:])
    return patches.reshape(len(images), positions, numbers)


def col2im(patches: Array, window: Window, shape: Shape) -> Array:
    """Sum patches (N, positions, h * w * C) into pictures of `shape`, (N, H, W, C).

    This is the transpose of `im2col`: a pixel receives the sum of its values in all patches.

    >>> col2im(np.ones((1, 4, 4)), Window((2, 2), (1, 1), "valid"), (1, 3, 3, 1))[0, ..., 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if window == ONE_PIXEL:
        return patches.reshape(shape)
    positions = window.positions(*shape[1:3])
    taps = patches.reshape(shape[0], *positions, prod(window.size), shape[3])
    return window.gather((taps[..., i, :] for i in range(prod(window.size))), shape, patches.dtype)
