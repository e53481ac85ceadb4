"""PNG: writing a picture, and removing profiles for which Pillow would refuse a file."""

from __future__ import annotations

import logging
import struct
import zlib
from typing import IO

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

LARGEST_PROFILE = 1 << 20
"""Bytes of a profile, unpacked, that Pillow takes from a PNG (`PngImagePlugin.MAX_TEXT_CHUNK`)."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_log = logging.getLogger(__name__)


def write_png(image: npt.NDArray[np.uint8], file: IO[bytes]) -> None:
    """Write a picture, uint8 (H, W, 3), as a PNG; `read` returns the same pixels.

    Raises ImageError for what is not a picture, ArgumentError for a file that is not open for
    writing.

    >>> import io
    >>> from npfacenet.images import read
    >>> file, image = io.BytesIO(), np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    >>> write_png(image, file)
    >>> np.array_equal(read(file.getvalue()), image)
    True
    """
    pixels = picture(image)
    if not callable(getattr(file, "write", None)):
        raise ArgumentError(f"file must be open for writing in binary, not {quoted(file)}")

    import_pillow()
    from PIL import Image

    Image.fromarray(pixels).save(file, format="PNG")


def without_large_profile(content: bytes, name: str) -> bytes:
    """Return the content of a PNG file without a colour profile that Pillow refuses to unpack.

    Pillow would refuse the whole picture for a profile of more than `LARGEST_PROFILE` bytes or of
    unknown compression. Such a profile is removed with a warning in the log; any other content is
    returned unchanged.
    """
    at = 8
    while content.startswith(_SIGNATURE) and at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind in (b"IDAT", b"IEND"):
            break
        end = at + 12 + length
        if kind == b"iCCP" and not _can_be_unpacked(content[at + 8 : end - 4]):
            _log.warning("%s: its colour profile is too large or damaged; ignored", name)
            return content[:at] + content[end:]
        at = end
    return content


def _can_be_unpacked(chunk: bytes) -> bool:
    """Return whether a chunk iCCP holds a name, method 0, and a profile of a sensible size."""
    packed = chunk.partition(b"\0")[2]
    if packed[:1] != b"\0":
        return False
    stream = zlib.decompressobj()
    try:
        stream.decompress(packed[1:], LARGEST_PROFILE)
    except zlib.error:
        return False
    return not stream.unconsumed_tail
