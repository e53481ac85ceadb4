"""Checks of numbers and types that end up in a run's files.

They are stricter than `npfacenet.arguments`: NumPy's numbers are refused, except float64, which is
a float of Python. A configuration is written as JSON, which holds no others, and a resumed run
compares the file with what it is given: 3 and `np.int64(3)` must not differ there.
"""

from __future__ import annotations

import math
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, quoted


def is_number(value: object, low: float, high: float) -> TypeGuard[float]:
    """Whether the value is a Python int or float, and not a bool, in [low, high].

    >>> is_number(0.5, 0, 1), is_number(True, 0, 1), is_number("1", 0, 1), is_number(None, 0, 1)
    (True, False, False, False)
    """
    return isinstance(value, (int, float)) and type(value) is not bool and low <= value <= high


def require_number(name: str, value: object, low: float, high: float) -> None:
    """Raise ArgumentError unless the value is a finite number in [low, high]."""
    if not is_number(value, low, high) or value == math.inf:
        end = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ArgumentError(f"{name} is a number {end}, not {quoted(value)}")


def require_whole(name: str, value: object, low: int, high: int) -> int:
    """Return the value; raise ArgumentError unless it is a Python int in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise ArgumentError(
            f"{name} is a whole number from {low:,} to {high:,}, not {quoted(value)}"
        )
    return value


def require_kind(name: str, value: object, *kinds: type) -> None:
    """Raise ArgumentError unless the value is of one of these types."""
    if not isinstance(value, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise ArgumentError(f"{name} is of type {expected}, not {quoted(value)}")


def whole_numbers(name: str, values: object) -> npt.NDArray[np.intp]:
    """Return the values as an array (N,); raise ArgumentError for anything but whole numbers."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} are whole numbers (N,), not {quoted(values)}") from error
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ArgumentError(f"{name} are whole numbers (N,), not {quoted(values)}")
    return array.astype(np.intp)
