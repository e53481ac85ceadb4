"""Binary cross-entropy, for answers of yes or no."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Loss, LossValue, Targets


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """The mean of -log(sigmoid(logit)) for yes, and of -log(1 - sigmoid(logit)) for no.

    >>> logits, answers = np.array([0.0, -1e4]), np.array([True, False])
    >>> loss = BinaryCrossEntropy().value_and_gradient(logits, answers)
    >>> round(loss.value, 4), loss.gradient, loss.measures
    (0.3466, array([-0.25,  0.  ]), {'accuracy': 0.5})
    """

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of logits and answers, each (N,) or (N, 1); booleans, or 0 and 1.

        Measures `accuracy`, where a logit above 0 means yes. Exact for logits of any size.
        Raises ShapeError for another shape or dtype, ArgumentError for logits that are not
        finite or targets other than 0 and 1.
        """
        logits = self.accept(outputs, ("N",), ("N", 1))
        count = len(logits)
        # Subtracting (N,) from (N, 1) would silently give (N, N).
        targets = self.accept_labels(targets, (count,), (count, 1), classes=2, kinds="biu")
        yes = targets.reshape(logits.shape) == 1
        sign = np.where(yes, -1.0, 1.0)
        wrongness = sign * logits
        with np.errstate(over="ignore"):  # the sum may exceed float64
            value = np.logaddexp(0, wrongness).mean()
        probability_of_error = np.exp(-np.logaddexp(0, -wrongness))
        gradient = sign * probability_of_error / count
        return self.result(outputs, value, gradient, accuracy=np.mean((logits > 0) == yes))
