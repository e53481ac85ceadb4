"""One picture, or several."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeGuard

import numpy as np

from npfacenet.errors import ImageError
from npfacenet.images.source import ImageSource


def holds_several(
    images: ImageSource | Iterable[ImageSource],
) -> TypeGuard[Iterable[ImageSource]]:
    """Tell whether several pictures were given, in whatever gives them one by one.

    Raises ImageError for an open file or a mapping, with the remedy.

    >>> holds_several(["me.jpg"]), holds_several("me.jpg"), holds_several(np.zeros((9, 8, 8, 3)))
    (True, False, True)
    """
    if hasattr(images, "read") or isinstance(images, Mapping):
        raise ImageError(
            f"pictures are not taken from a {type(images).__name__}; of an open file pass its "
            "content, file.read(), of a mapping its values()"
        )
    if isinstance(images, np.ndarray):
        return images.ndim == 4
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike)):
        return False
    return isinstance(images, Iterable)


def each_picture(images: ImageSource | Iterable[ImageSource]) -> Iterable[ImageSource]:
    """Return the pictures one by one, whether one was given or several.

    Raises ImageError for an open file or a mapping, with the remedy.
    """
    return images if holds_several(images) else [images]  # type: ignore[list-item]  # it is one
