"""Which way up: the orientation of EXIF (tag 0x0112)."""

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


def orientation(image: PIL.Image.Image, name: str = "the picture") -> int:
    """How a loaded PIL image is still to be turned, 1 to 8; 1 when EXIF is absent or damaged.

    An image straight from a file is turned as EXIF says. One that Pillow made from it, as
    `convert`, `resize` and `rotate` do, may have been turned, by the caller or by
    `ImageOps.exif_transpose` of old, and still say so in EXIF: a quarter turn (5 to 8) has been
    made if the picture lies across the size that EXIF tells or, where it tells none, if it is
    higher than wide, for cameras store frames wider than high.

    Raises ImageError for such an image where nothing tells: it is square, or EXIF speaks of
    mirroring or half a turn (2 to 4).

    Of a picture that is not loaded yet it may be missing: PNG keeps EXIF behind the pixels,
    and Pillow turns a TIFF upright itself while loading.
    """
    from PIL import ImageFile

    value = _stated(image, name)
    if value == 1 or isinstance(image, ImageFile.ImageFile):
        return value
    turned = _was_turned(image) if value >= 5 else None
    if turned is None:
        raise ImageError(
            f"{name} was made from another image, and whether it was turned already as its EXIF "
            f"says (orientation {value}) cannot be seen; call ImageOps.exif_transpose(image) right "
            "after opening it, or pass the path or the bytes"
        )
    return 1 if turned else value


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


def _stated(image: PIL.Image.Image, name: str) -> int:
    exif = image.info.get("exif")
    if isinstance(exif, bytes) and not first_directory(exif).is_sound:
        _log.warning("%s: its EXIF claims more than it holds; ignored", name)
        return 1
    try:
        with without_forks():  # it may import what reads TIFF
            value = image.getexif().get(_TAG, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything, and the pixels are still good
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _was_turned(image: PIL.Image.Image) -> bool | None:
    """Whether a quarter turn has been made already; None where nothing tells."""
    if image.width == image.height:
        return None
    width, height = _size_as_stored(image) or (2, 1)
    if width == height:
        return None
    return (image.width > image.height) != (width > height)


def _size_as_stored(image: PIL.Image.Image) -> tuple[int, int] | None:
    """Width and height of the picture as EXIF tells them; None if it does not."""
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
