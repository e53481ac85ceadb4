"""Arithmetic on planes of pixels: steps, bumps, irregular patterns, and blending colours."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Colour: TypeAlias = tuple[float, float, float]


_SINGLE_THREADED = 200_000  # multiplications; OpenBLAS uses several threads from 262,144 on


def smoothstep(x: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at `low` to 1 at `high`; `high` may be the smaller.

    >>> smoothstep(np.array([0, 2, 4], np.float32), 1, 3).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((x - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def bump(x: Floats, width: float) -> Floats:
    """Return exp(-x^2 / (2 width^2)): 1 in the middle, 0.61 at `width`."""
    return np.exp(x * x * np.float32(-0.5 / width**2))


def spot(x: Floats, y: Floats, x_width: float, y_width: float) -> Floats:
    """Return the product of a bump in x and a bump in y."""
    return np.exp(x * x * np.float32(-0.5 / x_width**2) + y * y * np.float32(-0.5 / y_width**2))


def mix(picture: Floats, mask: Floats, colour: Colour | Floats) -> None:
    """Blend a colour or picture into a picture (3, h, w), in place; `mask` (h, w) is its share.

    A picture of four planes is a layer: the fourth is how much of what lies below it hides.
    """
    over = (
        np.reshape(np.asarray(colour, np.float32), (3, 1, 1))
        if len(np.shape(colour)) == 1
        else (np.asarray(colour, np.float32))
    )
    colours = picture[:3]
    colours += mask * (over - colours)
    if len(picture) > 3:
        picture[3] += mask * (1 - picture[3])


def pattern(rng: np.random.Generator, size: int, waves: int) -> Floats:
    """Draw a periodic random plane (size, size), mean 0, spread 1, smooth over size / waves."""
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
    rows, columns = np.fft.fftfreq(size) * size, np.arange(size // 2 + 1)
    spectrum *= np.exp(-0.5 * (rows[:, None] ** 2 + columns**2) / waves**2)
    spectrum[0, 0] = 0
    plane = np.fft.irfft2(spectrum, (size, size))
    return np.asarray(plane / plane.std(), np.float32)


def looked_up(plane: Floats, u: Floats, v: Floats) -> Floats:
    """Sample a periodic plane (n, n), n a power of two, at row v and column u: nearest pixel."""
    size = len(plane)
    rows = v.astype(np.int32) & (size - 1)
    columns = u.astype(np.int32) & (size - 1)
    return plane.ravel().take(rows * size + columns)


def smoothly_looked_up(plane: Floats, u: Floats, v: Floats) -> Floats:
    """Sample as `looked_up`, by bilinear interpolation; u and v are not negative."""
    size = len(plane)
    columns, rows = u.astype(np.int32), v.astype(np.int32)
    across, down = u - columns.astype(np.float32), v - rows.astype(np.float32)
    right, below = (columns + 1) & (size - 1), ((rows + 1) & (size - 1)) * size
    columns &= size - 1
    rows = (rows & (size - 1)) * size
    flat = plane.ravel()
    upper, lower = flat.take(rows + columns), flat.take(below + columns)
    upper += across * (flat.take(rows + right) - upper)
    lower += across * (flat.take(below + right) - lower)
    return np.asarray(upper + down * (lower - upper), np.float32)


def product(a: Floats, b: Floats) -> Floats:
    """Multiply (m, k) by (k, n), in blocks so small that OpenBLAS uses one thread for each.

    A picture's matrices are small: waking other threads, and waiting for them on shared
    processors, would take longer than the rest of the drawing.
    """
    result = np.empty((len(a), b.shape[1]), np.float32)
    piece = max(1, _SINGLE_THREADED // b.size)
    for top in range(0, len(a), piece):
        np.matmul(a[top : top + piece], b, out=result[top : top + piece])
    return result
