"""Resampling a square of a picture through an affine map: shifted, scaled, turned or sheared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of, real_array
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.argument import require_size
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    from PIL import Image

FARTHEST = 4
"""How far a crop may reach beyond the picture, in lengths of the picture's longer side."""
LEAST_STEP = 1e-6
"""Pixels of the picture between neighbours in the crop, below which a matrix counts as singular."""
FLATTEST = 1e-6
"""The same for the ratio of a matrix's singular values."""
ROUNDING = 1e-9
"""Pixels by which an edge may miss the border between two pixels and still be that border."""
SAMPLES = 3
"""Samples in a row, roughly, whose mean is a pixel of the crop; blocks of pixels are as far apart.

Root mean square error on two portraits, three angles, against an average over the area, in grey
levels (rounding alone: 0.29), and time for a window of 2,000 pixels to 160: 3 samples 0.3 (shrunk
by 2), 0.8 (by 5), 0.9 (by 15), 46 ms; 4 samples 0.3, 0.3, 0.7, 62 ms; "triangle" 0.8, 1.6, 2.9,
29 ms. Bicubic interpolation, without averages over samples, 0.9, 1.3, 2.2.
"""
MOST_SAMPLES = 4096
"""Samples in a row of the whole crop: a bound on memory."""

Kernel: TypeAlias = Literal["area", "triangle"]
Matrix: TypeAlias = npt.NDArray[np.float64]
Row: TypeAlias = tuple[float, float, float]
Rows: TypeAlias = tuple[Row, Row]
Bounds: TypeAlias = tuple[int, int]

# Pillow's "bilinear" averages when it shrinks: by r with a triangle r wide, of variance r^2 / 6.
# Its affine transform never averages. Shrunk by r / sqrt(2) first, both steps together have the
# triangle's variance, so that turned and upright pictures are equally sharp.
_LEFT_TO_THE_TRANSFORM = math.sqrt(2)


def resampled(
    image: npt.NDArray[np.uint8], matrix: Matrix, size: int, kernel: Kernel = "area"
) -> npt.NDArray[np.uint8]:
    """Resample uint8 (H, W, 3) to a new array (size, size, 3) through an affine map.

    `matrix` (2, 3) maps a point (x, y) of the crop to the point of the picture that it shows. The
    picture reaches from (0, 0) to (W, H), so that its first pixel has its centre at (0.5, 0.5);
    likewise the crop, from (0, 0) to (size, size). Outside of the picture its edge pixels are
    repeated.

    Where the map enlarges, pixels are interpolated bilinearly. Where it shrinks, a pixel of the
    crop is the mean of the area that it shows ("area"), or a mean as blurred as that of `resize`
    with "bilinear" ("triangle"; exactly that of the region if the map neither turns nor mirrors).

    Raises ArgumentError for a size below 1 or above 9,459, another kernel, and a matrix that is not
    finite, singular, or reaches farther beyond the picture than four times its longer side;
    ImageError if this is not a picture.

    >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> np.array_equal(resampled(image, np.eye(2, 3), 2), image)
    True
    >>> quarter_turn = np.array([[0, -1, 2], [1, 0, 0]])
    >>> np.array_equal(resampled(image, quarter_turn, 2), np.rot90(image))
    True
    """
    pixels = picture(image)
    require_size(size)
    if not is_one_of(kernel, *get_args(Kernel)):
        raise ArgumentError(f"kernel must be 'area' or 'triangle', not {quoted(kernel)}")
    array = np.asarray(real_array(matrix, "matrix", ArgumentError), np.float64)
    if array.shape != (2, 3):
        raise ArgumentError(f"matrix has the shape (2, 3), not {array.shape}")
    half = int(size) / 2
    (a, b, x), (c, d, y) = array.tolist()
    rows = (a, b, x + half * (a + b)), (c, d, y + half * (c + d))
    return resampled_about(pixels, rows, int(size), kernel)


def resampled_about(
    pixels: npt.NDArray[np.uint8], rows: Rows, size: int, kernel: Kernel
) -> npt.NDArray[np.uint8]:
    """Resample as `resampled` does; the third column of the matrix says where the middle lies.

    Warps about a point thus round as they always did.
    """
    height, width, _ = pixels.shape
    _check(rows, size, width, height)
    import_pillow()
    if kernel == "area":
        return _averaged(pixels, rows, size)
    (a, b, _), (c, d, _) = rows
    upright = b == 0 == c and a > 0 < d
    return _stretched(pixels, rows, size) if upright else _turned(pixels, rows, size)


def _check(rows: Rows, size: int, width: int, height: int) -> None:
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


def _stretched(pixels: npt.NDArray[np.uint8], rows: Rows, size: int) -> npt.NDArray[np.uint8]:
    """Resample a region whose sides are parallel to those of the picture."""
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


def _turned(pixels: npt.NDArray[np.uint8], rows: Rows, size: int) -> npt.NDArray[np.uint8]:
    """Resample a region in any position: shrink the picture, then interpolate in it."""
    from PIL import Image

    (left, right), (top, bottom) = (_bounds(row, size) for row in rows)
    source = Image.fromarray(_window(pixels, left, top, right, bottom))
    shrinks = [max(1.0, math.hypot(row[0], row[1]) / _LEFT_TO_THE_TRANSFORM) for row in rows]
    shrunk = (
        max(1, round(source.width / shrinks[0])),
        max(1, round(source.height / shrinks[1])),
    )
    if shrunk != source.size:
        source = source.resize(shrunk, Image.Resampling.BILINEAR)
    # Rounded to whole pixels, the two directions shrink by slightly different factors.
    to_x, to_y = source.width / (right - left), source.height / (bottom - top)
    x, y = _row_from(rows[0], left, size), _row_from(rows[1], top, size)
    coefficients = (*(to_x * c for c in x), *(to_y * c for c in y))
    return np.array(_interpolated(source, (size, size), coefficients))


def _averaged(pixels: npt.NDArray[np.uint8], rows: Rows, size: int) -> npt.NDArray[np.uint8]:
    """Resample a region in any position: average blocks of pixels, then samples between them."""
    from PIL import Image

    most = max(1, MOST_SAMPLES // size)
    blocks = [max(1, round(math.hypot(row[0], row[1]) / min(SAMPLES, most))) for row in rows]
    bounds = [_bounds(row, size) for row in rows]
    source = _means(pixels, bounds, blocks)
    matrix = np.array(
        [_row_from(row, first, size) for row, (first, _) in zip(rows, bounds, strict=True)]
    )
    matrix /= np.array(blocks)[:, np.newaxis]
    # Along and down the crop, neighbouring samples are at most one block from each other.
    samples = [
        min(max(1, math.ceil(length - ROUNDING)), most)
        for length in np.hypot(matrix[0, :2], matrix[1, :2]).tolist()
    ]
    matrix[:, :2] /= samples
    to, coefficients = (size * samples[0], size * samples[1]), tuple(matrix.ravel().tolist())
    crop = np.empty((size, size, 3), np.uint8)
    for channel in range(3):  # as float32: of uint8, Pillow's transform cuts fractions off
        plane = Image.fromarray(source[:, :, channel].astype(np.float32))
        fine = _interpolated(plane, to, coefficients)
        reduced = fine.reduce((samples[0], samples[1])) if max(samples) > 1 else fine
        crop[:, :, channel] = np.rint(np.asarray(reduced))
    return crop


def _bounds(row: Row, size: int) -> Bounds:
    """Return which pixels a crop needs along an axis of the picture: the first, and the end.

    They are those that it shows, and those around them that interpolation needs.
    """
    half = size / 2 * (abs(row[0]) + abs(row[1])) + max(1.0, math.hypot(row[0], row[1]))
    return math.floor(row[2] - half), math.ceil(row[2] + half)


def _row_from(row: Row, first: int, size: int) -> Row:
    """Return a row of the matrix itself, for a picture that begins at a pixel."""
    return row[0], row[1], row[2] - first - size / 2 * (row[0] + row[1])


def _interpolated(
    source: Image.Image, size: tuple[int, int], coefficients: tuple[float, ...]
) -> Image.Image:
    from PIL import Image

    # Pillow itself adds the half pixels.
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return source.transform(size, affine, coefficients, bilinear)


def _means(
    pixels: npt.NDArray[np.uint8], bounds: list[Bounds], blocks: list[int]
) -> npt.NDArray[np.uint8]:
    """Return the means of blocks of pixels from the first of the bounds on, edges repeated.

    Means are weighted by triangles that reach into the neighbouring blocks: plain ones would turn
    fine stripes into coarse ones. However far the bounds reach beyond the picture, only two blocks
    there are made of pixels.
    """
    from PIL import Image

    height, width, _ = pixels.shape
    firsts, lasts, around = [], [], []
    for (first, end), block, length in zip(bounds, blocks, (width, height), strict=True):
        count = -(-(end - first) // block)
        begin = min(max(-first // block - 2, 0), count - 1)
        stop = max(min(-((first - length) // block) + 2, count), begin + 1)
        firsts.append(first + begin * block)
        lasts.append(first + stop * block)
        around.append((begin, count - stop))
    window = _window(pixels, *firsts, *lasts)
    if max(blocks) > 1:
        means = window.shape[1] // blocks[0], window.shape[0] // blocks[1]
        window = np.asarray(Image.fromarray(window).resize(means, Image.Resampling.BILINEAR))
    return np.pad(window, (around[1], around[0], (0, 0)), mode="edge")


def _window(
    pixels: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int
) -> npt.NDArray[np.uint8]:
    """Return the pixels from `left` and `top` to before `right` and `bottom`, edges repeated."""
    overhangs, inside = [], []
    for first, end, length in ((top, bottom, pixels.shape[0]), (left, right, pixels.shape[1])):
        start, stop = min(max(first, 0), length - 1), max(min(end, length), 1)
        before = min(max(start - first, 0), end - first - 1)
        start = min(start, stop - 1)
        overhangs.append((before, end - first - before - (stop - start)))
        inside.append(slice(start, stop))
    window = pixels[tuple(inside)]
    return np.pad(window, (*overhangs, (0, 0)), mode="edge") if np.any(overhangs) else window
