"""Reading the pixels of a picture from a file, bytes, a PIL image or an array."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, ImageError, quoted
from npfacenet.images.array import picture
from npfacenet.images.colour import to_rgb
from npfacenet.images.orientation import first, orientation, upright_copy
from npfacenet.images.pillow import import_pillow
from npfacenet.images.png import without_large_profile
from npfacenet.images.reduction import Reduced, Reduction, averaged, draft, possible, unreduced
from npfacenet.images.signature import SIGNATURE_LENGTH, impostor, is_heif
from npfacenet.images.source import (
    MAX_PIXELS,
    ChannelOrder,
    ImageSource,
    content_of,
    is_pil_image,
    named,
)
from npfacenet.images.structure import require_sound
from npfacenet.threads import without_forks

if TYPE_CHECKING:
    import PIL.Image

# Rasters only: Pillow would pass an EPS file to Ghostscript. MPO is read as JPEG. The
# last ones need a registered plugin.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF", "HEIF", "JXL")


def read(
    source: ImageSource,
    channel_order: ChannelOrder = "rgb",
    position: int | None = None,
    *,
    colours: Literal["srgb", "stored"] = "srgb",
) -> npt.NDArray[np.uint8]:
    """Read one picture as uint8 (H, W, 3), RGB, upright.

    `source`: the path of a regular file (JPEG, PNG, GIF, BMP, TIFF, WebP, PPM, JPEG 2000, and
    AVIF or HEIC if the installed Pillow or a registered plugin such as pillow-heif reads them; of
    several frames the first), the bytes of such a file, a PIL image (its current frame), or a
    uint8 array (H, W, 3). `channel_order` is that of arrays ("bgr" for OpenCV's); files and PIL
    images state their own. The orientation in EXIF is applied once, as by Pillow's
    `ImageOps.exif_transpose` (`orientation.py` describes how a PIL image that was turned before
    is recognised). Transparent pixels are composed over white (`colour.py`).

    `colours`: "srgb" converts a picture that carries an ICC profile to sRGB (`profile.py`),
    "stored" keeps its numbers, as most other libraries do.

    `position` identifies a picture without a path in messages.

    Returns an array itself or a view of it, and a new array for anything else. Does not change
    the source, except that a lazy PIL image is loaded.

    Raises ImageError that names the source, the fault and the remedy, and ArgumentError for
    another channel order or other colours.

    >>> read(np.array([[[1, 2, 3]]], np.uint8), channel_order="bgr")
    array([[[3, 2, 1]]], dtype=uint8)
    """
    return read_reduced(source, unreduced, channel_order, position, colours=colours).pixels


def read_reduced(
    source: ImageSource,
    reduction: Reduction,
    channel_order: ChannelOrder = "rgb",
    position: int | None = None,
    *,
    colours: Literal["srgb", "stored"] = "srgb",
) -> Reduced:
    """Read one picture as `read` does, but smaller where `reduction` allows it.

    `reduction` is called with the width and the height as stored. Both are divided by the factor
    that it returns, rounded down to 1, 2, 4 or 8.
    """
    if not is_one_of(channel_order, "rgb", "bgr"):
        raise ArgumentError(f"channel_order must be 'rgb' or 'bgr', not {quoted(channel_order)}")
    if not is_one_of(colours, "srgb", "stored"):
        raise ArgumentError(f"colours must be 'srgb' or 'stored', not {quoted(colours)}")
    if isinstance(source, np.ndarray):
        pixels = picture(source)
        pixels = pixels if channel_order == "rgb" else pixels[..., ::-1]
        height, width = pixels.shape[:2]
        factor = possible(reduction(width, height), width, height)
        return Reduced(averaged(pixels, factor), factor)
    import_pillow()
    name, managed = named(source, position), colours == "srgb"
    with _faults_of(name):
        if is_pil_image(source):
            return _pixels(source, name, reduction, managed=managed)
        if (content := content_of(source, name)) is not None:
            return _read_file(content, name, reduction, managed=managed)
    raise ImageError(
        f"a picture is a path, bytes, a PIL image or a uint8 array (H, W, 3), not "
        f"{type(source).__name__}; for an open file pass its content, file.read()"
    )


def _read_file(content: bytes, name: str, reduction: Reduction, *, managed: bool) -> Reduced:
    if what := impostor(content[:SIGNATURE_LENGTH]):
        raise ImageError(f"{name} is {what}")
    require_sound(content, name)
    try:
        image = _opened(io.BytesIO(without_large_profile(content, name)))
    except Exception as error:
        if is_heif(content) and not _reads("HEIF"):
            raise ImageError(
                f"{name} is HEIC, which Pillow alone does not read; pip install pillow-heif "
                "and call pillow_heif.register_heif_opener() first, or save it as JPEG"
            ) from error
        raise
    with image:
        return _pixels(image, name, reduction, managed=managed, opened_here=True)


def _reads(kind: str) -> bool:
    from PIL import Image

    return kind in Image.OPEN


def _opened(file: BinaryIO) -> PIL.Image.Image:
    """Open a picture with the decoders that Pillow loads first, then with all that are allowed.

    Loading every decoder takes as long as embedding a face.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return _open_as_known(file)
    except UnidentifiedImageError:
        known = len(Image.OPEN)
        with without_forks():
            Image.init()
        if len(Image.OPEN) == known:
            raise
        return _open_as_known(file)


def _open_as_known(file: BinaryIO) -> PIL.Image.Image:
    from PIL import Image

    file.seek(0)
    with without_forks():  # EXIF and several frames import more
        return Image.open(file, formats=[kind for kind in _FORMATS if kind in Image.OPEN])


def _pixels(
    image: PIL.Image.Image,
    name: str,
    reduction: Reduction,
    *,
    managed: bool,
    opened_here: bool = False,
) -> Reduced:
    """Return the picture, upright.

    If it was `opened_here`, the image may be changed to decode less, and is closed.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} x {height} pixels, more than {MAX_PIXELS:,}; make it smaller"
        )
    if width < 1 or height < 1:
        raise ImageError(f"{name} has {width} x {height} pixels, so there is nothing to see")
    factor = possible(reduction(width, height), width, height)
    drafted = opened_here and draft(image, factor)
    image.load()
    turn = orientation(image, name)
    pixels = to_rgb(image, name, managed=managed)
    if opened_here:
        image.close()  # its memory is free before pixels are averaged, or copied to turn them
    if not drafted:
        pixels = averaged(pixels, factor)
    missing = -width % factor, -height % factor  # pixels of the last blocks
    # `pixels` is new, or a view that cannot be written to.
    return Reduced(upright_copy(pixels, turn), factor, first(*missing, turn))


@contextmanager
def _faults_of(name: str) -> Iterator[None]:
    """Turn every error of a decoder into an ImageError that names the picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name} has more than {MAX_PIXELS:,} pixels; make it smaller") from error
    except MemoryError as error:
        raise ImageError(f"{name} does not fit into memory; make it smaller") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read, or its beginning is damaged; "
            f"use one of {', '.join(kind for kind in _FORMATS if _reads(kind))}"
        ) from error
    except Exception as error:
        # Broad, because decoders raise almost anything for damaged data: OSError, SyntaxError,
        # struct.error, zlib.error, EOFError, TypeError, warnings turned into errors, ...
        fault = " ".join(f"{type(error).__name__}: {error}".split())
        raise ImageError(
            f"{name} is damaged or cut short ({fault}); obtain or save it again"
        ) from error
