"""Differences in accuracy between two ways to prepare the same pairs, decided pair by pair.

Two ways get nearly the same pairs wrong, so that the difference is known much better than either
accuracy. What counts is in how many pairs only one of them is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npfacenet.recognition.calibration import Z
from npfacenet.recognition.evaluation import Distances, Flags, evaluate


@dataclass(frozen=True)
class PairedDifference:
    """In how many of `pairs` only one of two ways decides rightly.

    `gained` are those in which the first does, `lost` those in which the second does.
    """

    gained: int
    lost: int
    pairs: int

    @property
    def mean(self) -> float:
        """The accuracy of the first way less that of the second."""
        return (self.gained - self.lost) / self.pairs

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean, by the normal approximation, as if pairs were independent.

        They share people and pictures, so the true one is a little wider.
        """
        variance = (self.gained + self.lost) / self.pairs - self.mean**2
        half = Z * math.sqrt(variance / self.pairs)
        return self.mean - half, self.mean + half

    def __str__(self) -> str:
        low, high = (100 * edge for edge in self.interval)
        return (
            f"{100 * self.mean:+.2f} points (95 % {low:+.2f} to {high:+.2f}; right in "
            f"{self.gained} pairs where the other is wrong, wrong in {self.lost})"
        )


def decided_rightly(
    distances: Sequence[Distances], genuine: Sequence[Flags], failed: Sequence[Flags]
) -> Flags:
    """Tell which pairs are decided rightly, fold after fold; failed ones are not.

    Each fold is decided by the threshold that is best on the others, as `evaluate` does.
    """
    thresholds = evaluate(distances, genuine, failed=failed).accuracy.thresholds
    folds = zip(distances, genuine, failed, thresholds, strict=True)
    return np.concatenate([((d <= t) == same) & ~without for d, same, without, t in folds])


def paired_difference(first: Flags, second: Flags) -> PairedDifference:
    """Compare two ways by which pairs each decides rightly, (N,) each, in the same order."""
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return PairedDifference(gained, lost, len(first))
