"""Learning to give another network's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Loss, LossValue, Targets


@dataclass(frozen=True)
class Distillation(Loss):
    """The mean over the batch of |s - t|^2, for a pupil's embedding s and its teacher's t.

    Romero et al. 2015, "FitNets", equation 3 (without the half), at the last layer. For unit
    vectors it is 2 - 2 cos(s, t).

    >>> pupil, teacher = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> Distillation().value_and_gradient(pupil, teacher)
    LossValue(value=2.0, gradient=array([[ 2., -2.]]), measures={'cosine': 0.0})
    """

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of a pupil's and its teacher's embeddings, each (N, D), floating.

        Measures `cosine`, the mean cosine between the two; a zero vector counts as 0. Raises
        ShapeError for another shape or dtype, ArgumentError for numbers that are not finite.
        """
        pupil = self.accept(outputs, ("N", "D"))
        teacher = self.accept(targets, pupil.shape, role="targets")
        with np.errstate(over="ignore", invalid="ignore"):  # the value may not be finite
            difference = pupil - teacher
            value = np.square(difference).sum(axis=1).mean()
            lengths = np.linalg.norm(pupil, axis=1) * np.linalg.norm(teacher, axis=1)
            products = (pupil * teacher).sum(axis=1)
            cosines = products / np.where(lengths > 0, lengths, 1)
            gradient = 2 * difference / len(pupil)
        return self.result(outputs, value, gradient, cosine=cosines.mean())
