"""Detecting that a network has collapsed and no longer learns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers import Array
from npfacenet.training.checks import require_kind, require_number, require_whole
from npfacenet.training.validation import Validation

SMALLEST_SPREAD = 1e-3
SMALL_SPREAD = 0.05
STUCK = 0.01  # of the margin
CLOSE = 0.3  # between strangers, on average: half of the pairs of a good network are 1.2 apart
USEFUL = 0.95  # area under ROC


def spread(embeddings: Array) -> float:
    """Return the variance of unit vectors (N, D), 1 - |mean|^2; 0 for equal vectors or none.

    Raises ArgumentError for anything but an array of vectors.

    >>> spread(np.array([[1.0, 0.0], [1.0, 0.0]])), spread(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    (0.0, 1.0)
    """
    require_kind("embeddings", embeddings, np.ndarray)
    if embeddings.ndim != 2 or not np.issubdtype(embeddings.dtype, np.floating):
        raise ArgumentError(f"embeddings are floating numbers (N, D), not {quoted(embeddings)}")
    if not len(embeddings):
        return 0.0
    mean = np.asarray(embeddings, np.float64).mean(axis=0)
    return max(0.0, 1.0 - float(mean @ mean))


@dataclass
class CollapseDetector:
    """Counts consecutive steps that show a collapse, and reports it after `patience` of them.

    There are two signs: all embeddings of a batch lie at one point; or, with a triplet loss of
    this `margin`, embeddings lie close together and the loss is within 1 % of the margin, the value
    for equal distances.
    """

    margin: float | None
    patience: int = 20
    at_a_point: int = 0
    at_the_margin: int = 0

    def __post_init__(self) -> None:
        if self.margin is not None:
            require_number("the margin", self.margin, 0, 1e9)
        require_whole("patience", self.patience, 1, 10**9)
        for name in ("at_a_point", "at_the_margin"):
            require_whole(name, getattr(self, name), 0, 10**9)

    def see(self, embeddings: Array, loss: float) -> str | None:
        """Count one step; return what is wrong once it has lasted for `patience` steps."""
        found = spread(embeddings)
        self.at_a_point = self.at_a_point + 1 if found < SMALLEST_SPREAD else 0
        # In a large batch, semi-hard triplets of distant embeddings have such a loss too.
        stuck = self.margin is not None and abs(loss - self.margin) < STUCK * self.margin
        stuck = stuck and found < SMALL_SPREAD
        self.at_the_margin = self.at_the_margin + 1 if stuck else 0
        if self.at_a_point >= self.patience:
            return (
                f"the embeddings of {self.patience} batches in a row lie at one point (spread "
                f"below {SMALLEST_SPREAD:g}): the network collapsed"
            )
        if self.at_the_margin >= self.patience:
            return (
                f"the loss of {self.patience} steps in a row is the margin, {self.margin:g}, and "
                f"the embeddings lie close together (spread below {SMALL_SPREAD:g}): the network "
                "collapsed"
            )
        return None


def collapsed(start: Validation, now: Validation) -> str | None:
    """Return the sign that training has ruined a network, from the same pairs at its start and now.

    There are two signs: the distance of strangers fell below 0.3 and below half of what it was,
    and the area is below 0.95 or below what it was; or the area fell to that of chance, by more
    than its standard error. None without a sign.

    >>> start = Validation(0.9, 0.85, 0.8, strangers=1.2, pairs=100)
    >>> print(collapsed(start, Validation(0.6, 0.6, 0.1, strangers=0.13, pairs=100)))
    strangers are pulled together, 1.20 apart at the start and 0.13 now (area 0.60)
    >>> collapsed(start, Validation(0.8, 0.75, 0.8, strangers=1.1, pairs=100)) is None
    True
    """
    pulled = now.strangers < CLOSE and now.strangers < start.strangers / 2
    if pulled and now.area < max(USEFUL, start.area):
        return (
            f"strangers are pulled together, {start.strangers:.2f} apart at the start and "
            f"{now.strangers:.2f} now (area {now.area:.2f})"
        )
    if now.area <= 0.5 + now.noise / 2 and start.area - now.area > now.noise:
        return (
            f"people are told apart no better than by chance (area under ROC {start.area:.2f} at "
            f"the start, {now.area:.2f} now)"
        )
    return None


def half_lost(start: Validation, now: Validation) -> str | None:
    """Return, in words, that a network lost more than half of its area above chance; else None.

    A run may lose as much for a while and recover, but must not end like that.

    >>> print(half_lost(Validation(0.9, 0.85, 0.8, 1.2, 100), Validation(0.6, 0.6, 0.8, 0.9, 100)))
    more than half of the area above chance is lost (area under ROC 0.90 at the start, 0.60 now)
    """
    had, left = start.area - 0.5, now.area - 0.5
    if had <= 0 or left >= had / 2 or had - left <= 2 * now.noise:
        return None
    return (
        f"more than half of the area above chance is lost (area under ROC {start.area:.2f} at the "
        f"start, {now.area:.2f} now)"
    )


def decline(start: Validation, end: Validation) -> str | None:
    """Return how a run ends worse than it began; None if it does not."""
    if end.area >= start.area:
        return None
    return (
        f"the run ends worse than it began: area under ROC {start.area:.3f} at the start, "
        f"{end.area:.3f} at the end; strangers {start.strangers:.2f} apart, then "
        f"{end.strangers:.2f}"
    )
