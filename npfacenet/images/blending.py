"""Blending two pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, ImageError, quoted
from npfacenet.images.array import picture


def blended(
    image: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], share: float
) -> npt.NDArray[np.uint8]:
    """Return (1 - share) * image + share * other, rounded: uint8 (H, W, 3).

    As in "mixup" (Zhang et al., ICLR 2018, equation 1). `share` is 0 to 1. Raises ArgumentError
    for another share, ImageError for pictures of different shapes or what is not a picture.

    >>> blended(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 200, np.uint8), 0.25)
    array([[[50, 50, 50]]], dtype=uint8)
    """
    if not is_real(share, 0, 1):
        raise ArgumentError(f"share must be 0 to 1, not {quoted(share)}")
    below, above = picture(image), picture(other)
    if below.shape != above.shape:
        raise ImageError(f"pictures of {below.shape} and {above.shape} cannot be blended")
    mixed = below + np.float32(share) * (above.astype(np.float32) - below)
    return np.rint(mixed).astype(np.uint8)
