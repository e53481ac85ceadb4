"""Resizing pictures to the input size of a network."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images.argument import require_size
from npfacenet.images.array import picture
from npfacenet.images.pillow import import_pillow

Filter: TypeAlias = Literal["nearest", "bilinear"]


def resize(image: npt.NDArray[np.uint8], size: int, resize_filter: Filter) -> npt.NDArray[np.uint8]:
    """Scale uint8 (H, W, 3) to (size, size, 3) with one of Pillow's filters.

    "nearest" is the default of Keras' `load_img`; "bilinear" is Pillow's, which, unlike OpenCV's,
    averages over all pixels that fall into one when it shrinks a picture. The sides are scaled
    independently. A picture that has this size already is returned itself.

    Raises ArgumentError for a size below 1 or above 9,459, or another filter,
    ImageError if this is not a picture.

    >>> resize(np.full((8, 8, 3), 7, np.uint8), 2, "bilinear").tolist()
    [[[7, 7, 7], [7, 7, 7]], [[7, 7, 7], [7, 7, 7]]]
    """
    require_size(size)
    if not is_one_of(resize_filter, *get_args(Filter)):
        raise ArgumentError(
            f"resize_filter must be 'nearest' or 'bilinear', not {quoted(resize_filter)}"
        )
    pixels, size = picture(image), int(size)
    if pixels.shape == (size, size, 3):
        return pixels

    import_pillow()
    from PIL import Image

    resampling = Image.Resampling[resize_filter.upper()]
    return np.array(Image.fromarray(pixels).resize((size, size), resampling))
