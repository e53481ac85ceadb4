"""The triplet loss over triplets chosen by the caller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Loss, LossValue, Targets


@dataclass(frozen=True)
class TripletLoss(Loss):
    """The sum over the batch of max(|a - p|^2 - |a - n|^2 + margin, 0).

    Schroff et al. 2015, "FaceNet", equation 3; the course's `triplet_loss`, whose alpha is
    the margin. A sum, not a mean: the gradient grows with the batch.

    >>> anchors, positives, negatives = [[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]
    >>> TripletLoss(3.0).value_and_gradient(np.array([anchors, positives, negatives])).value
    1.0
    """

    margin: float = 0.2

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.margin) and self.margin >= 0,
            f"margin must be finite and not negative, not {quoted(self.margin)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets | None = None) -> LossValue:
        """Return the loss of anchors, positives and negatives (3, m, D); targets are ignored.

        Measures `active`, the share of the m triplets whose loss is positive. Raises
        ShapeError for another shape or dtype, ArgumentError for numbers that are not finite.
        """
        anchor, positive, negative = self.accept(outputs, (3, "m", "D"))
        with np.errstate(over="ignore", invalid="ignore"):  # the value may not be finite
            to_positive, to_negative = anchor - positive, anchor - negative
            losses = np.square(to_positive).sum(axis=1) - np.square(to_negative).sum(axis=1)
            losses += self.margin
            active = ~(losses <= 0)  # NaN must stay visible, and not become a loss of 0
            gradient = 2 * np.stack([negative - positive, -to_positive, to_negative])
            gradient *= active[:, None]
            value = losses[active].sum()
        return self.result(outputs, value, gradient, active=active.mean())
