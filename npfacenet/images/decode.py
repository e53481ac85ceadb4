"""From whatever holds a picture to its pixels."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images.array import picture
from npfacenet.images.colour import to_rgb
from npfacenet.images.orientation import orientation, upright
from npfacenet.images.signature import SIGNATURE_LENGTH, impostor
from npfacenet.threads import without_forks

if TYPE_CHECKING:
    import PIL.Image

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image "
    "| npt.NDArray[np.uint8]"
)
ChannelOrder: TypeAlias = Literal["rgb", "bgr"]

MAX_PIXELS = 89_478_485
"""Larger pictures are refused before they are decoded; Pillow warns from this size on."""

# Rasters only: Pillow would, for one, hand an EPS file to Ghostscript. MPO is read as JPEG.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")


def read(
    source: ImageSource, channel_order: ChannelOrder = "rgb", position: int | None = None
) -> npt.NDArray[np.uint8]:
    """Read one picture as uint8 (H, W, 3), RGB, upright.

    `source`: the path of a regular file (JPEG, PNG, GIF, BMP, TIFF, WebP, PPM, JPEG 2000, or
    AVIF if the installed Pillow knows it; of several frames the first), the bytes of such a
    file, a PIL image (its current frame), or a uint8 array (H, W, 3). `channel_order` is that
    of arrays ("bgr" for OpenCV's); files and PIL images state their own. The orientation that
    EXIF states is applied, as by Pillow's `ImageOps.exif_transpose`; transparent pixels lie
    over white (`colour.py`).

    `position` is told in messages about a picture that has no path.

    An array comes back as it is or as a view of it, anything else as a new array. The source
    is not changed, except that a lazy PIL image is loaded.

    Raises ImageError that names the source, the fault and the remedy, ArgumentError for
    another channel order.

    >>> read(np.array([[[1, 2, 3]]], np.uint8), channel_order="bgr")
    array([[[3, 2, 1]]], dtype=uint8)
    """
    if channel_order not in ("rgb", "bgr"):
        raise ArgumentError(f"channel_order is 'rgb' or 'bgr', not {channel_order!r}")
    name = describe(source, position)
    if isinstance(source, np.ndarray):
        pixels = picture(source)
        return pixels if channel_order == "rgb" else pixels[..., ::-1]
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        with _open(path) as file:
            return _read_file(file, repr(path))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read_file(io.BytesIO(source), name)
    if _is_pil_image(source):
        with _faults_of(name):
            return _pixels(source, name)
    raise ImageError(
        f"a picture is a path, bytes, a PIL image or a uint8 array (H, W, 3), not "
        f"{type(source).__name__}; of an open file pass its content, file.read()"
    )


def describe(source: ImageSource, position: int | None = None) -> str:
    """Name a picture: its path as given, or its kind and size and, if given, its position.

    >>> describe("me.jpg", 3), describe(b"GIF89a", 3), describe(np.zeros((2, 4, 3), np.uint8))
    ('me.jpg', 'bytes (6 bytes) at index 3', 'array (2, 4, 3)')
    """
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, np.ndarray):
        name = f"array {source.shape}"
    elif isinstance(source, (bytes, bytearray, memoryview)):
        name = f"bytes ({len(source):,} bytes)"
    elif _is_pil_image(source):
        name = f"PIL image ({source.mode}, {source.width}x{source.height})"
    else:
        name = f"object of type {type(source).__name__}"
    return name if position is None else f"{name} at index {position}"


def _is_pil_image(source: object) -> bool:
    from PIL import Image

    return isinstance(source, Image.Image)


def _open(path: str) -> BinaryIO:
    """Open a regular file; anything else could block or never end."""
    if not path:
        raise ImageError("the path of the picture is empty; name a picture file")
    if path.lower().startswith(("http://", "https://")):
        raise ImageError(f"{path!r} is an address and is not fetched; download the picture first")
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return open(path, "rb")
    except FileNotFoundError as error:
        raise ImageError(
            f"{path!r} does not exist; check the name (a relative path starts at the current "
            "folder, and '~' is not expanded)"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path!r} cannot be opened: {reason}; check the path") from error
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path!r} is a folder; name the pictures in it")
    raise ImageError(f"{path!r} is a device, a pipe or a socket; name a regular file")


def _read_file(file: BinaryIO, name: str) -> npt.NDArray[np.uint8]:

    with _faults_of(name):
        beginning = file.read(SIGNATURE_LENGTH)
        if not beginning:
            raise ImageError(f"{name} is empty; obtain the picture again")
        if what := impostor(beginning):
            raise ImageError(f"{name} is {what}")
        with _opened(file) as image:
            return _pixels(image, name)


def _opened(file: BinaryIO) -> PIL.Image.Image:
    """Open a picture with the decoders that Pillow loads at once, else with all that are allowed.

    Loading every decoder takes as long as embedding a face.
    """
    from PIL import Image, UnidentifiedImageError

    with without_forks():  # they are imported
        Image.preinit()
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
    return Image.open(file, formats=[kind for kind in _FORMATS if kind in Image.OPEN])


def _pixels(image: PIL.Image.Image, name: str) -> npt.NDArray[np.uint8]:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} x {height} pixels, more than {MAX_PIXELS:,}; make it smaller"
        )
    if width < 1 or height < 1:
        raise ImageError(f"{name} has {width} x {height} pixels, so there is nothing to see")
    image.load()
    return np.array(upright(to_rgb(image, name), orientation(image)), order="C")


@contextmanager
def _faults_of(name: str) -> Iterator[None]:
    """Turn whatever goes wrong in decoding into an ImageError about this picture."""
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
            f"{name} is no picture that can be read, or its beginning is damaged; "
            f"use one of {', '.join(_FORMATS)}"
        ) from error
    except Exception as error:
        # Broad, because the decoders raise nearly anything on damaged data: OSError, SyntaxError,
        # struct.error, zlib.error, EOFError, TypeError, warnings turned into errors, ...
        fault = " ".join(f"{type(error).__name__}: {error}".split())
        raise ImageError(
            f"{name} is damaged or cut short ({fault}); obtain it again or save it anew"
        ) from error
