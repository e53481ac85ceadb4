"""Numbers that callers pass: real, unmasked, and what else an array or a setting must be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from npfacenet.errors import NpfacenetError, quoted

_NESTED = 3  # lists in lists are looked into so deeply: row, table, tables


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
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        return None
    return int(value) if low <= value <= high else None


def _holds_masked(values: object, depth: int = _NESTED) -> bool:
    if isinstance(values, np.ma.MaskedArray):
        return bool(np.ma.is_masked(values))
    if isinstance(values, (list, tuple)) and depth:
        return any(_holds_masked(value, depth - 1) for value in values)
    return False


def _kind_of(values: object, array: npt.NDArray[np.generic]) -> str:
    if array.ndim and isinstance(values, np.ndarray):
        return f"of dtype {array.dtype}"
    return quoted(values)
