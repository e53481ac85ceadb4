"""Noticing that a network has stopped learning anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers import Array

SMALLEST_SPREAD = 1e-3
SMALL_SPREAD = 0.05
STUCK = 0.01  # of the margin


def spread(embeddings: Array) -> float:
    """The variance of unit vectors (N, D): 1 - |their mean|^2. 0: all at one point.

    >>> spread(np.array([[1.0, 0.0], [1.0, 0.0]])), spread(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    (0.0, 1.0)
    """
    mean = np.asarray(embeddings, np.float64).mean(axis=0)
    return max(0.0, 1.0 - float(mean @ mean))


@dataclass
class CollapseDetector:
    """Counts steps in a row that show a collapse; says so after `patience` of them.

    Two signs: all embeddings of a batch at one point, and (with a triplet loss, `margin`)
    embeddings that lie close together with a loss within 1 % of the margin, which is what
    equal distances give.
    """

    margin: float | None
    patience: int = 20
    at_a_point: int = 0
    at_the_margin: int = 0

    def see(self, embeddings: Array, loss: float) -> str | None:
        """What is wrong, if it has been for long enough."""
        found = spread(embeddings)
        self.at_a_point = self.at_a_point + 1 if found < SMALLEST_SPREAD else 0
        # Far apart, semi-hard triplets have such a loss too, in a batch that is large enough.
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
