"""Extracting a shifted, scaled and rotated square from a picture in one step."""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.affine import Row, resampled_about
from npfacenet.images.argument import is_row, require_size
from npfacenet.images.array import picture

SMALLEST_EXTENT = 0.1  # pixels
LEAST_TURN = 1e-9  # degrees; less moves no pixel, and only rounding would tell it from none
LARGEST_EXTENT = 2  # times the picture's longer side; pixels outside are invented


def warp(
    image: npt.NDArray[np.uint8],
    size: int,
    *,
    centre: tuple[float, float],
    extent: float,
    degrees: float = 0.0,
    mirrored: bool = False,
) -> npt.NDArray[np.uint8]:
    """Scale a square region of uint8 (H, W, 3) to a new array (size, size, 3).

    `centre` is (x, y) and `extent` the region's side, in pixels; the picture reaches from (0, 0)
    to (W, H), so that its first pixel has its centre at (0.5, 0.5). The picture is rotated by
    `degrees` about `centre`, counter-clockwise, and then, if `mirrored`, mirrored left to right.
    Outside of the picture its edge pixels are repeated.

    For a region along the borders of pixels the result is that of `resize` with "bilinear" for
    this crop. A rotated one is resampled by Pillow's affine transform, bilinear, after shrinking
    the picture if more than 1.4 pixels become one.

    Raises ArgumentError for a size below 1 or above 9,459, a centre outside of the picture, an
    extent below 0.1 pixels or above twice the longer side, or an angle that is not finite;
    ImageError if this is not a picture.

    >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> np.array_equal(warp(image, 2, centre=(1, 1), extent=2), image)
    True
    >>> np.array_equal(warp(image, 2, centre=(1, 1), extent=2, degrees=90), np.rot90(image))
    True
    """
    pixels = picture(image)
    _check(pixels, size, centre, extent, degrees, mirrored)
    # As Python's floats: the arithmetic of NumPy's small types would overflow.
    size, extent, degrees = int(size), float(extent), float(degrees)
    centre = float(centre[0]), float(centre[1])
    square = resampled_about(pixels, _rows(centre, extent / size, degrees), size, "triangle")
    return np.ascontiguousarray(square[:, ::-1]) if mirrored else square


def _check(
    pixels: npt.NDArray[np.uint8],
    size: int,
    centre: object,
    extent: float,
    degrees: float,
    mirrored: object,
) -> None:
    height, width, _ = pixels.shape
    largest = LARGEST_EXTENT * max(height, width)
    require_size(size)
    if not (is_row(centre, 2) and is_real(centre[0], 0, width) and is_real(centre[1], 0, height)):
        raise ArgumentError(
            f"centre (x, y) must lie in the picture, 0 to {width} and 0 to {height}, not at "
            f"{quoted(centre)}"
        )
    if not is_real(extent, SMALLEST_EXTENT, largest):
        raise ArgumentError(
            f"extent must be {SMALLEST_EXTENT} to {largest} pixels here, not {quoted(extent)}"
        )
    if not is_real(degrees, -sys.float_info.max, sys.float_info.max):
        raise ArgumentError(f"degrees must be finite, not {quoted(degrees)}")
    if not isinstance(mirrored, (bool, np.bool_)):
        raise ArgumentError(f"mirrored must be True or False, not {quoted(mirrored)}")


def _rows(centre: tuple[float, float], step: float, degrees: float) -> tuple[Row, Row]:
    """Return how x and y change along and down the result, and where its middle lies."""
    angle = math.radians(degrees) if abs(math.remainder(degrees, 360)) >= LEAST_TURN else 0.0
    across, down = step * math.cos(angle), step * math.sin(angle)
    return (across, -down, centre[0]), (down, across, centre[1])
