"""JPEG: writing a picture."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

QUALITY = 92


def write_jpeg(image: npt.NDArray[np.uint8], file: IO[bytes]) -> None:
    """Write a picture, uint8 (H, W, 3), as a JPEG of high quality; its pixels change slightly.

    Raises ImageError for what is not a picture, ArgumentError for a file that is not open for
    writing.

    >>> import io
    >>> from npfacenet.images import read
    >>> file = io.BytesIO()
    >>> write_jpeg(np.full((8, 16, 3), 100, np.uint8), file)
    >>> read(file.getvalue()).shape
    (8, 16, 3)
    """
    pixels = picture(image)
    if not callable(getattr(file, "write", None)):
        raise ArgumentError(f"file must be open for writing in binary, not {quoted(file)}")

    import_pillow()
    from PIL import Image

    Image.fromarray(pixels).save(file, format="JPEG", quality=QUALITY, subsampling=0)
