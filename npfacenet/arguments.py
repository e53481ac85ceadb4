"""Whether what a caller passed is what is asked for: numbers, shapes, words, arrays of numbers."""

from __future__ import annotations

import math
import sys
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from npfacenet.errors import NpfacenetError, quoted

_NESTED = 3  # lists in lists are looked into so deeply: row, table, tables


def is_whole(value: object, low: float | None = None, high: float | None = None) -> TypeGuard[int]:
    """Whether it is a whole number of Python or NumPy, and within the bounds; True is not.

    >>> is_whole(3), is_whole(np.int8(3), low=4), is_whole(3.0), is_whole(True), is_whole("3")
    (True, False, False, False, False)
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        return False
    number = int(value)
    return (low is None or number >= low) and (high is None or number <= high)


def is_real(value: object, low: float, high: float) -> TypeGuard[float]:
    """Whether it is a number of Python or NumPy from `low` to `high`; NaN and True are not.

    >>> is_real(np.float32(0.5), 0, 1), is_real(None, 0, 1), is_real(10**400, 0, 9)
    (True, False, False)
    """
    if isinstance(value, (float, np.floating)):
        return low <= float(value) <= high  # compared in float32, the bounds would overflow
    return is_whole(value, low, high)


def is_finite(value: object) -> TypeGuard[float]:
    """Whether it is a number of Python or NumPy that float64 can hold; True is not.

    >>> is_finite(0.5), is_finite(np.float32(3)), is_finite(math.nan), is_finite(10**400)
    (True, True, False, False)
    """
    return finite_number(value) is not None


def finite_number(value: object) -> float | None:
    """The value as a float; None unless it is a real number, not a boolean, that fits into one.

    >>> finite_number(np.float32(0.5)), finite_number(10**400), finite_number("0.5")
    (0.5, None, None)
    """
    if not isinstance(value, (float, int, np.floating, np.integer)) or isinstance(value, bool):
        return None
    try:
        with np.errstate(over="ignore"):  # a long double beyond the range becomes infinite
            number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole_number(value: object, low: int, high: int) -> int | None:
    """The value as an int; None unless it is a whole number, not a boolean, from low to high.

    >>> whole_number(np.int64(3), 1, 9), whole_number(3.0, 1, 9), whole_number(True, 1, 9)
    (3, None, None)
    """
    return int(value) if is_whole(value, low, high) else None


def is_one_of(value: object, *choices: str) -> bool:
    """Whether it is one of these texts.

    >>> is_one_of("rgb", "rgb", "bgr"), is_one_of(["rgb"], "rgb", "bgr")
    (True, False)
    """
    return isinstance(value, str) and value in choices


LONGEST_NAME = 200
"""Characters of a name in a file, and of one that a file could hold."""


def is_printable_name(value: object, *, low: int = 1) -> bool:
    """Whether it is a text of `low` to `LONGEST_NAME` characters, all of them printable.

    >>> is_printable_name("nn4.small2"), is_printable_name(""), is_printable_name("", low=0)
    (True, False, True)
    """
    return isinstance(value, str) and value.isprintable() and low <= len(value) <= LONGEST_NAME


def is_shape(value: object, rank: int | None = None) -> bool:
    """Whether it is a tuple of whole numbers that are not negative, `rank` of them if given.

    >>> is_shape((96, 96, 3), rank=3), is_shape([96]), is_shape((-1,))
    (True, False, False)
    """
    if not isinstance(value, tuple) or (rank is not None and len(value) != rank):
        return False
    return all(is_whole(side, low=0) for side in value)


def is_masked(value: object) -> bool:
    """Whether it is an array of `numpy.ma`, whose mask other functions ignore."""
    if type(value) is np.ndarray:
        return False
    # numpy.ma is imported when it is named, for 10 ms; where nobody has, nothing is masked.
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    return isinstance(value, masked)


def real_array(
    values: object,
    what: str,
    error: type[NpfacenetError],
    kinds: str = "fiu",
    are: str = "an array of real numbers",
) -> npt.NDArray[np.generic]:
    """The values as an array of real numbers (`kinds` as in `numpy.dtype.kind`), of any shape.

    Raises `error`, which calls them `what` and says what they should be (`are`), for text,
    objects, complex numbers, rows of unequal length, and masked values: a mask would be lost.

    >>> real_array([1, 2.5], "distances", ValueError)
    array([1. , 2.5])
    """
    if _holds_masked(values):
        raise error(f"{what} hold masked values; leave them out, e.g. by .compressed(), or fill in")
    try:
        array = np.asarray(values)
    except Exception as fault:  # whatever an object's own __array__ raises
        reason = " ".join(f"{type(fault).__name__}: {fault}".split())
        raise error(f"{what} are {are}: {reason}") from fault
    if array.dtype.kind not in kinds and array.size:
        raise error(f"{what} are {are}, not {_kind_of(values, array)}")
    return array


def _holds_masked(values: object, depth: int = _NESTED) -> bool:
    if is_masked(values):
        return bool(np.ma.is_masked(values))
    if isinstance(values, (list, tuple)) and depth:
        return any(_holds_masked(value, depth - 1) for value in values)
    return False


def _kind_of(values: object, array: npt.NDArray[np.generic]) -> str:
    if array.ndim and isinstance(values, np.ndarray):
        return f"of dtype {array.dtype}"
    return quoted(values)
