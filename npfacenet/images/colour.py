"""Conversion from each of Pillow's modes to RGB of 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError
from npfacenet.images.profile import in_srgb

if TYPE_CHECKING:
    import PIL.Image

_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value
_STRIP = 256  # rows
_STRAIGHT_ALPHA = ("LA", "PA", "RGBA")
_PREMULTIPLIED = ("La", "RGBa")


def to_rgb(image: PIL.Image.Image, name: str, *, managed: bool = False) -> npt.NDArray[np.uint8]:
    """Return the pixels of a loaded PIL image as uint8 (H, W, 3); messages call it `name`.

    Transparent pixels are composed over white. Grey of 16 bits is divided by 257 and rounded
    (Pillow's own conversion would clip at 255); Pillow itself cuts colour of 16 bits to the upper
    8 while decoding. If `managed`, an ICC profile determines the colours (`profile.py`);
    otherwise, and without a profile, Pillow converts other colour spaces.

    Raises ImageError for floating point and 32-bit values, whose range is not defined, and for
    modes that Pillow cannot convert. Does not change the image.
    """
    # Some versions of Pillow decode 16-bit PNG and PGM as 32 bits.
    if image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _from_sixteen_bits(image, name, managed=managed)
    if image.mode in ("F", "I"):
        kind = "floating point" if image.mode == "F" else "32-bit"
        raise ImageError(
            f"{name} holds {kind} values, which have no defined range; "
            "scale them to 0 to 255 and save them as 8 bits"
        )
    if image.mode in _PREMULTIPLIED:
        if managed and image.info.get("icc_profile"):
            return to_rgb(_converted(image, "RGBA", name), name, managed=True)
        pixels = np.asarray(image)
        colour, alpha = pixels[..., :-1], pixels[..., -1:]
        rgb = over_white(np.minimum(colour, alpha).astype(np.uint16) * 255, alpha)
        return np.broadcast_to(rgb, (*rgb.shape[:2], 3))
    if image.mode == "P" or image.mode in _STRAIGHT_ALPHA or "transparency" in image.info:
        straight = _converted(image, "RGBA", name)
        pixels = np.asarray(straight)
        colours = pixels
        if managed and image.info.get("icc_profile"):
            grey = image.mode in ("L", "LA")
            colours = _managed(_opaque(straight, image, "L" if grey else "RGB"), name)
        rgb = np.empty((*pixels.shape[:2], 3), np.uint8)
        for top in range(
            0, len(pixels), _STRIP
        ):  # otherwise a large picture takes five times its size
            rows = slice(top, top + _STRIP)
            alpha = pixels[rows, :, 3:]
            rgb[rows] = over_white(colours[rows, :, :3].astype(np.uint16) * alpha, alpha)
        return rgb
    if not managed or not image.info.get("icc_profile"):
        return _array(_converted(image, "RGB", name))
    mode = "L" if image.mode in ("1", "L") else "CMYK" if image.mode == "CMYK" else "RGB"
    return _managed(_opaque(_converted(image, mode, name), image, mode), name)


def _opaque(converted: PIL.Image.Image, image: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Return a converted image without alpha, with the profile of its original."""
    opaque = converted if converted.mode == mode else converted.convert(mode)
    if opaque is image:
        return opaque
    opaque.info = {"icc_profile": image.info.get("icc_profile")}
    return opaque


def _managed(image: PIL.Image.Image, name: str) -> npt.NDArray[np.uint8]:
    return _array(_converted(in_srgb(image, name), "RGB", name))


def _array(image: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    """Return the pixels of an RGB image as a new array, copied by strips.

    Pillow's own conversion needs twice the memory of the result, and four times as long for a large
    picture, whose copies do not fit into the processor's caches.
    """
    width, height = image.size
    if height <= _STRIP:
        return np.array(image)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


def over_white(
    weighted: npt.NDArray[np.uint16], alpha: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Return (weighted + 255 (255 - alpha)) / 255, exactly rounded.

    `weighted` is uint16 (H, W, C), colour times alpha; `alpha` is uint8 (H, W, 1).

    >>> over_white(np.array([[[200 * 128]]], np.uint16), np.array([[[128]]], np.uint8)).item()
    227
    """
    white = np.uint16(255) * (255 - alpha).astype(np.uint16)
    # Adding 127 rounds, since division by an odd number has no ties; the sum is at most
    # 255 * 255 + 127, which fits into 16 bits.
    return ((weighted + white + np.uint16(127)) // np.uint16(255)).astype(np.uint8)


def _from_sixteen_bits(
    image: PIL.Image.Image, name: str, *, managed: bool
) -> npt.NDArray[np.uint8]:
    values = np.asarray(image)
    negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    bright = 65535 - values.astype(np.uint32) if negative else values.astype(np.uint32)
    grey = ((bright + 128) // 257).astype(np.uint8)
    rgb = np.broadcast_to(grey[..., None], (*grey.shape, 3))
    profile = image.info.get("icc_profile")
    if managed and profile:
        rgb = _sixteen_bits_in_srgb(bright, rgb, profile, name)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        rgb = np.where((values == transparent)[..., None], np.uint8(255), rgb)
    return rgb


def _sixteen_bits_in_srgb(
    values: npt.NDArray[np.uint32], rgb: npt.NDArray[np.uint8], profile: object, name: str
) -> npt.NDArray[np.uint8]:
    """Convert grey by its profile, interpolated linearly between 256 levels.

    Rounding a linear scan to 8 bits first would lose its shadows.
    """
    from PIL import Image

    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    ramp.info["icc_profile"] = profile
    converted = in_srgb(ramp, name)
    if converted is ramp:
        return rgb
    curves = np.asarray(converted)[0].astype(np.float64)
    places = np.arange(256) * 257
    table = np.stack(
        [np.rint(np.interp(np.arange(65536), places, curve)) for curve in curves.T], axis=-1
    ).astype(np.uint8)
    return table[values]


def _converted(image: PIL.Image.Image, mode: str, name: str) -> PIL.Image.Image:
    if image.mode == mode:
        return image
    # Pillow writes the transparent colour into the palette of the image that it converts.
    source = image.copy() if image.mode == "P" else image
    try:
        return source.convert(mode)
    except (ValueError, KeyError, ImportError) as error:
        raise ImageError(
            f"{name} has colours of mode {image.mode}, which Pillow cannot convert ({error}); "
            "save it as RGB"
        ) from error
