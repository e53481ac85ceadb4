"""Focal loss with soft targets, for the scores of a detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite
from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Float64, Loss, LossValue, Targets

IGNORED = -1
"""The target of a cell that counts neither as a positive nor as a negative."""


@dataclass(frozen=True)
class QualityFocal(Loss):
    """The sum of |y - sigmoid(z)|^beta BCE(z, y) over logits z, divided by the number of positives.

    Li et al. 2020, "Generalized Focal Loss", equation 5. A target y is 0 for a negative; for a
    positive it is above 0 and at most 1, such as the overlap of the predicted box with the true
    one; a target of -1 marks a cell to ignore. BCE(z, y) is binary cross-entropy,
    -y log(sigmoid(z)) - (1 - y) log(1 - sigmoid(z)). With targets of 0 and 1 this is the focal
    loss of Lin et al. 2017 without alpha, with gamma = beta, normalised as they do: cells are many
    and nearly all negative, so a mean over the cells would vanish. Without a positive, the sum is
    divided by 1. `beta` is at least 0, where 0 gives plain cross-entropy.

    >>> logits, targets = np.array([0.0, 0.0, 3.0, 9.0]), np.array([1.0, 0.0, 0.0, -1.0])
    >>> loss = QualityFocal().value_and_gradient(logits, targets)
    >>> round(loss.value, 4), loss.gradient.round(4)
    (3.1129, array([-0.2983,  0.2983,  1.1267,  0.    ]))
    >>> loss.measures
    {'positives': 1.0, 'recall': 0.0, 'false_alarms': 0.5}
    """

    beta: float = 2.0

    def __post_init__(self) -> None:
        """Raise ArgumentError for an impossible beta."""
        self.require(
            is_finite(self.beta) and self.beta >= 0,
            f"beta is finite and at least 0, not {quoted(self.beta)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of logits and soft targets, each (N,), floating.

        Measures `positives`, their number; `recall`, the share of them with a logit above 0 (of
        none it is 0); and `false_alarms`, the same of the negatives. Exact for logits of any size.
        Raises ShapeError for another shape or dtype, ArgumentError for logits that are not finite
        or targets other than -1 and those in [0, 1].
        """
        logits = self.accept(outputs, ("N",))
        quality = self._accept_quality(targets, len(logits))
        counted, positive = quality != IGNORED, quality > 0
        tail = np.exp(-np.abs(logits))  # at most 1, so that nothing overflows or cancels
        above = np.where(logits > 0, 1, tail) / (1 + tail)  # sigmoid(z)
        below = np.where(logits > 0, tail, 1) / (1 + tail)  # 1 - sigmoid(z)
        error = quality * below - (1 - quality) * above  # y - sigmoid(z)
        # log(1 + exp(z)) is max(z, 0) + log1p(tail), and log(1 + exp(-z)) is less by z.
        entropy = np.where(logits > 0, 1 - quality, quality) * np.abs(logits) + np.log1p(tail)
        focus = np.abs(error) ** self.beta
        share = counted / max(1, int(positive.sum()))
        with np.errstate(over="ignore"):  # the sum may exceed float64
            value = (focus * entropy * share).sum()
        slope = self._slope_of_focus(error) * above * below * entropy
        gradient = -(focus * error + slope) * share
        says_yes = logits > 0
        return self.result(
            outputs, value, gradient, positives=positive.sum(),
            recall=_share(says_yes, positive), false_alarms=_share(says_yes, counted & ~positive),
        )  # fmt: skip

    def _slope_of_focus(self, error: Float64) -> Float64:
        """Return the derivative of |error|^beta by error; at 0, where it may be infinite, 0."""
        sizes = np.abs(error)
        safe = np.where(sizes > 0, sizes, 1)
        slope: Float64 = self.beta * safe ** (self.beta - 1) * np.sign(error)
        return slope

    def _accept_quality(self, targets: Targets, count: int) -> Float64:
        quality = self.accept(targets, (count,), role="targets")
        strange = quality[(quality != IGNORED) & ((quality < 0) | (quality > 1))]
        if len(strange):
            raise ArgumentError(f"{self} takes targets in [0, 1], or {IGNORED}, not {strange[0]}")
        return quality


def _share(says_yes: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float((says_yes & among).sum() / max(1, int(among.sum())))
