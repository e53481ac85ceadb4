"""Arrays that come from a file, checked before they are used; each fault is an EmbeddingError."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EmbeddingError
from npfacenet.files.npz import Arrays


def column(
    arrays: Arrays, name: str, kinds: str, shape: tuple[int | None, ...]
) -> npt.NDArray[np.generic]:
    """Return an array of this shape (None: any length) and one of these kinds of dtype."""
    array = arrays.get(name)
    if array is None:
        raise EmbeddingError(f"it lacks the array {name!r}")
    sides = zip(shape, array.shape, strict=False)
    fits = array.ndim == len(shape) and all(wanted in (None, side) for wanted, side in sides)
    if array.dtype.kind not in kinds or not fits:
        wanted = ", ".join("K" if side is None else str(side) for side in shape)
        raise EmbeddingError(f"{name!r} are {kind_of(array)}, where the shape should be ({wanted})")
    return array


def finite(arrays: Arrays, name: str, shape: tuple[int, ...]) -> list[Any]:
    """Return finite float64 numbers of this shape as nested lists."""
    numbers = column(arrays, name, "f", shape).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise EmbeddingError(f"{name!r} hold NaN or infinity")
    rows: list[Any] = numbers.tolist()
    return rows


def counts(arrays: Arrays, name: str, rows: int) -> list[int]:
    """Return as many whole numbers >= 0."""
    numbers = column(arrays, name, "iu", (rows,))
    if rows and numbers.min() < 0:
        raise EmbeddingError(f"{name!r} hold numbers below 0")
    whole: list[int] = numbers.tolist()
    return whole


def text(arrays: Arrays, name: str) -> str:
    """Return a single text."""
    return str(column(arrays, name, "U", ()))


def kind_of(array: npt.NDArray[np.generic]) -> str:
    """Return dtype and shape for a message."""
    return f"{array.dtype} of shape {array.shape}"
