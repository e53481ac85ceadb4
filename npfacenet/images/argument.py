"""Whether a number that was given is one, and in its range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from npfacenet.errors import ArgumentError, quoted

LARGEST_SIDE = 9459
"""Pixels of the largest square that is made: its area is `MAX_PIXELS` at most."""


def is_whole(value: object, low: float, high: float) -> TypeGuard[int]:
    """Whether this is an integer, Python's or NumPy's, of `low` to `high`.

    >>> is_whole(np.int8(3), 1, 9), is_whole(3.0, 1, 9), is_whole(True, 0, 9), is_whole("3", 1, 9)
    (True, False, False, False)
    """
    return (
        isinstance(value, (int, np.integer))
        and not isinstance(value, bool)
        and low <= int(value) <= high
    )


def is_real(value: object, low: float, high: float) -> TypeGuard[float]:
    """Whether this is a number, Python's or NumPy's, of `low` to `high`; NaN is not.

    >>> is_real(np.float32(0.5), 0, 1), is_real(None, 0, 1), is_real(10**400, 0, 9)
    (True, False, False)
    """
    if isinstance(value, (float, np.floating)):
        return low <= float(value) <= high  # compared in float32, the bounds would overflow
    return is_whole(value, low, high)


def is_row(value: object, length: int) -> TypeGuard[tuple[object, ...] | list[object]]:
    """Whether this is a tuple or a list of so many.

    >>> is_row((1, 2), 2), is_row([1], 2), is_row("ab", 2)
    (True, False, False)
    """
    return isinstance(value, (tuple, list)) and len(value) == length


def require_size(size: object) -> None:
    """Raise ArgumentError for a side, in pixels, that no picture is scaled to."""
    if not is_whole(size, 1, LARGEST_SIDE):
        raise ArgumentError(
            f"size must be at least 1, not {quoted(size)} (a whole number, "
            f"{LARGEST_SIDE:,} at most)"
        )


def is_one_of(value: object, choices: tuple[str, ...]) -> bool:
    """Whether this is one of some words.

    >>> is_one_of("rgb", ("rgb", "bgr")), is_one_of(["rgb"], ("rgb", "bgr"))
    (True, False)
    """
    return isinstance(value, str) and value in choices


def is_plain_array(value: object) -> bool:
    """Whether this is an array of NumPy's, and no masked one.

    >>> is_plain_array(np.zeros(2)), is_plain_array(np.ma.zeros(2)), is_plain_array([0])
    (True, False, False)
    """
    return isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)


def is_several(value: object) -> bool:
    """Whether this gives things one by one, other than characters and bytes.

    >>> is_several([1]), is_several(iter([1])), is_several(b"ab"), is_several(np.array(1))
    (True, True, False, False)
    """
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Iterable) and not isinstance(
        value, (str, bytes, bytearray, memoryview)
    )
