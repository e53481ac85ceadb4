"""Checking that an array is a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_masked
from npfacenet.errors import ImageError, quoted, shortened


def picture(array: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return the array, as a plain `np.ndarray`, if it is uint8 (H, W, 3) and not empty.

    Raises ImageError that states the dtype or shape received and how to convert it.

    >>> picture(np.zeros((2, 3, 3)))
    Traceback (most recent call last):
    npfacenet.errors.ImageError: array (2, 3, 3) of float64: a picture is uint8 (H, W, 3), \
0 to 255; if the values are 0 to 1, pass (255 * x).round().astype(np.uint8)
    """
    if not isinstance(array, np.ndarray):
        raise ImageError(f"a picture is a uint8 array (H, W, 3), not {type(array).__name__}")
    if is_masked(array):
        raise ImageError(
            f"array {quoted(array.shape)} is masked, and a network ignores masks; pass its "
            "numbers, x.filled(0) or x.data"
        )
    remedy = _remedy_for_dtype(array.dtype) or _remedy_for_shape(array.shape)
    if remedy:
        raise ImageError(
            f"array {quoted(array.shape)} of {shortened(str(array.dtype))}: "
            f"a picture is uint8 (H, W, 3), 0 to 255; {remedy}"
        )
    return np.asarray(array, np.uint8)


def _remedy_for_dtype(dtype: np.dtype[np.generic]) -> str | None:
    if dtype == np.uint8:
        return None
    if dtype.kind == "f":
        return "if the values are 0 to 1, pass (255 * x).round().astype(np.uint8)"
    if dtype.kind == "b":
        return "pass 255 * x.astype(np.uint8)"
    if dtype.kind in "iu":
        return "if the values are 0 to 255, pass x.astype(np.uint8)"
    return "pass the picture's pixels as numbers"


def _remedy_for_shape(shape: tuple[int, ...]) -> str | None:
    if 0 in shape:
        return "this one has no pixels"
    match shape:
        case (_, _, 3):
            return None
        case (_, _):
            return "if it is grey, pass np.stack([x] * 3, axis=-1)"
        case (_, _, 1):
            return "if it is grey, pass np.repeat(x, 3, axis=-1)"
        case (_, _, 4):
            return "drop the alpha channel with x[..., :3], or compose it over a background"
        case (3, _, _):
            return "if the channels come first, pass x.transpose(1, 2, 0)"
        case (_, _, _, 3):
            return "pass the pictures of a batch one by one"
    return "pass one picture with its three channels last"
