"""Fitting a pair head: logistic regression on how two embeddings differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, whole_number
from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.losses import BinaryCrossEntropy
from npfacenet.models import Embeddings
from npfacenet.recognition.labelled_pairs import checked_labels
from npfacenet.recognition.pair_head import (
    BIAS,
    WEIGHTS,
    PairHead,
    Similarity,
    pair_network,
    stacked,
)
from npfacenet.training.optimizers import Adam
from npfacenet.training.parameter_vector import ParameterVector

RATE = 0.1
MOST_STEPS = 1_000_000
LARGEST = 1e12
"""Larger numbers would overflow where the optimizer squares gradients, in float32."""


def fit_pair_head(
    a: Embeddings | npt.ArrayLike,
    b: Embeddings | npt.ArrayLike,
    genuine: npt.ArrayLike,
    similarity: Similarity = "absolute",
    *,
    steps: int = 400,
    weight_decay: float = 0.01,
) -> PairHead:
    """Fit a head that gives the probability that row i of a and row i of b show one person.

    `a`, `b` (N, D) are embeddings, and `genuine` (N,), booleans, says which pairs show one person.
    Genuine and impostor pairs have equal weight in total, so that the probabilities hold among as
    many genuine as impostor pairs. Each of the `steps` uses all pairs; the embeddings do not
    change.

    Raises TrainingError unless there are pairs of both kinds, labelled by booleans, and for
    embeddings with numbers above 1e12; FingerprintError and EmbeddingError for embeddings that
    cannot be compared; ArgumentError for another similarity, and for steps or a weight decay out
    of range.
    """
    first, second = Embeddings.of(a), Embeddings.of(b)
    _require_choices(similarity, steps, weight_decay)
    labels = checked_labels(genuine, TrainingError)
    if labels.shape != (len(first),) or not 0 < labels.sum() < len(labels):
        raise TrainingError(
            f"a pair head learns from genuine and impostor pairs; {labels.sum()} of "
            f"{labels.size} given pairs are genuine"
        )
    pairs = stacked(first, second)
    if np.abs(pairs).max() > LARGEST:
        raise TrainingError(
            f"embeddings with numbers up to {np.abs(pairs).max():g} are too large to fit a head "
            "to; divide each by its norm"
        )
    weights, bias = _fitted(pairs, labels, similarity, steps, weight_decay)
    return PairHead(similarity, weights, bias, first.fingerprint)


def _fitted(
    pairs: npt.NDArray[np.float32],
    labels: npt.NDArray[np.bool_],
    similarity: Similarity,
    steps: int,
    weight_decay: float,
) -> tuple[npt.NDArray[np.float32], float]:
    """Fit the weights (D,) and the bias to pairs (N, 2, D) by full-batch gradient descent."""
    dimension = pairs.shape[2]
    network = pair_network(similarity, dimension)
    vector = ParameterVector(
        network.parameter_specs(),
        {WEIGHTS: np.zeros((dimension, 1), np.float32), BIAS: np.zeros(1, np.float32)},
    )
    optimizer, loss = Adam(weight_decay), BinaryCrossEntropy()
    slots = [np.zeros_like(vector.numbers) for _ in range(optimizer.slots)]
    gradient = np.empty_like(vector.numbers)
    share = labels.mean()
    balance = np.where(labels, 0.5 / share, 0.5 / (1 - share)).astype(np.float32)[:, None]
    for step in range(steps):
        logits, tape = network.forward_saving(vector.views, pairs)
        upstream = loss.value_and_gradient(logits, labels[:, None]).gradient * balance
        _, found = network.backward(vector.views, tape, upstream)
        vector.fill(gradient, found)
        rate = RATE * (1 - step / steps)
        optimizer.update(
            vector.numbers, gradient, slots, step=step + 1, rate=rate, decaying=vector.decaying
        )
    return vector.views[WEIGHTS][:, 0], float(vector.views[BIAS][0])


def _require_choices(similarity: object, steps: object, weight_decay: object) -> None:
    """Raise ArgumentError for a similarity, steps or weight decay out of range."""
    PairHead(similarity, np.zeros(1, np.float32), 0.0)  # type: ignore[arg-type]  # refuses another
    if whole_number(steps, 1, MOST_STEPS) is None:
        raise ArgumentError(
            f"steps are a whole number from 1 to {MOST_STEPS:,}, not {quoted(steps)}"
        )
    decay = finite_number(weight_decay)
    if decay is None or not 0 <= decay < 1:
        raise ArgumentError(f"weight_decay is in [0, 1), not {quoted(weight_decay)}")
