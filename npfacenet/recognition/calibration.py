"""Choosing a threshold by the rate of false matches that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EvaluationError

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class ErrorRate:
    """How often a decision was wrong: `errors` of `trials`, with its 95 % interval."""

    errors: int
    trials: int

    @property
    def rate(self) -> float:
        """The measured rate."""
        return self.errors / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; with no error the rule of three says at most 3 / trials.

        >>> ErrorRate(0, 1200).interval
        (0.0, 0.0025)
        """
        return interval(self.errors, self.trials)

    def as_json(self) -> dict[str, object]:
        """All of it, for programs."""
        low, high = self.interval
        return {
            "errors": self.errors,
            "trials": self.trials,
            "rate": self.rate,
            "interval": [low, high],
        }

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.rate:.4f} ({self.errors} of {self.trials}; 95 % {low:.4f} to {high:.4f})"


@dataclass(frozen=True)
class Calibration:
    """A threshold, and how often it is wrong on labelled pairs.

    `false_match` counts impostor pairs within it, `false_non_match` genuine pairs beyond it.
    """

    threshold: float
    false_match: ErrorRate
    false_non_match: ErrorRate

    def as_json(self) -> dict[str, object]:
        """All of it, for programs."""
        return {
            "threshold": self.threshold,
            "false_match": self.false_match.as_json(),
            "false_non_match": self.false_non_match.as_json(),
        }

    def __str__(self) -> str:
        return f"false match rate {self.false_match}, false non-match rate {self.false_non_match}"


def errors_at(
    threshold: float, genuine_distances: npt.ArrayLike, impostor_distances: npt.ArrayLike
) -> Calibration:
    """Count the errors of a threshold.

    >>> errors_at(0.7, [0.2, 0.8], [0.6, 1.0, 1.1]).false_match.errors
    1
    """
    genuine, impostors = _distances(genuine_distances), _distances(impostor_distances)
    return Calibration(
        float(threshold),
        ErrorRate(int((impostors <= threshold).sum()), len(impostors)),
        ErrorRate(int((genuine > threshold).sum()), len(genuine)),
    )


def calibrate(
    genuine_distances: npt.ArrayLike, impostor_distances: npt.ArrayLike, false_match_rate: float
) -> Calibration:
    """The largest threshold at which at most this share of impostor pairs would match.

    It lies half way to the next impostor distance. Raises EvaluationError if fewer than
    3 / rate impostor pairs are given: they could not carry the claim.

    >>> calibrate([0.5], np.linspace(0.8, 1.8, 300), false_match_rate=0.01).false_match.errors
    3
    """
    impostors = np.sort(_distances(impostor_distances))
    if not 0 < false_match_rate < 1:
        raise EvaluationError(f"a false match rate is between 0 and 1, not {false_match_rate}")
    allowed = int(len(impostors) * false_match_rate)
    if allowed < 3:
        raise EvaluationError(
            f"{len(impostors)} impostor pairs cannot carry a false match rate of "
            f"{false_match_rate:g}; {int(np.ceil(3 / false_match_rate))} could"
        )
    threshold = float((impostors[allowed - 1] + impostors[allowed]) / 2)
    if threshold >= impostors[allowed]:  # equal distances: stay below them all
        threshold = float(np.nextafter(impostors[allowed], -1))
    if threshold < 0:
        raise EvaluationError(
            f"no threshold keeps a false match rate of {false_match_rate:g}: more of the impostor "
            "pairs are at distance 0"
        )
    return errors_at(threshold, genuine_distances, impostors)


def interval(errors: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate: Wilson 1927; the rule of three where there was no error."""
    if errors == 0:
        return 0.0, min(1.0, 3 / trials)
    rate, extra = errors / trials, Z * Z / trials
    centre = rate + extra / 2
    half = Z * sqrt(rate * (1 - rate) / trials + extra / 4 / trials)
    return (centre - half) / (1 + extra), (centre + half) / (1 + extra)


def _distances(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    distances = np.asarray(values, np.float64)
    if distances.ndim != 1 or not distances.size or not np.isfinite(distances).all():
        raise EvaluationError("distances are a list of finite numbers that is not empty")
    return distances
