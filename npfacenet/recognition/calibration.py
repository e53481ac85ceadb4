"""Calibration: choosing a threshold by its rate of false matches."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, whole_number
from npfacenet.errors import EvaluationError, quoted
from npfacenet.models.json_ready import JSON, JsonReady, as_json, fields_as_json
from npfacenet.recognition.distance import checked_distance
from npfacenet.recognition.labelled_pairs import (
    NO_FAILURES,
    Failures,
    finite_vector,
    require_failures,
)

MOST_TRIALS = 1 << 53
CARRIES = 3  # errors that must be allowed, by the rule of three
Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class ErrorRate(JsonReady):
    """A measured error rate: `errors` of `trials`, with its 95 % interval.

    Raises EvaluationError unless trials is at least 1 and errors is from 0 to trials.
    """

    errors: int
    trials: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "trials", _count(self.trials, "trials", 1, MOST_TRIALS))
        object.__setattr__(self, "errors", _count(self.errors, "errors", 0, self.trials))

    @property
    def rate(self) -> float:
        """The measured rate."""
        return self.errors / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; without errors, 0 to 3 / trials by the rule of three.

        >>> ErrorRate(0, 1200).interval
        (0.0, 0.0025)
        """
        return interval(self.errors, self.trials)

    def as_json(self) -> dict[str, JSON]:
        """Return the counts, the rate and the interval."""
        more = {"rate": self.rate, "interval": as_json(self.interval)}
        return fields_as_json(self) | more

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.rate:.4f} ({self.errors} of {self.trials}; 95 % {low:.4f} to {high:.4f})"


@dataclass(frozen=True)
class Calibration(JsonReady):
    """A threshold and its error rates on labelled pairs.

    `false_match` counts impostor pairs within it, `false_non_match` genuine pairs beyond it. Pairs
    without a distance, because a face was not found, count in both.
    """

    threshold: float
    false_match: ErrorRate
    false_non_match: ErrorRate

    def __str__(self) -> str:
        return f"false match rate {self.false_match}, false non-match rate {self.false_non_match}"


def errors_at(
    threshold: float,
    genuine_distances: npt.ArrayLike,
    impostor_distances: npt.ArrayLike,
    failed: Failures = NO_FAILURES,
) -> Calibration:
    """Count the errors of a threshold, with the pairs that `failed` in addition to the distances.

    Raises ArgumentError for a threshold that is not a finite number >= 0, EvaluationError if there
    are no distances or they are not finite.

    >>> errors_at(0.7, [0.2, 0.8], [0.6, 1.0, 1.1]).false_match.errors
    1
    """
    limit = checked_distance(threshold)
    require_failures(failed)
    genuine, impostors = finite_vector(genuine_distances), finite_vector(impostor_distances)
    return Calibration(
        limit,
        ErrorRate(
            int((impostors <= limit).sum()) + failed.impostors, len(impostors) + failed.impostors
        ),
        ErrorRate(int((genuine > limit).sum()) + failed.genuine, len(genuine) + failed.genuine),
    )


def errors_allowed(rate: float, trials: int) -> int:
    """Return how many of `trials` may be wrong: rate * trials, rounded down.

    The rate is taken as the decimal number that it is written as: 0.29 of 100 is 29, although
    100 * 0.29 is less in binary. Raises EvaluationError for a rate that is not from 0 to 1, and for
    trials that are not a whole number >= 0.

    >>> errors_allowed(0.29, 100), errors_allowed(0.0003, 10000)
    (29, 3)
    """
    return floor(_exact(rate) * _count(trials, "trials", 0, MOST_TRIALS))


def calibrate(
    genuine_distances: npt.ArrayLike,
    impostor_distances: npt.ArrayLike,
    false_match_rate: float,
    failed: Failures = NO_FAILURES,
) -> Calibration:
    """Find the largest threshold at which at most this share of impostor pairs match.

    It lies half-way to the next impostor distance. Pairs that `failed` count as errors. Raises
    EvaluationError for fewer than 3 / rate impostor pairs, which are too few to support the claim,
    and if no threshold keeps the rate.

    >>> calibrate([0.5], np.linspace(0.8, 1.8, 300), false_match_rate=0.01).false_match.errors
    3
    """
    impostors = np.sort(finite_vector(impostor_distances))
    require_failures(failed)
    pairs = len(impostors) + failed.impostors
    allowed = carried_errors(false_match_rate, pairs) - failed.impostors
    if allowed < 0:
        raise EvaluationError(
            f"no threshold keeps a false match rate of {false_match_rate:g}: no face was found in "
            f"{failed.impostors} of {pairs} impostor pairs, which count as false matches"
        )
    nearer = impostors[allowed - 1] if allowed else 0.0
    threshold = float(nearer / 2 + impostors[allowed] / 2)
    if threshold >= impostors[allowed]:  # equal distances: stay below them all
        threshold = float(np.nextafter(impostors[allowed], -1))
    if threshold < 0:
        raise EvaluationError(
            f"no threshold keeps a false match rate of {false_match_rate:g}: more of the impostor "
            "pairs are at distance 0"
        )
    return errors_at(threshold, genuine_distances, impostors, failed)


def carried_errors(false_match_rate: float, impostor_pairs: int) -> int:
    """Return the number of false matches that a rate allows among this many impostor pairs.

    Raises EvaluationError if it is below three: so few pairs cannot support the claim.
    """
    exact = _exact(false_match_rate)
    if not 0 < exact < 1:
        raise EvaluationError(f"a false match rate lies between 0 and 1, not at {false_match_rate}")
    allowed = errors_allowed(false_match_rate, impostor_pairs)
    if allowed < CARRIES:
        raise EvaluationError(
            f"{impostor_pairs} impostor pairs cannot carry a false match rate of "
            f"{false_match_rate:g}; {ceil(CARRIES / exact)} could"
        )
    return allowed


def interval(errors: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate: Wilson 1927, or the rule of three without errors."""
    counted = ErrorRate(errors, trials)
    errors, trials = counted.errors, counted.trials
    if errors == 0:
        return 0.0, min(1.0, 3 / trials)
    rate, extra = errors / trials, Z * Z / trials
    centre = rate + extra / 2
    half = Z * sqrt(rate * (1 - rate) / trials + extra / 4 / trials)
    return (centre - half) / (1 + extra), (centre + half) / (1 + extra)


def _count(value: object, what: str, low: int, high: int) -> int:
    count = whole_number(value, low, high)
    if count is None:
        raise EvaluationError(
            f"the number of {what} is a whole number from {low} to {high}, not {quoted(value)}"
        )
    return count


def _exact(rate: float) -> Fraction:
    """Return the decimal number that a rate is written as."""
    number = finite_number(rate)
    if number is None or not 0 <= number <= 1:
        raise EvaluationError(f"a rate is a number between 0 and 1, not {quoted(rate)}")
    return Fraction(str(rate) if isinstance(rate, np.generic) else repr(number))
