"""Softmax cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite
from npfacenet.errors import quoted
from npfacenet.layers.layer import Array
from npfacenet.losses.loss import Float64, Loss, LossValue, Targets


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """The mean over the batch of -log(softmax probability of the right class).

    With `smoothing` s, the target probability is 1 - s + s / K for the right class and s / K for
    every other one (Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7).

    >>> loss = CrossEntropy().value_and_gradient(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss.value, 4), loss.gradient
    (0.6931, array([[ 0.5, -0.5]]))
    """

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        self.require(
            is_finite(self.smoothing) and 0 <= self.smoothing < 1,
            f"smoothing must be in [0, 1), not {quoted(self.smoothing)}",
        )

    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of logits (N, K) and integer classes (N,) in [0, K).

        Measures `accuracy`, the share of examples whose largest logit (the first of equal ones)
        is the right one. Raises ShapeError for another shape or dtype, ArgumentError for logits
        that are not finite and labels out of range.
        """
        logits = self.accept(outputs, ("N", "K"))
        labels = self.accept_labels(targets, logits.shape[:1], classes=logits.shape[1])
        value, gradient = softmax_cross_entropy(logits, labels, self.smoothing)
        return self.result(outputs, value, gradient, accuracy=accuracy(logits, labels))


def softmax_cross_entropy(
    logits: Float64, labels: npt.NDArray[np.intp], smoothing: float = 0.0
) -> tuple[float, Float64]:
    """Return the mean cross-entropy of logits (N, K) and labels (N,), and its gradient (N, K)."""
    count, classes = logits.shape
    rows = np.arange(count)
    with np.errstate(over="ignore"):  # logits of 1e308 and -1e308 are infinitely far apart
        shifted = logits - logits.max(axis=1, keepdims=True)  # so that exp does not overflow
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        log_likelihood = (1 - smoothing) * log_probability[rows, labels]
        if smoothing:
            log_likelihood += smoothing * log_probability.mean(axis=1)
        value = -np.mean(log_likelihood)
    gradient: Float64 = np.exp(log_probability) - smoothing / classes
    gradient[rows, labels] -= 1 - smoothing
    return float(value), gradient / count


def accuracy(scores: Float64, labels: npt.NDArray[np.intp]) -> float:
    """Return the share of rows (N, K) whose largest score is that of the label."""
    return float(np.mean(scores.argmax(axis=1) == labels))
