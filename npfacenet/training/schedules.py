"""Schedules of the learning rate: a factor of the configured rate for each step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, pi

from npfacenet.arguments import is_whole
from npfacenet.errors import ArgumentError, shortened
from npfacenet.training.checks import is_number, require_kind


@dataclass(frozen=True)
class Schedule(ABC):
    """A factor from 0 to 1 for each step, counted from 0."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """Return the factor of the learning rate in this step."""


@dataclass(frozen=True)
class Constant(Schedule):
    """A constant rate."""

    def factor(self, step: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Cosine(Schedule):
    """From 1 down to `floor` along half a cosine (Loshchilov and Hutter 2017, "SGDR").

    >>> [round(Cosine(4).factor(step), 3) for step in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not is_whole(self.steps, 1) or not is_number(self.floor, 0, 1):
            raise ArgumentError(
                f"{shortened(str(self))}: steps must be at least 1, floor in [0, 1]"
            )

    def factor(self, step: int) -> float:
        """Return half a cosine; `floor` after the last step."""
        done = min(step / self.steps, 1.0)
        return self.floor + (1 - self.floor) * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class Steps(Schedule):
    """The rate is multiplied by `drop` at each of the steps in `at`.

    >>> [Steps((2, 3), 0.5).factor(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """

    at: tuple[int, ...]
    drop: float = 0.1

    def __post_init__(self) -> None:
        require_kind("the steps at which a rate drops", self.at, tuple)
        if (
            not all(is_whole(step, 0) for step in self.at)
            or not is_number(self.drop, 0, 1)
            or not self.drop
        ):
            raise ArgumentError(
                f"{shortened(str(self))}: drop must be in (0, 1], steps not negative"
            )

    def factor(self, step: int) -> float:
        """Return `drop` to the power of the number of steps in `at` that are reached."""
        return float(self.drop ** sum(step >= at for at in self.at))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A linear rise over the first `steps` (Goyal et al. 2017, section 2.2), then another schedule.

    >>> [WarmUp(2, Constant()).factor(step) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        require_kind("the schedule after a warm-up", self.then, Schedule)
        if not is_whole(self.steps, 0):
            raise ArgumentError(f"{shortened(str(self))}: steps must not be negative")

    def factor(self, step: int) -> float:
        """Return a growing share of 1, then the other schedule as if it began after the rise."""
        if step < self.steps:
            return (step + 1) / self.steps
        return self.then.factor(step - self.steps)
