"""The matrices of Winograd's minimal filtering.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4: m outputs of
a filter of r taps cost m + r - 1 multiplications instead of m * r. In two dimensions the matrices
of both axes apply one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import islice
from math import prod
from typing import NamedTuple

import numpy as np

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array

# Small numbers of both signs, and reciprocals, keep rounding errors low (Barabasz et al. 2020,
# "Error Analysis and Improving the Accuracy of Winograd Convolution", section 5).
_POINTS = tuple(map(Fraction, ("0", "1", "-1", "2", "-1/2", "-2", "1/2", "4", "-1/4")))
MOST_POINTS = len(_POINTS) + 1  # and infinity


class Transforms(NamedTuple):
    """Of F(m, r): y = output @ ((kernel @ g) * (input @ d)), float64.

    `input` (n, n), `kernel` (n, r) and `output` (m, n), where n = m + r - 1 with a stride of 1.
    """

    input: Array
    kernel: Array
    output: Array


@cache
def transforms(outputs: int, taps: int, stride: int = 1) -> Transforms:
    """The matrices of F(outputs, taps), by the method of Cook and Toom.

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
    points = list(islice(_POINTS, size - 1))
    at_infinity = [Fraction(0)] * (taps - 1) + [Fraction(1)]
    kernel = [_powers(p, taps, prod(p - q for q in points if q != p)) for p in points]
    output = [[p**i for p in points] + [Fraction(int(i == outputs - 1))] for i in range(outputs)]
    rows = [[*_polynomial([q for q in points if q != p]), Fraction(0)] for p in points]
    return Transforms(
        _float64([*rows, _polynomial(points)]), _float64([*kernel, at_infinity]), _float64(output)
    )


def _interleaved(phases: Sequence[Transforms]) -> Transforms:
    """Filters of every second (third, ...) tap as one, their points one after the other."""
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


def _powers(point: Fraction, count: int, divisor: Fraction | int) -> list[Fraction]:
    return [point**i / divisor for i in range(count)]


def _polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients of the polynomial with these roots, lowest power first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [*(-root * c for c in coefficients), Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def _float64(rows: list[list[Fraction]]) -> Array:
    return np.array([[float(number) for number in row] for row in rows])
