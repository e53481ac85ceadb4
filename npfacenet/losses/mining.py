"""The triplet loss over triplets mined from the batch itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, is_one_of
from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Float64, Loss, LossValue, Targets
from npfacenet.losses.pair_distances import squared_distances, through_squared_distances

Mining: TypeAlias = Literal["batch-all", "batch-hard", "semi-hard"]
Indices: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class OnlineTripletLoss(Loss):
    """The mean of max(|a - p|^2 - |a - n|^2 + margin, 0) over triplets (a, p, n) of the batch.

    a and p are two pictures of one identity, n is one of another. `mining` determines which
    triplets are candidates, and over which of them the mean is taken:

    | mining | candidates | mean over |
    | --- | --- | --- |
    | "batch-all" | every valid triplet | the active ones |
    | "batch-hard" | for each a with a positive: its farthest p, its nearest n | all candidates |
    | "semi-hard" | for each (a, p): the nearest n that is farther than p | the active ones |

    A triplet is active if its loss is positive. "batch-all" (leaving out the zeros) and
    "batch-hard" are those of Hermans, Beyer and Leibe 2017, "In Defense of the Triplet Loss",
    section 2, with squared distances; "semi-hard" is that of Schroff et al. 2015, "FaceNet",
    section 3.2: a pair without such an n has no candidate. Of equally near pictures, the
    first in the batch is chosen.
    """

    margin: float = 0.2
    mining: Mining = "semi-hard"

    def __post_init__(self) -> None:
        # Without a margin no semi-hard triplet has a loss, and the network would learn nothing.
        self.require(
            is_finite(self.margin) and self.margin > 0,
            f"margin must be finite and positive, not {quoted(self.margin)}",
        )
        self.require(
            is_one_of(self.mining, *CANDIDATES),
            f"mining is one of {', '.join(CANDIDATES)}, not {quoted(self.mining)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of embeddings (N, D) and integer identities (N,).

        Measures `triplets`, the number of candidates (see above), and `active`, the share of
        them that is active. If none is, value, gradient and share are 0. Raises ShapeError for
        another shape or dtype, and ArgumentError for numbers that are not finite and for a batch
        without a valid triplet.
        """
        x = self.accept(outputs, ("N", "D"))
        labels = self.accept_labels(targets, (len(x),))
        same = labels[:, None] == labels
        self._check_triplets_exist(same)
        distances = squared_distances(x)
        if not np.isfinite(distances).all():
            raise ArgumentError(f"{self}: the embeddings are too large: their distances overflow")
        weights = np.zeros_like(distances)  # of each pair's squared distance in the loss
        total, triplets, active = 0.0, 0, 0
        for anchor in range(len(x)):  # one at a time, to use memory of N^2
            negatives = np.flatnonzero(~same[anchor])
            same[anchor, anchor] = False
            positives = np.flatnonzero(same[anchor])
            if not len(positives):
                continue
            near, far = distances[anchor, positives], distances[anchor, negatives]
            p, n = CANDIDATES[self.mining](near, far)
            losses = near[p] - far[n] + self.margin
            bad = losses > 0
            total += losses[bad].sum()
            triplets, active = triplets + len(bad), active + int(bad.sum())
            weights[anchor, positives] += np.bincount(p[bad], minlength=len(positives))
            weights[anchor, negatives] -= np.bincount(n[bad], minlength=len(negatives))
        count = max(triplets if self.mining == "batch-hard" else active, 1)
        gradient = through_squared_distances(x, weights / count)
        share = active / max(triplets, 1)
        return self.result(outputs, total / count, gradient, active=share, triplets=triplets)

    def _check_triplets_exist(self, same: npt.NDArray[np.bool_]) -> None:
        if same.all():
            raise ArgumentError(f"{self} finds no triplet: all {len(same)} are of one identity")
        if same.sum() == len(same):
            raise ArgumentError(f"{self} finds no triplet: no identity has two pictures")


def _every(near: Float64, far: Float64) -> tuple[Indices, Indices]:
    p, n = np.indices((len(near), len(far))).reshape(2, -1)
    return p, n


def _hardest(near: Float64, far: Float64) -> tuple[Indices, Indices]:
    return np.array([near.argmax()]), np.array([far.argmin()])


def _semi_hard(near: Float64, far: Float64) -> tuple[Indices, Indices]:
    order = np.argsort(far, kind="stable")
    place = np.searchsorted(far[order], near, side="right")  # the first n farther than p
    p = np.flatnonzero(place < len(far))
    return p, order[place[p]]


# Each maps the distances of an anchor to its positives and negatives to candidates (p, n).
CANDIDATES: dict[str, Callable[[Float64, Float64], tuple[Indices, Indices]]] = {
    "batch-all": _every,
    "batch-hard": _hardest,
    "semi-hard": _semi_hard,
}
