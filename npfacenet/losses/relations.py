"""Learning the relations between another network's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Loss, LossValue, Targets


@dataclass(frozen=True)
class Relations(Loss):
    """The mean over ordered pairs i != j of a batch of (s_i . s_j - t_i . t_j)^2.

    s are a pupil's embeddings, t its teacher's, which may have another length. After Tung and
    Mori 2019, "Similarity-Preserving Knowledge Distillation", equation 4, with unit embeddings
    in place of normalised rows. Two faces are compared by the distance of their embeddings,
    which follows from the product of the unit vectors.

    >>> pupil, teacher = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> Relations().value_and_gradient(pupil, teacher).value
    1.0
    """

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of a pupil's embeddings (N, D) and its teacher's (N, E), floating.

        A batch of one has no pairs, and its loss is 0. Raises ShapeError for another shape or
        dtype, ArgumentError for numbers that are not finite.
        """
        pupil = self.accept(outputs, ("N", "D"))
        teacher = self.accept(targets, (len(pupil), "E"), role="targets")
        pairs = max(1, len(pupil) * (len(pupil) - 1))
        with np.errstate(over="ignore", invalid="ignore"):  # far beyond any embedding
            difference = pupil @ pupil.T - teacher @ teacher.T
            np.fill_diagonal(difference, 0)
            value, gradient = np.square(difference).sum() / pairs, 4 / pairs * (difference @ pupil)
        return self.result(outputs, value, gradient)
