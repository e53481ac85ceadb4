"""Checking the fields of identities and conditions against their limits."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from npfacenet.errors import ArgumentError, quoted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check_fields(
    record: DataclassInstance,
    limits: Mapping[str, tuple[float, float]],
    whole: Collection[str] = (),
) -> None:
    """Raise ArgumentError for the first field that is not a finite number within its limits.

    Fields named in `whole` must be whole numbers. NumPy's numbers are converted to Python's;
    booleans are refused.
    """
    for field in fields(record):
        low, high = limits[field.name]
        value = getattr(record, field.name)
        kinds = (int, np.integer) if field.name in whole else (int, float, np.integer, np.floating)
        known = isinstance(value, kinds) and not isinstance(value, bool)
        # A whole number is finite, and may be too large for math.isfinite.
        if not known or not (isinstance(value, int) or math.isfinite(value)):
            kind = "a whole number" if field.name in whole else "a finite number"
            raise ArgumentError(f"{field.name} is {kind} of {low} to {high}, not {quoted(value)}")
        if not low <= value <= high:
            raise ArgumentError(f"{field.name} is {low} to {high}, not {quoted(value)}")
        # Arithmetic with NumPy's float16 or float32 would lose precision.
        plain = int(value) if isinstance(value, (int, np.integer)) else float(value)
        object.__setattr__(record, field.name, plain)


def check_whole(value: object, name: str) -> int:
    """Return the value as an int; raise ArgumentError unless it is a whole number of 0 or above.

    >>> check_whole(np.int64(3), "seed")
    3
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ArgumentError(f"{name} is a whole number, 0 or above, not {quoted(value)}")
    return int(value)
