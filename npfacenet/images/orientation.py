"""The orientation of EXIF (tag 0x0112), and turning pictures upright."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError
from npfacenet.images.directory import first_directory
from npfacenet.threads import without_forks

if TYPE_CHECKING:
    import PIL.Image

_TAG = 0x0112
_EXIF = 0x8769
_SIZES = ((0xA002, 0xA003), (0x0100, 0x0101))  # width and height, in EXIF's directory or the first

_log = logging.getLogger(__name__)

_STRIP = 64  # columns
_TO_TOP, _TO_LEFT = (3, 4, 7, 8), (2, 3, 6, 7)  # orientations that mirror


def orientation(image: PIL.Image.Image, name: str = "the picture") -> int:
    """Return the orientation to apply to a loaded PIL image, 1 to 8; 1 without intact EXIF.

    For an image straight from a file it is that of EXIF. One that Pillow derived from it
    (`convert`, `resize`, `rotate`) may have been turned already, by the caller or by an old
    `ImageOps.exif_transpose`, and still carry the orientation in EXIF. A quarter turn (5 to 8)
    was made if width and height are exchanged from the size in EXIF or, without such a size, if
    the picture is higher than wide, because cameras store frames wider than high.

    Raises ImageError for a derived image that does not show whether it was turned: a square one,
    or one with mirroring or half a turn (2 to 4).

    Load the picture first: PNG stores EXIF behind the pixels, and Pillow turns a TIFF upright
    itself while loading.
    """
    from PIL import ImageFile

    value = _stated(image, name)
    if value == 1 or isinstance(image, ImageFile.ImageFile):
        return value
    turned = _was_turned(image) if value >= 5 else None
    if turned is None:
        raise ImageError(
            f"{name} was made from another image, and does not show whether it was turned as its "
            f"EXIF says (orientation {value}); call ImageOps.exif_transpose(image) right "
            "after opening it, or pass the path or the bytes"
        )
    return 1 if turned else value


def upright(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return a view of (H, W, C) pixels, turned upright from an orientation of 1 to 8.

    As by Pillow's `ImageOps.exif_transpose`. Orientation 6 is a quarter turn clockwise:

    >>> upright(np.array([[[1], [2]]], np.uint8), 6)[..., 0]
    array([[1], [2]], dtype=uint8)
    """
    # 5 to 8 are stored with rows and columns exchanged; only mirrorings remain.
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in _TO_TOP else 1
    columns = -1 if orientation in _TO_LEFT else 1
    return pixels[::rows, ::columns]


def upright_copy(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return what `upright` does, contiguous and writeable; the array itself if it is all that."""
    view = upright(pixels, orientation)
    if orientation < 5:
        return np.require(view, requirements=("C", "W"))
    own = np.empty(view.shape, np.uint8)
    for left in range(0, view.shape[1], _STRIP):  # 2.5 times as fast as the whole at once
        strip = slice(left, left + _STRIP)
        for channel in range(view.shape[2]):
            own[:, strip, channel] = view[:, strip, channel]
    return own


def first(right: int, bottom: int, orientation: int) -> tuple[int, int]:
    """Return how many of the pixels at the right and at the bottom come first when upright: x, y.

    >>> first(3, 1, 1), first(3, 1, 2), first(3, 1, 8)
    ((0, 0), (3, 0), (0, 3))
    """
    if orientation >= 5:
        right, bottom = bottom, right
    return right if orientation in _TO_LEFT else 0, bottom if orientation in _TO_TOP else 0


def _stated(image: PIL.Image.Image, name: str) -> int:
    exif = image.info.get("exif")
    if isinstance(exif, bytes) and not first_directory(exif).is_sound:
        _log.warning("%s: its EXIF claims more than it holds; ignored", name)
        return 1
    try:
        with without_forks():  # it may import the TIFF reader
            value = image.getexif().get(_TAG, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything, but the pixels are intact
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _was_turned(image: PIL.Image.Image) -> bool | None:
    """Return whether a quarter turn was made already; None if that is unknown."""
    if image.width == image.height:
        return None
    width, height = _size_as_stored(image) or (2, 1)
    if width == height:
        return None
    return (image.width > image.height) != (width > height)


def _size_as_stored(image: PIL.Image.Image) -> tuple[int, int] | None:
    """Return width and height of the picture according to EXIF; None if it has none."""
    tags = image.getexif()
    try:
        places = (tags.get_ifd(_EXIF), tags)
    except Exception:  # noqa: BLE001 - as above
        places = ({}, tags)
    for place, size in zip(places, _SIZES, strict=True):
        match tuple(place.get(tag) for tag in size):
            case (int(width), int(height)) if width > 0 and height > 0:
                return width, height
    return None
