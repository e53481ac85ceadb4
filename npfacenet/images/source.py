"""Sources of pictures: their content, and their names in messages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError, quoted, shortened
from npfacenet.files import open_regular
from npfacenet.images.encoded import address, text_for_path
from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    import PIL.Image

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image "
    "| npt.NDArray[np.uint8]"
)
ChannelOrder: TypeAlias = Literal["rgb", "bgr"]

MAX_PIXELS = 89_478_485
"""Larger pictures are refused before they are decoded; Pillow warns from this size on."""
MAX_BYTES = 3 * MAX_PIXELS + (1 << 20)
"""Larger files are refused: the largest picture, uncompressed, with room for metadata."""


def source_name(source: ImageSource, position: int | None = None) -> str:
    """Return the name of a picture: its path, or its kind, size and, if given, position.

    A text that is not a path, such as a picture in base64, is not repeated. A text of more than
    200 characters that is not the path of a file is shortened to its beginning and its end.

    >>> source_name("me.jpg", 3), source_name(b"GIF89a", 3)
    ('me.jpg', 'bytes (6 bytes) at index 3')
    >>> source_name(np.zeros((2, 4, 3), np.uint8))
    'array (2, 4, 3)'
    """
    if isinstance(source, (str, os.PathLike)):
        try:
            text = path_of(source)
        except ImageError:
            text = ""
        else:
            if text_for_path(text) is None or _exists(text):
                return text if len(text) <= 200 or _exists(text) else shortened(text)
        name = f"text ({len(text):,} characters)" if text else _of_type(source)
    elif isinstance(source, np.ndarray):
        name = f"array {quoted(source.shape)}"
    elif isinstance(source, (bytes, bytearray)):
        name = f"bytes ({len(source):,} bytes)"
    elif isinstance(source, memoryview):
        name = f"memoryview ({_size_of(source)})"
    elif is_pil_image(source):
        name = f"PIL image ({source.mode}, {source.width}x{source.height})"
    else:
        name = _of_type(source)
    return name if position is None else f"{name} at index {quoted(position)}"


def named(source: ImageSource, position: int | None = None) -> str:
    """Return the name of a picture as a message shows it: a path is quoted and shortened."""
    name = source_name(source, position)
    if isinstance(source, (str, os.PathLike)):
        try:
            return quoted(name) if name in (path := path_of(source), shortened(path)) else name
        except ImageError:
            pass
    return name


def path_of(source: str | os.PathLike[str]) -> str:
    """Return the path as text. Raises ImageError for a path object that does not give one."""
    try:
        return os.fsdecode(source)
    except Exception as error:
        # A foreign path object may raise anything.
        raise ImageError(
            f"{_of_type(source)} gives no path ({type(error).__name__}); pass the path as text"
        ) from error


def content_of(source: ImageSource, name: str) -> bytes | None:
    """Return the content of a picture file, from its path or bytes; None for another source.

    Raises ImageError for a file that cannot be opened, is empty, not regular, or too large.
    """
    if isinstance(source, (str, os.PathLike)):
        return _content_of_file(path_of(source), name)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        return None
    if isinstance(source, memoryview):
        _require_bytes(source, name)
    if not len(source):
        raise ImageError(f"{name} is empty; obtain the picture again")
    if len(source) > MAX_BYTES:
        raise ImageError(
            f"{name} has {len(source):,} bytes, more than a picture can have ({MAX_BYTES:,})"
        )
    return bytes(source)  # also for a strided view


def is_pil_image(source: object) -> TypeGuard[PIL.Image.Image]:
    """Return whether this is a Pillow image."""
    import_pillow()
    from PIL import Image

    return isinstance(source, Image.Image)


def _content_of_file(path: str, name: str) -> bytes:
    if not path:
        raise ImageError("the path of the picture is empty; name a picture file")
    if not _exists(path):
        if what := text_for_path(path):
            raise ImageError(f"{name} is {what}")
        if what := address(path):
            raise ImageError(f"{name} {what}")
    with open_regular(path, what="a picture", largest=MAX_BYTES, error=ImageError) as file:
        try:
            return file.read(os.fstat(file.fileno()).st_size)  # reserving MAX_BYTES takes time
        except OSError as error:
            raise ImageError(f"{name} cannot be read: {error.strerror}; check the disk") from error


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL in it
        return False


def _require_bytes(view: memoryview, name: str) -> None:
    try:
        shape, kind = view.shape, view.format
    except ValueError as error:
        raise ImageError(f"{name}: pass the bytes before they are released") from error
    if view.ndim != 1 or kind not in ("B", "b", "c"):
        raise ImageError(
            f"{name} holds items of format {kind!r} in shape {quoted(shape)}, not the bytes of a "
            "file; for pixels pass the array, np.asarray(view)"
        )


def _size_of(view: memoryview) -> str:
    try:
        return f"{view.nbytes:,} bytes"
    except ValueError:
        return "released"


def _of_type(source: object) -> str:
    return f"object of type {shortened(type(source).__name__)}"
