"""Degradation by files and cameras: compression, blur, light, and objects in front.

Every function takes uint8 (H, W, 3), does not write to it, and returns a new array of that shape
and dtype. All raise ImageError for what is not a picture.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real, is_whole
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.argument import is_row
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

LARGEST_RADIUS = 1000.0
LARGEST_FACTOR = 1e6
_LEVELS = np.arange(256)


def jpeg_compressed(image: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """Compress the picture as JPEG, in memory, and decode it again.

    `quality` is that of libjpeg, 1 to 100; everything else is Pillow's default (colour at half
    the resolution). Raises ArgumentError for another quality.

    >>> jpeg_compressed(np.full((8, 8, 3), 40, np.uint8), 90).max().item()
    40
    """
    if not is_whole(quality, 1, 100):
        raise ArgumentError(f"quality must be 1 to 100, not {quoted(quality)} (a whole number)")
    pixels = picture(image)

    import_pillow()
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(quality))
    file.seek(0)
    with Image.open(file, formats=("JPEG",)) as decoded:
        return np.array(decoded)


def blurred(image: npt.NDArray[np.uint8], radius: float) -> npt.NDArray[np.uint8]:
    """Blur the picture by Pillow's Gaussian filter, with edge pixels repeated.

    `radius` is the standard deviation in pixels, 0 (no change) to 1000. Raises ArgumentError for
    another radius.
    """
    if not is_real(radius, 0, LARGEST_RADIUS):
        raise ArgumentError(
            f"radius must be 0 to {LARGEST_RADIUS:.0f} pixels, not {quoted(radius)}"
        )
    pixels = picture(image)

    import_pillow("ImageFilter")
    from PIL import Image, ImageFilter

    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(float(radius))))


def relit(
    image: npt.NDArray[np.uint8], brightness: float = 1.0, contrast: float = 1.0
) -> npt.NDArray[np.uint8]:
    """Change the light: brightness (mean + contrast (x - mean)), rounded and clipped.

    Both are factors of at least 0; 1 changes nothing. The mean is over all pixels and channels.
    Raises ArgumentError for a factor that is negative, above a million or not finite.

    >>> relit(np.array([[[0, 100, 200]]], np.uint8), brightness=1.1, contrast=0.5)
    array([[[ 55, 110, 165]]], dtype=uint8)
    """
    for name, factor in (("brightness", brightness), ("contrast", contrast)):
        if not is_real(factor, 0, LARGEST_FACTOR):
            raise ArgumentError(
                f"{name} must be a finite factor of at least 0, not {quoted(factor)} "
                f"(at most {LARGEST_FACTOR:,.0f})"
            )
    pixels = picture(image)
    mean = pixels.mean()
    levels = np.rint(float(brightness) * (mean + float(contrast) * (_LEVELS - mean))).clip(0, 255)
    table: npt.NDArray[np.uint8] = levels.astype(np.uint8)
    return table.take(pixels)


def erased(
    image: npt.NDArray[np.uint8],
    top: int,
    left: int,
    height: int,
    width: int,
    colour: tuple[int, int, int],
) -> npt.NDArray[np.uint8]:
    """Cover a rectangle of the picture with one colour, as an object in front of the face.

    After "Random Erasing" (Zhong et al., AAAI 2020). `top`, `left`, `height` and `width` are in
    pixels; the rectangle lies within the picture and has at least one pixel. `colour` is (red,
    green, blue), each 0 to 255. Raises ArgumentError for another rectangle or colour.

    >>> erased(np.zeros((1, 2, 3), np.uint8), 0, 1, 1, 1, (7, 8, 9))
    array([[[0, 0, 0], [7, 8, 9]]], dtype=uint8)
    """
    pixels = picture(image)
    rows, columns, _ = pixels.shape
    if not (
        is_whole(top, 0, rows - 1)
        and is_whole(height, 1, rows - int(top))
        and is_whole(left, 0, columns - 1)
        and is_whole(width, 1, columns - int(left))
    ):
        given = [quoted(number) for number in (height, width, top, left)]
        raise ArgumentError(
            f"a rectangle of {given[0]} x {given[1]} at row {given[2]}, column {given[3]} does not "
            f"lie within {rows} x {columns} pixels, in whole numbers"
        )
    if not is_row(colour, 3) or not all(is_whole(channel, 0, 255) for channel in colour):
        raise ArgumentError(f"colour must be three numbers from 0 to 255, not {quoted(colour)}")
    covered = pixels.copy()
    covered[int(top) : int(top) + int(height), int(left) : int(left) + int(width)] = colour
    return covered
