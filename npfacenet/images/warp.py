"""Extracting a shifted, scaled and rotated square from a picture in one step."""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.argument import is_row, require_size
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

SMALLEST_EXTENT = 0.1  # pixels
LARGEST_EXTENT = 2  # times the picture's longer side; pixels outside are invented

# Pillow's "bilinear" averages when it shrinks: by r with a triangle r wide, of variance r^2 / 6.
# Its affine transform never averages. Shrunk by r / sqrt(2) first, both steps together have the
# triangle's variance, so that turned and upright pictures are equally sharp.
_LEFT_TO_THE_TRANSFORM = math.sqrt(2)


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
    if degrees % 360 == 0:
        square = _upright(pixels, size, centre, extent)
    else:
        square = _turned(pixels, size, centre, extent, math.radians(degrees))
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


def _upright(
    pixels: npt.NDArray[np.uint8], size: int, centre: tuple[float, float], extent: float
) -> npt.NDArray[np.uint8]:
    import_pillow()
    from PIL import Image

    window, (x, y) = _window(pixels, centre, extent)
    (height, width, _), half = window.shape, extent / 2
    # The window is what the region touches; the bounds matter only for rounding.
    box = (max(x - half, 0), max(y - half, 0), min(x + half, width), min(y + half, height))
    resized = Image.fromarray(window).resize((size, size), Image.Resampling.BILINEAR, box)
    return np.array(resized)


def _turned(
    pixels: npt.NDArray[np.uint8],
    size: int,
    centre: tuple[float, float],
    extent: float,
    angle: float,
) -> npt.NDArray[np.uint8]:
    import_pillow()
    from PIL import Image

    cosine, sine = math.cos(angle), math.sin(angle)
    step = extent / size  # pixels of the picture from one of the result to the next
    # The upright square around the rotated one, with the pixels that interpolation needs.
    around = extent * (abs(cosine) + abs(sine)) + 2 * max(1.0, step)
    window, (x, y) = _window(pixels, centre, around)
    source = Image.fromarray(window)
    shrink = step / _LEFT_TO_THE_TRANSFORM
    if shrink > 1:
        shrunk = max(1, round(source.width / shrink)), max(1, round(source.height / shrink))
        source = source.resize(shrunk, Image.Resampling.BILINEAR)
    # Rounded to whole pixels, the two directions shrink by slightly different factors.
    to_x, to_y = source.width / window.shape[1], source.height / window.shape[0]
    across, down, middle = step * cosine, step * sine, size / 2
    # Result (i, j) shows (x, y) = matrix (i, j) + offset; Pillow itself adds the half pixels.
    row_of_x = (across, -down, x - middle * (across - down))
    row_of_y = (down, across, y - middle * (down + across))
    coefficients = (*(to_x * c for c in row_of_x), *(to_y * c for c in row_of_y))
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.array(source.transform((size, size), affine, coefficients, bilinear))


def _window(
    pixels: npt.NDArray[np.uint8], centre: tuple[float, float], extent: float
) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """Return the pixels that a square touches, edges repeated, and the centre within them."""
    height, width, _ = pixels.shape
    (x, y), half = centre, extent / 2
    left, right = math.floor(x - half), math.ceil(x + half)
    top, bottom = math.floor(y - half), math.ceil(y + half)
    inside = pixels[max(top, 0) : bottom, max(left, 0) : right]
    overhang = (
        (max(-top, 0), max(bottom - height, 0)),
        (max(-left, 0), max(right - width, 0)),
        (0, 0),
    )
    window = np.pad(inside, overhang, mode="edge") if np.any(overhang) else inside
    return window, (x - left, y - top)
