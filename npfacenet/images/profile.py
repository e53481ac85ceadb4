"""Conversion to sRGB by the ICC profile of a picture.

Numbers are colours only in a colour space: read as sRGB, a photograph in Display P3 is too pale,
and one with a linear profile far too dark.
"""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageCms

Transform: TypeAlias = "PIL.ImageCms.ImageCmsTransform | None"

LARGEST_PROFILE = 1 << 23  # bytes; the largest in use, for print, have three million
_BLACK_POINT_COMPENSATION, _NO_OPTIMISATION = 0x2000, 0x0100
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_LEVELS = (0, 1, 2, 4, 8, 16, 32, 64, 96, 128, 160, 192, 224, 255)
_NO_DIFFERENCE = 2  # levels, by rounding in two tables of sRGB's curve

_log = logging.getLogger(__name__)


def mode_of(profile: object) -> str | None:
    """Return the Pillow mode of a profile, "RGB", "L" or "CMYK"; None for any other profile.

    >>> mode_of(bytes(16) + b"GRAY" + bytes(120))
    'L'
    """
    if not isinstance(profile, bytes) or not 132 <= len(profile) <= LARGEST_PROFILE:
        return None
    return _MODES.get(profile[16:20])


def in_srgb(image: PIL.Image.Image, name: str) -> PIL.Image.Image:
    """Convert an image of mode RGB, L or CMYK to sRGB by its profile.

    LittleCMS converts, relative colorimetric with black point compensation. The image itself is
    returned if it carries no profile, or one that equals sRGB except for rounding; also, with a
    warning in the log, if the profile is damaged, over 8 MiB or not for such pictures, or if this
    Pillow was built without LittleCMS. `convert` keeps profiles: therefore a grey picture with a
    profile for RGB counts as RGB, and a picture of mode RGB that is grey throughout counts as
    grey if its profile is for grey.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    mode = mode_of(profile)
    if mode == "RGB" and image.mode == "L":
        image = image.convert("RGB")
    elif mode == "L" and image.mode == "RGB" and _is_grey(image):
        image = image.getchannel(0)
        image.info["icc_profile"] = profile
    if mode is None or mode != image.mode:
        _log.warning("%s: its colour profile is not for %s pictures; ignored", name, image.mode)
        return image
    try:
        transform = _transform(profile, mode)
        converted = image if transform is None else _applied(transform, image)
    except Exception as error:  # noqa: BLE001 - damaged profiles raise anything
        fault = " ".join(f"{type(error).__name__}: {error}".split())
        _log.warning("%s: its colour profile cannot be used (%s); ignored", name, fault[:200])
        return image
    return converted


def _is_grey(image: PIL.Image.Image) -> bool:
    red, green, blue = image.split()
    return bool(red == green == blue)


def _applied(transform: PIL.ImageCms.ImageCmsTransform, image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode != "L":
        return transform.apply(image)
    from PIL import Image

    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    table = np.asarray(transform.apply(ramp))[0]
    return Image.fromarray(table[np.asarray(image)])


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Transform:
    """Return the transform from a profile to sRGB; None if it would change nothing.

    Making one takes as long as reading a small picture, and the pictures of a folder are often
    from one camera, so a few are cached.
    """
    import_pillow("ImageCms")
    from PIL import ImageCms

    # When it optimises, LittleCMS replaces the curve in the shadows of grey by straight lines.
    flags = _BLACK_POINT_COMPENSATION | (_NO_OPTIMISATION if mode == "L" else 0)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags(flags),
    )
    return None if mode != "CMYK" and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: PIL.ImageCms.ImageCmsTransform, mode: str) -> bool:
    from PIL import Image

    levels = np.array(_LEVELS, np.uint8)
    if mode == "L":
        probe = levels[np.newaxis]
        expected = probe[..., np.newaxis]
    else:
        probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
        expected = probe
    found = np.asarray(transform.apply(Image.fromarray(probe)), np.int16)
    return bool(np.abs(found - expected).max() <= _NO_DIFFERENCE)
