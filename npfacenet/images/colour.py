"""From each of Pillow's modes to RGB of 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError

if TYPE_CHECKING:
    import PIL.Image

_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value
_STRIP = 256  # rows
_STRAIGHT_ALPHA = ("LA", "PA", "RGBA")
_PREMULTIPLIED = ("La", "RGBa")


def to_rgb(image: PIL.Image.Image, name: str) -> npt.NDArray[np.uint8]:
    """The pixels of a loaded PIL image as uint8 (H, W, 3); `name` is for the messages.

    Transparent pixels lie over white. Grey of 16 bits is divided by 257 and rounded (Pillow's
    own conversion would clip at 255); colour of 16 bits Pillow itself has cut to the upper 8
    while decoding. Other colour spaces are converted by Pillow, and colour profiles ignored.

    Raises ImageError for floating point and 32-bit values, whose black and white no one knows,
    and for modes that Pillow cannot convert. The image is not changed.
    """
    # Some Pillows decode 16-bit PNG and PGM as 32 bits.
    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _from_sixteen_bits(image)
    if image.mode in ("F", "I"):
        kind = "floating point" if image.mode == "F" else "32-bit"
        raise ImageError(
            f"{name} holds {kind} values, which have no defined range; "
            "scale them to 0 to 255 and save them as 8 bits"
        )
    if image.mode in _PREMULTIPLIED:
        pixels = np.asarray(image)
        colour, alpha = pixels[..., :-1], pixels[..., -1:]
        rgb = over_white(np.minimum(colour, alpha).astype(np.uint16) * 255, alpha)
        return np.broadcast_to(rgb, (*rgb.shape[:2], 3))
    if image.mode == "P" or image.mode in _STRAIGHT_ALPHA or "transparency" in image.info:
        pixels = np.asarray(_converted(image, "RGBA", name))
        rgb = np.empty((*pixels.shape[:2], 3), np.uint8)
        for top in range(0, len(pixels), _STRIP):  # or a large picture takes five times its size
            strip = pixels[top : top + _STRIP]
            colour, alpha = strip[..., :3], strip[..., 3:]
            rgb[top : top + _STRIP] = over_white(colour.astype(np.uint16) * alpha, alpha)
        return rgb
    return np.asarray(_converted(image, "RGB", name))


def over_white(
    weighted: npt.NDArray[np.uint16], alpha: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """The exact rounding of (weighted + 255 (255 - alpha)) / 255.

    `weighted` is uint16 (H, W, C), colour times alpha; `alpha` is uint8 (H, W, 1).

    >>> over_white(np.array([[[200 * 128]]], np.uint16), np.array([[[128]]], np.uint8)).item()
    227
    """
    white = np.uint16(255) * (255 - alpha).astype(np.uint16)
    # Adding 127 rounds, for there are no ties in a division by an odd number; the sum is at
    # most 255 * 255 + 127, which 16 bits hold.
    return ((weighted + white + np.uint16(127)) // np.uint16(255)).astype(np.uint8)


def _from_sixteen_bits(image: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    values = np.asarray(image)
    grey = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = 255 - grey
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return np.broadcast_to(grey[..., None], (*grey.shape, 3))


def _converted(image: PIL.Image.Image, mode: str, name: str) -> PIL.Image.Image:
    # Pillow writes a transparent colour into the palette of the very image it converts.
    source = image.copy() if image.mode == "P" else image
    try:
        return source.convert(mode)
    except (ValueError, KeyError, ImportError) as error:
        raise ImageError(
            f"{name} has colours of mode {image.mode}, which Pillow cannot convert ({error}); "
            "save it as RGB"
        ) from error
