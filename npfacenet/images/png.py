"""A picture to a file."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt

from npfacenet.images.array import picture


def write_png(image: npt.NDArray[np.uint8], file: IO[bytes]) -> None:
    """Write a picture, uint8 (H, W, 3), as a PNG, which `read` gives back as it was.

    Raises ImageError for what is no picture.

    >>> import io
    >>> from npfacenet.images import read
    >>> file, image = io.BytesIO(), np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    >>> write_png(image, file)
    >>> np.array_equal(read(file.getvalue()), image)
    True
    """
    from PIL import Image

    Image.fromarray(picture(image)).save(file, format="PNG")
