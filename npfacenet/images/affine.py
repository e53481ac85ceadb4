"""Resampling a square of a picture through an affine map: shifted, scaled, turned or sheared."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import real_array
from npfacenet.errors import ArgumentError
from npfacenet.images.argument import require_size
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

FARTHEST = 4
"""How far a crop may reach beyond the picture, in lengths of the picture's longer side."""
LEAST_STEP = 1e-6
"""Pixels of the picture between neighbours in the crop, below which a matrix counts as singular."""
FLATTEST = 1e-6
"""The same for the ratio of a matrix's singular values."""

ROUNDING = 1e-9
"""Pixels by which an edge may miss the border between two pixels and still be that border."""

Matrix: TypeAlias = npt.NDArray[np.float64]
Row: TypeAlias = tuple[float, float, float]

# Pillow's "bilinear" averages when it shrinks: by r with a triangle r wide, of variance r^2 / 6.
# Its affine transform never averages. Shrunk by r / sqrt(2) first, both steps together have the
# triangle's variance, so that turned and upright pictures are equally sharp.
_LEFT_TO_THE_TRANSFORM = math.sqrt(2)


def resampled(image: npt.NDArray[np.uint8], matrix: Matrix, size: int) -> npt.NDArray[np.uint8]:
    """Resample uint8 (H, W, 3) to a new array (size, size, 3) through an affine map.

    `matrix` (2, 3) maps a point (x, y) of the crop to the point of the picture that it shows. The
    picture reaches from (0, 0) to (W, H), so that its first pixel has its centre at (0.5, 0.5);
    likewise the crop, from (0, 0) to (size, size). Outside of the picture its edge pixels are
    repeated.

    A map that neither turns nor mirrors gives `resize` with "bilinear" of the region. For any other
    the picture is shrunk along both its axes, if more than 1.4 pixels become one, and then
    interpolated by Pillow's affine transform, bilinear.

    Raises ArgumentError for a size below 1 or above 9,459, and for a matrix that is not finite,
    singular, or reaches farther beyond the picture than four times its longer side; ImageError if
    this is not a picture.

    >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> np.array_equal(resampled(image, np.eye(2, 3), 2), image)
    True
    >>> quarter_turn = np.array([[0, -1, 2], [1, 0, 0]])
    >>> np.array_equal(resampled(image, quarter_turn, 2), np.rot90(image))
    True
    """
    pixels = picture(image)
    require_size(size)
    array = np.asarray(real_array(matrix, "matrix", ArgumentError), np.float64)
    if array.shape != (2, 3):
        raise ArgumentError(f"matrix has the shape (2, 3), not {array.shape}")
    half = int(size) / 2
    (a, b, x), (c, d, y) = array.tolist()
    rows = (a, b, x + half * (a + b)), (c, d, y + half * (c + d))
    return resampled_about(pixels, rows, int(size))


def resampled_about(
    pixels: npt.NDArray[np.uint8], rows: tuple[Row, Row], size: int
) -> npt.NDArray[np.uint8]:
    """Resample as `resampled` does; the third column of the matrix says where the middle lies.

    So warps about a point round as they always did.
    """
    height, width, _ = pixels.shape
    _check(rows, size, width, height)
    (a, b, _), (c, d, _) = rows
    if b == 0 == c and a > 0 < d:
        return _stretched(pixels, rows, size)
    return _turned(pixels, rows, size)


def _check(rows: tuple[Row, Row], size: int, width: int, height: int) -> None:
    if not np.isfinite(rows).all():
        raise ArgumentError("matrix must be finite")
    reach = FARTHEST * max(width, height)
    for (a, b, middle), length in zip(rows, (width, height), strict=True):
        half = size / 2 * (abs(a) + abs(b))
        if not -reach <= middle - half <= middle + half <= length + reach:
            raise ArgumentError(
                f"matrix leads farther than {reach:,} pixels beyond a picture of {width} x {height}"
            )
    linear = np.array([row[:2] for row in rows])
    largest, smallest = np.linalg.svd(linear, compute_uv=False).tolist()
    if smallest < max(LEAST_STEP, FLATTEST * largest):
        raise ArgumentError("matrix is singular: it maps the whole crop to a line or to a point")


def _stretched(
    pixels: npt.NDArray[np.uint8], rows: tuple[Row, Row], size: int
) -> npt.NDArray[np.uint8]:
    """Resample a region whose sides are parallel to those of the picture."""
    import_pillow()
    from PIL import Image

    (to_x, _, x), (_, to_y, y) = rows
    half_x, half_y = size * to_x / 2, size * to_y / 2
    left, right = math.floor(_snapped(x - half_x)), math.ceil(_snapped(x + half_x))
    top, bottom = math.floor(_snapped(y - half_y)), math.ceil(_snapped(y + half_y))
    window = _window(pixels, left, top, right, bottom)
    x, y, width, height = x - left, y - top, right - left, bottom - top
    # The window is what the region touches; the bounds matter only for rounding.
    box = (
        max(x - half_x, 0),
        max(y - half_y, 0),
        min(x + half_x, width),
        min(y + half_y, height),
    )
    resized = Image.fromarray(window).resize((size, size), Image.Resampling.BILINEAR, box)
    return np.array(resized)


def _snapped(edge: float) -> float:
    """Return the border between pixels that rounding has missed, or else the edge itself."""
    return round(edge) if abs(edge - round(edge)) < ROUNDING else edge


def _turned(
    pixels: npt.NDArray[np.uint8], rows: tuple[Row, Row], size: int
) -> npt.NDArray[np.uint8]:
    """Resample a region in any position: shrink the picture, then interpolate in it."""
    import_pillow()
    from PIL import Image

    # Along each axis of the picture: pixels from one of the crop to the next, and the bounds of
    # what the crop shows, with the pixels that interpolation needs.
    steps = [math.hypot(row[0], row[1]) for row in rows]
    halves = [
        size / 2 * (abs(row[0]) + abs(row[1])) + max(1.0, step)
        for row, step in zip(rows, steps, strict=True)
    ]
    (across_x, down_x, x), (across_y, down_y, y) = rows
    left, right = math.floor(x - halves[0]), math.ceil(x + halves[0])
    top, bottom = math.floor(y - halves[1]), math.ceil(y + halves[1])
    source = Image.fromarray(_window(pixels, left, top, right, bottom))
    shrinks = [max(1.0, step / _LEFT_TO_THE_TRANSFORM) for step in steps]
    shrunk = (
        max(1, round(source.width / shrinks[0])),
        max(1, round(source.height / shrinks[1])),
    )
    if shrunk != source.size:
        source = source.resize(shrunk, Image.Resampling.BILINEAR)
    # Rounded to whole pixels, the two directions shrink by slightly different factors.
    to_x, to_y = source.width / (right - left), source.height / (bottom - top)
    # From the middle to the corner of the crop; Pillow itself adds the half pixels.
    row_of_x = (across_x, down_x, x - left - size / 2 * (across_x + down_x))
    row_of_y = (across_y, down_y, y - top - size / 2 * (across_y + down_y))
    coefficients = (*(to_x * c for c in row_of_x), *(to_y * c for c in row_of_y))
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.array(source.transform((size, size), affine, coefficients, bilinear))


def _window(
    pixels: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int
) -> npt.NDArray[np.uint8]:
    """Return the pixels from `left` and `top` to before `right` and `bottom`, edges repeated."""
    height, width, _ = pixels.shape
    rows = np.arange(top, bottom).clip(0, height - 1)
    columns = np.arange(left, right).clip(0, width - 1)
    if left >= 0 and right <= width and top >= 0 and bottom <= height:
        return pixels[top:bottom, left:right]
    inside = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    overhang = (
        (max(-top, 0), max(bottom - height, 0)),
        (max(-left, 0), max(right - width, 0)),
        (0, 0),
    )
    padded = np.pad(inside, overhang, mode="edge")
    return padded[: bottom - top, : right - left]
