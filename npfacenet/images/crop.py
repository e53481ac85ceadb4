"""Cropping the middle of a picture."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_whole
from npfacenet.errors import ArgumentError, ImageError, quoted
from npfacenet.images.array import picture


def central_square(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the largest central square of uint8 (H, W, 3): a view (S, S, 3), S = min(H, W).

    It begins at floor((long - short) / 2): if the difference is odd, the additional pixel is cut
    at the right or at the bottom. Raises ImageError if this is not a picture.

    >>> central_square(np.arange(12, dtype=np.uint8).reshape(1, 4, 3))
    array([[[3, 4, 5]]], dtype=uint8)
    """
    height, width, _ = picture(image).shape
    return centre_crop(image, min(height, width))


def centre_crop(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Return the central square of `size` pixels of uint8 (H, W, 3): a view (size, size, 3).

    Odd differences are split as by `central_square`. Raises ArgumentError for a size below 1,
    ImageError for a smaller picture or what is not a picture.
    """
    if not is_whole(size, 1, sys.maxsize):
        raise ArgumentError(f"size must be at least 1, not {quoted(size)} (a whole number)")
    size = int(size)
    height, width, _ = picture(image).shape
    if size > min(height, width):
        raise ImageError(
            f"{size} x {size} pixels cannot be cut out of a picture of height {height} and "
            f"width {width}; crop at most {min(height, width)}"
        )
    top, left = (height - size) // 2, (width - size) // 2
    return picture(image)[top : top + size, left : left + size]
