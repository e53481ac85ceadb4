"""Regression that a few wrong targets do not pull about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.arguments import is_finite
from npfacenet.errors import quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Loss, LossValue, Targets


@dataclass(frozen=True)
class SmoothL1(Loss):
    """The mean over rows of the sum over columns of f(s - t), for outputs s and targets t.

    f(d) is d^2 / (2 beta) where |d| < beta, and |d| - beta / 2 elsewhere: Girshick 2015, "Fast
    R-CNN", equation 3, which has beta = 1. `beta` is above 0 and in the unit of the outputs.

    >>> outputs, targets = np.array([[0.5, 3.0]]), np.zeros((1, 2))
    >>> SmoothL1().value_and_gradient(outputs, targets)
    LossValue(value=2.625, gradient=array([[0.5, 1. ]]), measures={'error': 1.75})
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        """Raise ArgumentError for an impossible beta."""
        self.require(
            is_finite(self.beta) and self.beta > 0,
            f"beta is finite and above 0, not {quoted(self.beta)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of outputs and targets, each (N, D), floating.

        Measures `error`, the mean |s - t| of one number. Pass the rows of positives only: there is
        no target that means "ignore". Raises ShapeError for another shape or dtype, or none of a
        row; ArgumentError for numbers that are not finite.
        """
        found = self.accept(outputs, ("N", "D"))
        wanted = self.accept(targets, found.shape, role="targets")
        with np.errstate(over="ignore"):  # the value may not be finite
            difference = found - wanted
            size = np.abs(difference)
            near = np.minimum(size, self.beta)
            # Below beta this is d^2 / (2 beta), and beyond it adds a slope of one.
            value = (near * (near / (2 * self.beta)) + (size - near)).sum() / len(found)
            gradient = np.clip(difference / self.beta, -1, 1) / len(found)
            return self.result(outputs, value, gradient, error=size.mean())
