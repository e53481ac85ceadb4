"""Choosing a threshold by the rate of false matches that it allows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EvaluationError

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Calibration:
    """A threshold, and what is known of its false match rate.

    `false_matches` of `impostor_pairs` lie within it; the 95 % interval of the rate is
    [`lowest`, `highest`]: Wilson's, or 3 / n at the top where there was no false match.
    """

    threshold: float
    false_matches: int
    impostor_pairs: int
    lowest: float
    highest: float

    @property
    def false_match_rate(self) -> float:
        """The measured rate."""
        return self.false_matches / self.impostor_pairs


def calibrate(impostor_distances: npt.ArrayLike, false_match_rate: float) -> Calibration:
    """The largest threshold at which at most this share of impostor pairs would match.

    It lies half way to the next impostor distance. Raises EvaluationError if fewer than
    3 / rate pairs are given: they could not carry the claim.

    >>> calibrate(np.linspace(0.8, 1.8, 300), false_match_rate=0.01).false_matches
    3
    """
    distances = np.sort(np.asarray(impostor_distances, np.float64))
    if not 0 < false_match_rate < 1:
        raise EvaluationError(f"a false match rate is between 0 and 1, not {false_match_rate}")
    if distances.ndim != 1 or len(distances) * false_match_rate < 3:
        raise EvaluationError(
            f"{distances.size} impostor pairs cannot carry a false match rate of "
            f"{false_match_rate:g}; {int(np.ceil(3 / false_match_rate))} could"
        )
    allowed = int(len(distances) * false_match_rate)
    threshold = float((distances[allowed - 1] + distances[allowed]) / 2)
    matches = int((distances <= threshold).sum())
    if matches > allowed:  # equal distances: go below them all
        threshold = float(np.nextafter(distances[allowed], 0))
        matches = int((distances <= threshold).sum())
    return Calibration(threshold, matches, len(distances), *interval(matches, len(distances)))


def interval(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate: Wilson 1927, with the rule of three for 0 hits.

    >>> interval(0, 1200)
    (0.0, 0.0025)
    """
    if hits == 0:
        return 0.0, 3 / trials
    rate, extra = hits / trials, Z * Z / trials
    centre = rate + extra / 2
    half = Z * sqrt(rate * (1 - rate) / trials + extra / 4 / trials)
    return (centre - half) / (1 + extra), (centre + half) / (1 + extra)
