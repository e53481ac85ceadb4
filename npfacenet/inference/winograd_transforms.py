"""The matrices of Winograd's minimal filtering.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4: m outputs of
a filter of r taps cost m + r - 1 multiplications instead of m * r. In two dimensions the matrices
of both axes apply one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array, Window
from npfacenet.layers.window import Pair

# Small numbers of both signs, and reciprocals, keep rounding errors low (Barabasz et al. 2020,
# "Error Analysis and Improving the Accuracy of Winograd Convolution", section 5).
_POINTS = (0.0, 1.0, -1.0, 2.0, -0.5, -2.0, 0.5, 4.0, -0.25)
MOST_POINTS = len(_POINTS) + 1  # and infinity


class Transforms(NamedTuple):
    """The matrices of F(m, r): y = output @ ((kernel @ g) * (input @ d)), float64.

    `input` (n, n), `kernel` (n, r) and `output` (m, n), where n = m + r - 1 with a stride of 1.
    """

    input: Array
    kernel: Array
    output: Array


@cache
def transforms(outputs: int, taps: int, stride: int = 1) -> Transforms:
    """Return the matrices of F(outputs, taps), by the method of Cook and Toom.

    With a stride of 2 the filter's even taps meet the even numbers of the input and its odd taps
    the odd ones: two filters of stride 1, whose outputs are added.

    >>> F = transforms(2, 3)
    >>> d, g = np.array([1.0, 2, 3, 4]), np.array([1.0, 10, 100])
    >>> (F.output @ ((F.kernel @ g) * (F.input @ d))).round(9).tolist()
    [321.0, 432.0]

    Raises ArgumentError where m + r - 1 is more than MOST_POINTS.
    """
    if stride > 1:
        return _interleaved(
            [transforms(outputs, len(range(i, taps, stride))) for i in range(stride)]
        )
    size = outputs + taps - 1
    if size > MOST_POINTS:
        raise ArgumentError(
            f"F({outputs}, {taps}) needs {size} points, and {MOST_POINTS} are known"
        )
    points = np.array(_POINTS[: size - 1])
    others = [np.delete(points, i) for i in range(len(points))]
    scale = [np.prod(point - rest) for point, rest in zip(points, others, strict=True)]
    rows = [_polynomial(rest, size) for rest in [*others, points]]
    # A polynomial's value at infinity is its highest coefficient.
    kernel = np.vander(points, taps, increasing=True) / np.reshape(scale, (-1, 1))
    output = np.vander(points, outputs, increasing=True)
    return Transforms(
        np.array(rows),
        np.vstack([kernel, np.eye(taps)[-1:]]),
        np.vstack([output, np.eye(outputs)[-1:]]).T,
    )


def points_of(window: Window, tile: Pair) -> Pair:
    """Return the points down and across of a tile, which is also how many pixels a tile sees."""
    down, across = (
        (m - 1) * stride + taps
        for m, stride, taps in zip(tile, window.stride, window.size, strict=True)
    )
    return down, across


@cache
def axes(window: Window, tile: Pair) -> tuple[Transforms, Transforms]:
    """Return the matrices down and across for tiles (m, n) of a window, in float32."""
    both = [transforms(*numbers) for numbers in zip(tile, window.size, window.stride, strict=True)]
    down, across = (Transforms(*(m.astype(np.float32) for m in one)) for one in both)
    return down, across


def _interleaved(phases: Sequence[Transforms]) -> Transforms:
    """Join the filters of every second (third, ...) tap, their points one after the other."""
    stride, size = len(phases), sum(len(phase.input) for phase in phases)
    taps = sum(phase.kernel.shape[1] for phase in phases)
    both = Transforms(
        np.zeros((size, size)),
        np.zeros((size, taps)),
        np.hstack([p.output for p in phases]),
    )
    start = 0
    for i, phase in enumerate(phases):
        points = slice(start, start + len(phase.input))
        both.input[points, i::stride] = phase.input
        both.kernel[points, i::stride] = phase.kernel
        start = points.stop
    return both


def _polynomial(roots: Array, size: int) -> Array:
    """Return the coefficients of the polynomial with these roots, lowest power first."""
    coefficients = np.atleast_1d(np.poly(roots))[::-1]
    return np.pad(coefficients, (0, size - len(coefficients)))
