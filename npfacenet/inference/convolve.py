"""Convolutions with all that was folded into them, and which kernel serves them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from math import prod

import numpy as np

from npfacenet.errors import ShapeError
from npfacenet.inference.arena import aligned
from npfacenet.inference.epilogue import Member
from npfacenet.inference.im2col import Im2col
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.inference.winograd import Winograd, axes, estimate, size
from npfacenet.inference.winograd_transforms import MOST_POINTS
from npfacenet.layers import Array, Shape, Window
from npfacenet.layers.window import Pair


@dataclass(frozen=True, eq=False)
class Convolve(Operation):
    """Convolutions of one input by one product: kernel (h, w, C, filters), bias (filters,).

    Their filters stand side by side, those of `members[i]` going to `outputs[i]`. A dense layer
    is a convolution of pictures of one pixel.
    """

    kernel: Array
    bias: Array | None
    window: Window
    members: tuple[Member, ...]
    whole: tuple[Convolve, slice] | None = field(default=None, repr=False)
    _transformed: dict[Pair, Array] = field(default_factory=dict, init=False, repr=False)

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(H, W, C) to (rows, columns, filters) each; (features,) to (units,)."""
        (shape,) = inputs
        if shape[-1] != self.kernel.shape[2]:
            raise ShapeError(
                f"{self.outputs[0]} takes {self.kernel.shape[2]} channels, received {shape}"
            )
        around = self.window.positions(*shape[:2]) if len(shape) == 3 else ()
        return tuple((*around, member.filters) for member in self.members)

    def multiply_adds(self, *inputs: Shape) -> int:
        """One for every number of the kernel at every position."""
        return self.kernel.size * prod(self.output_shapes(*inputs)[0][:-1])

    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """The cheapest of im2col and the kinds of Winograd's filtering, by a static rule."""
        shape = inputs[0] if len(inputs[0]) == 3 else (1, 1, *inputs[0])
        direct = Im2col(self, batch, shape)
        costs = {tile: estimate(self, batch, shape, tile) for tile in tiles(self.window)}
        tile = min(costs, key=lambda tile: costs[tile], default=None)
        if tile is None or direct.cost <= costs[tile]:
            return direct
        return Winograd(self, batch, shape, tile)

    def of_filters(self, start: int, stop: int) -> Convolve:
        """Some of the filters of a convolution that is alone, in the same memory."""
        (member,) = self.members
        some = self._some(slice(start, stop), replace(member, filters=stop - start))
        return replace(some, whole=(self, slice(start, stop)))

    def apart(self) -> list[Convolve]:
        """The members on their own, in the same memory."""
        ends = accumulate((member.filters for member in self.members), initial=0)
        return [
            replace(self._some(slice(start, start + member.filters), member), outputs=(output,))
            for start, member, output in zip(ends, self.members, self.outputs, strict=False)
        ]

    def _some(self, filters: slice, member: Member) -> Convolve:
        bias = None if self.bias is None else self.bias[filters]
        return replace(self, kernel=self.kernel[..., filters], bias=bias, members=(member,))

    def transformed(self, tile: Pair) -> Array:
        """The kernel at the points of Winograd's filtering, (points, C, filters); made once."""
        if self.whole is not None:
            operation, filters = self.whole
            return operation.transformed(tile)[:, :, filters]
        if tile not in self._transformed:
            vertical, horizontal = (one.kernel for one in axes(self.window, tile))
            height, width, channels, filters = self.kernel.shape
            down = vertical @ self.kernel.reshape(height, -1)
            stack = aligned((len(vertical) * len(horizontal), channels, filters))
            across = stack.reshape(len(vertical), len(horizontal), -1)
            np.matmul(horizontal, down.reshape(len(vertical), width, -1), across)
            self._transformed.setdefault(tile, stack)  # another thread may have been faster
        return self._transformed[tile]


_POINTS = 64


@lru_cache(maxsize=256)
def tiles(window: Window) -> tuple[Pair, ...]:
    """The tiles that may serve a window: larger ones lose accuracy, and their kernels are large."""
    if window.size == (1, 1) or max(window.stride) > min(2, *window.size) or max(window.size) > 7:
        return ()
    phases = [-(-taps // stride) for taps, stride in zip(window.size, window.stride, strict=True)]
    lengths = range(2, min(7, MOST_POINTS - max(phases) + 2))
    height, width = ([n if taps > 1 else 1 for n in lengths] for taps in window.size)
    squares = zip(height, width, strict=True)
    return tuple(tile for tile in squares if prod(size(window, tile)) <= _POINTS)
