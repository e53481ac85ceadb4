"""Checking labelled pairs: their distances, their labels, and folds of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import real_array, whole_number
from npfacenet.errors import EvaluationError, NpfacenetError, quoted

T = TypeVar("T")
Distances = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
MOST_PAIRS = 1 << 53


@dataclass(frozen=True)
class Failures:
    """The number of pairs of each kind without a distance, as a face was not found.

    They are wrong at every threshold: genuine ones never match, impostors always do. Raises
    EvaluationError for anything but whole numbers >= 0.
    """

    genuine: int = 0
    impostors: int = 0

    def __post_init__(self) -> None:
        for name in ("genuine", "impostors"):
            given = getattr(self, name)
            count = whole_number(given, 0, MOST_PAIRS)
            if count is None:
                raise EvaluationError(
                    f"the number of {name} pairs that failed is a whole number from 0 to "
                    f"{MOST_PAIRS}, not {quoted(given)}"
                )
            object.__setattr__(self, name, count)


def require_failures(failed: object) -> None:
    """Raise EvaluationError for anything but Failures."""
    if not isinstance(failed, Failures):
        raise EvaluationError(f"pairs that failed are counted in Failures, not {quoted(failed)}")


NO_FAILURES = Failures()


def finite_vector(
    values: npt.ArrayLike, what: str = "distances", error: type[NpfacenetError] = EvaluationError
) -> Distances:
    """Return finite values as float64 (N,), N >= 1; raise `error`, naming `what`, for others."""
    array = real_array(values, what, error)
    with np.errstate(over="ignore"):  # a long double beyond the range is refused below
        vector = np.asarray(array, np.float64)
    if vector.ndim != 1 or not vector.size:
        raise error(f"{what} are a list of finite numbers that is not empty, not {vector.shape}")
    if not np.isfinite(vector).all():
        raise error(
            f"{what} are a list of finite numbers that is not empty; given was one that is NaN or "
            "infinite"
        )
    return vector


def checked_labels(values: npt.ArrayLike, error: type[NpfacenetError] = EvaluationError) -> Flags:
    """Return labels as booleans, of any shape: True for pairs of one person.

    Whole numbers are accepted if all are 0 or 1. Raises `error` for anything else, such as -1 and
    1, text, None, fractions and NaN, all of which would become True.

    >>> checked_labels([1, 0, True])
    array([ True, False,  True])
    """
    are = "booleans, or whole numbers 0 and 1"
    labels = real_array(values, "labels", error, kinds="biu", are=are)
    remedy = "pass True for pairs of one person and False for pairs of two"
    if not ((labels == 0) | (labels == 1)).all():
        wrong = labels[(labels != 0) & (labels != 1)]
        raise error(f"labels are {are}, not {wrong[0]}; {remedy}")
    return labels.astype(np.bool_)


def listed_folds(values: Iterable[T], what: str) -> list[T]:
    """Return what is given fold by fold as a list; raise EvaluationError for other types."""
    if isinstance(values, (str, bytes, memoryview)) or not isinstance(values, Iterable):
        raise EvaluationError(f"{what} are given fold by fold, in a list, not {quoted(values)}")
    try:
        return list(values)
    except TypeError as fault:  # an array without dimensions
        raise EvaluationError(f"{what} are given fold by fold, in a list: {fault}") from fault
