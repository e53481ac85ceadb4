"""What operations cost: a static rule that chooses kernels and shares work between cores.

Nanoseconds on one core of an AMD EPYC with OpenBLAS's kernels for AVX-512. It is mostly their
relation that counts: of kernels of half that speed the same ones are best, but for a few where it
makes a difference of some percent. Nothing is timed, so that results repeat.
"""

from __future__ import annotations

from npfacenet.inference.product import MOST_PARTS, SMALL, cut

CACHE = 1 << 18
"""Numbers that a step works on at a time, 1 MB: a core's cache of the second level."""

WAIT = 50_000.0
"""From a signal of one core to the next call of the other."""
WORTH_SHARING = 1_500_000.0
"""What the pictures must cost for two cores to share their steps: less, and they are done before
the other core is awake."""
WORTH_HALVING = (50_000.0, 75_000.0, 150_000.0, 400_000.0, float("inf"))
"""Costs from which on a step is shared by two cores; the best of them is taken."""

_FLOP = 0.0042  # a multiplication or an addition in a product
_COPIED = 0.4  # a number of the right-hand matrix, which comes from memory and is copied
_READ = 0.25  # the same where it is multiplied as it lies
_PASS = 0.12  # a number read by a pass and written
_FAR = 0.2  # the same where it does not stay in the cache
_COPY = 0.16  # a number gathered in runs of a few hundred
_SCATTER = 0.28  # a number to its place in short runs, with bias and ReLU
_CALL = 300.0


def product(rows: int, inner: int, columns: int, most_parts: int = MOST_PARTS) -> float:
    """A matrix (rows, inner) times a matrix (inner, columns), in at most so many parts."""
    parts, height, width = cut(rows, inner, columns, SMALL, most_parts)
    reading = _COPIED if height * inner * width > parts * SMALL else _READ
    adding = _PASS * parts * rows * columns if parts > 1 else 0
    return inner * columns * (2 * _FLOP * rows + reading) + adding + _CALL


def finishing(numbers: int) -> float:
    """Bias and ReLU, and to its place."""
    return 3 * _PASS * numbers + 3 * _CALL


def im2col(numbers: int) -> float:
    """Gathering patches."""
    return _COPY * numbers + _CALL


def pooling(numbers: float, taps: int) -> float:
    """Numbers of the input, under a window of so many rows and columns together."""
    return _PASS * numbers * taps + taps * _CALL


def passes(numbers: int, count: int) -> float:
    """So many passes over numbers."""
    return count * (_PASS * numbers + _CALL)


def winograd(tiles: int, points: int, outputs: int, channels: int, filters: int) -> float:
    """Tiles of `points` to products and back to `outputs` each."""
    kernel = points * channels * filters
    each = _PASS if kernel <= CACHE else _FAR
    forth = tiles * points * channels * (_COPY + 2 * each)
    products = points * (product(tiles, channels, filters, most_parts=1) - _CALL / 2)
    back = tiles * filters * (2 * each * points + _SCATTER * outputs)
    return forth + products + back + 7 * _CALL
