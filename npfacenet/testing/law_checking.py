"""Checking laws on a sample, and reporting which law was broken, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import numpy as np


class Tried(Protocol):
    """What laws are checked on: something that can describe itself in words."""

    @property
    def title(self) -> str:
        """What is tried, on what."""


T = TypeVar("T", bound=Tried)


def hold(sample: T, laws: Iterable[Callable[[T], None]], copied: Callable[[T], T]) -> None:
    """Check every law on a copy of the sample; raise AssertionError naming the first one broken.

    Whatever else a law meets, an error of a stranger's code, breaks it too.
    """
    with np.errstate(all="ignore"):  # a law says more than a warning
        for law in laws:
            try:
                law(copied(sample))
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001 (a stranger's code raises anything)
                said = (law.__doc__ or "").splitlines()[0]
                require(False, said, sample, f"it raises {type(error).__name__}: {error}", error)


def require(
    holds: bool, law: str, sample: Tried, detail: str, cause: Exception | None = None
) -> None:
    """Raise AssertionError naming the law and what it was tried on, unless it holds."""
    if not holds:
        raise AssertionError(f"broken law: {law}. {sample.title}: {detail}") from cause
