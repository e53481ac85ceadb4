"""A picture to a file."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow


def write_png(image: npt.NDArray[np.uint8], file: IO[bytes]) -> None:
    """Write a picture, uint8 (H, W, 3), as a PNG, which `read` gives back as it was.

    Raises ImageError for what is not a picture, ArgumentError for a file that is
    not open for writing.

    >>> import io
    >>> from npfacenet.images import read
    >>> file, image = io.BytesIO(), np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    >>> write_png(image, file)
    >>> np.array_equal(read(file.getvalue()), image)
    True
    """
    pixels = picture(image)
    if not callable(getattr(file, "write", None)):
        raise ArgumentError(f"file is open for writing in binary, not {quoted(file)}")

    import_pillow()
    from PIL import Image

    Image.fromarray(pixels).save(file, format="PNG")
