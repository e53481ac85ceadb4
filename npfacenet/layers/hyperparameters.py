"""What a number given to a constructor may be."""

from __future__ import annotations

import math

import numpy as np

LARGEST = 1 << 31


def is_whole(value: object, least: int | None = None) -> bool:
    """Whether it is a whole number of Python or NumPy, of at least `least` and less than 2**31.

    True is not a number here.

    >>> is_whole(3), is_whole(np.int64(3), least=4), is_whole(3.0), is_whole(True)
    (True, False, False, False)
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        return False
    return -LARGEST < int(value) < LARGEST and (least is None or int(value) >= least)


def is_finite(value: object) -> bool:
    """Whether it is a number of Python or NumPy that float64 can hold, and not True.

    >>> is_finite(0.5), is_finite(np.float32(3)), is_finite(math.nan), is_finite(10**400)
    (True, True, False, False)
    """
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_one_of(value: object, *choices: str) -> bool:
    """Whether it is one of these texts."""
    return isinstance(value, str) and value in choices


def is_shape(value: object, rank: int | None = None) -> bool:
    """Whether it is a tuple of whole numbers that are not negative, `rank` of them if given.

    >>> is_shape((96, 96, 3), rank=3), is_shape([96]), is_shape((-1,))
    (True, False, False)
    """
    if not isinstance(value, tuple) or (rank is not None and len(value) != rank):
        return False
    return all(is_whole(side, least=0) for side in value)
