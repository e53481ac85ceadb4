"""How a picture was held: the eight orientations of EXIF (tag 0x0112)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import PIL.Image

_TAG = 0x0112


def orientation(image: PIL.Image.Image) -> int:
    """The orientation of a loaded PIL image, 1 to 8; 1 when absent, damaged or unknown.

    Of a picture that is not loaded yet it may be missing: PNG keeps EXIF behind the pixels,
    and Pillow turns a TIFF upright itself while loading.
    """
    try:
        value = image.getexif().get(_TAG, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything, and the pixels are still good
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """A view of (H, W, C) pixels turned as an orientation of 1 to 8 says.

    The same as Pillow's `ImageOps.exif_transpose`. Orientation 6 is a quarter turn clockwise:

    >>> upright(np.array([[[1], [2]]], np.uint8), 6)[..., 0]
    array([[1], [2]], dtype=uint8)
    """
    # 5 to 8 were stored with rows and columns exchanged; what remains are mirrorings.
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]
