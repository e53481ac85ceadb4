"""The additive angular margin of ArcFace."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.cross_entropy import accuracy, softmax_cross_entropy
from npfacenet.losses.loss import Float64, Loss, LossValue, Targets

ROUNDING = 1e-4  # how far rounding may take a cosine out of [-1, 1]
SMALLEST_SINE = 1e-3


@dataclass(frozen=True)
class AngularMargin(Loss):
    """Softmax cross-entropy of scale * cos(theta), with theta + margin for the right class.

    Deng et al. 2019, "ArcFace", equation 3; theta is the angle between an embedding and the
    direction of a class, so the outputs come from a layer of cosines. The margin is in radians.
    Beyond theta + margin = pi, where the cosine would rise again, cos(theta) - margin *
    sin(margin) replaces it, as in insightface: it keeps falling, with a jump at the seam.

    >>> cosines = np.array([[0.5, -0.5]])
    >>> round(AngularMargin(0.3, scale=4.0).value_and_gradient(cosines, np.array([0])).value, 4)
    0.0542
    """

    margin: float = 0.3
    scale: float = 32.0

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.margin) and 0 <= self.margin < pi / 2,
            f"margin must be in [0, pi / 2), not {quoted(self.margin)}",
        )
        self.require(
            is_finite(self.scale) and self.scale > 0,
            f"scale must be finite and positive, not {quoted(self.scale)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of cosines (N, K) and integer classes (N,) in [0, K).

        Measures `accuracy`, the share of examples whose largest cosine, without margin, is the
        right one. The slope of cos(theta + margin) has a pole at theta = 0 and pi: the gradient,
        unlike the value, takes sin(theta) to be at least 1e-3, so that it is exact while
        |cosine| < 1 - 5e-7. Raises ShapeError for another shape or dtype, ArgumentError for
        labels out of range and for numbers that are not cosines, except by rounding (1e-4).
        """
        cosines = self.accept(outputs, ("N", "K"))
        labels = self.accept_labels(targets, cosines.shape[:1], classes=cosines.shape[1])
        if np.abs(cosines).max() > 1 + ROUNDING:
            raise ArgumentError(
                f"{self} takes cosines, from -1 to 1, received {cosines.min()} to {cosines.max()}"
            )
        right = np.arange(len(labels)), labels
        moved, slope = with_margin(cosines[right], self.margin)
        logits = self.scale * cosines
        logits[right] = self.scale * moved
        value, gradient = softmax_cross_entropy(logits, labels)
        with np.errstate(over="ignore"):
            gradient *= self.scale
            gradient[right] *= slope
        return self.result(outputs, value, gradient, accuracy=accuracy(cosines, labels))


def with_margin(cosine: Float64, margin: float) -> tuple[Float64, Float64]:
    """Return cos(theta + margin), or its continuation, and its derivative by cos(theta).

    >>> moved, slope = with_margin(np.cos([0.5, 3.1]), 0.3)
    >>> bool(np.isclose(moved[0], np.cos(0.8))), bool(np.isclose(slope[0], sin(0.8) / sin(0.5)))
    (True, True)
    >>> bool(np.isclose(moved[1], cos(3.1) - 0.3 * sin(0.3))), float(slope[1])
    (True, 1.0)
    """
    sine = np.sqrt(np.maximum(1 - np.square(cosine), 0))
    moved = cosine * cos(margin) - sine * sin(margin)
    slope = cos(margin) + sin(margin) * cosine / np.maximum(sine, SMALLEST_SINE)
    before_the_seam = cosine > -cos(margin)  # theta + margin < pi
    return (
        np.where(before_the_seam, moved, cosine - margin * sin(margin)),
        np.where(before_the_seam, slope, 1.0),
    )
