"""Checks of arguments: sizes, tuples of numbers, plain arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from npfacenet.arguments import is_masked, is_whole
from npfacenet.errors import ArgumentError, quoted

LARGEST_SIDE = 9459
"""Pixels of the largest square side: its area is at most `MAX_PIXELS`."""


def is_row(value: object, length: int) -> TypeGuard[tuple[object, ...] | list[object]]:
    """Return whether this is a tuple or a list of `length` items.

    >>> is_row((1, 2), 2), is_row([1], 2), is_row("ab", 2)
    (True, False, False)
    """
    return isinstance(value, (tuple, list)) and len(value) == length


def require_size(size: object) -> None:
    """Raise ArgumentError unless this is a side, in pixels, to which a picture can be scaled."""
    if not is_whole(size, 1, LARGEST_SIDE):
        raise ArgumentError(
            f"size must be at least 1, not {quoted(size)} (a whole number, "
            f"at most {LARGEST_SIDE:,})"
        )


def is_plain_array(value: object) -> bool:
    """Return whether this is a NumPy array without a mask.

    >>> is_plain_array(np.zeros(2)), is_plain_array(np.ma.zeros(2)), is_plain_array([0])
    (True, False, False)
    """
    return isinstance(value, np.ndarray) and not is_masked(value)


def is_several(value: object) -> bool:
    """Return whether this is an iterable of anything but characters and bytes.

    >>> is_several([1]), is_several(iter([1])), is_several(b"ab"), is_several(np.array(1))
    (True, True, False, False)
    """
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Iterable) and not isinstance(
        value, (str, bytes, bytearray, memoryview)
    )
