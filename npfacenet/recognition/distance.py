"""Distances between embeddings, and the one comparison with a threshold."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.card import METRIC
from npfacenet.errors import ArgumentError, EmbeddingError, FingerprintError
from npfacenet.models import Embeddings

__all__ = ["METRIC", "comparable", "distances", "threshold_for", "within"]


def distances(a: Embeddings, b: Embeddings) -> npt.NDArray[np.float64]:
    """Euclidean distances of every row of a to every row of b: float64 (len(a), len(b)).

    Taken from differences, not from products, so that the distance of a vector to itself
    is exactly 0:

    >>> face = Embeddings.of([0.6, 0.8])
    >>> distances(face, face)
    array([[0.]])

    Raises FingerprintError and EmbeddingError as `comparable`.
    """
    comparable(a, b)
    differences = (np.subtract(b.values, row, dtype=np.float64) for row in a.values)
    rows = [np.sqrt(np.square(difference).sum(axis=1)) for difference in differences]
    return np.array(rows, np.float64).reshape(len(a), len(b))


def paired_distances(a: Embeddings, b: Embeddings) -> npt.NDArray[np.float64]:
    """The distances of row i of a to row i of b: float64 (len(a),), as `distances`."""
    comparable(a, b)
    difference = np.subtract(a.values, b.values, dtype=np.float64)
    return np.asarray(np.sqrt(np.square(difference).sum(axis=1)))


def within(distance: float, threshold: float) -> bool:
    """Whether a distance counts as the same person: up to the threshold, and at it.

    >>> within(0.7, 0.7)
    True
    """
    return distance <= threshold


def comparable(a: Embeddings, b: Embeddings) -> None:
    """Raise unless a distance between these embeddings means something.

    FingerprintError if two different models made them; EmbeddingError if their vectors
    are of different lengths.
    """
    if a.fingerprint is not None and b.fingerprint is not None and a.fingerprint != b.fingerprint:
        raise FingerprintError(
            f"embeddings of different models cannot be compared (fingerprints "
            f"{a.fingerprint[:12]} and {b.fingerprint[:12]}): network, variant, weights and "
            "preprocessing must be the same"
        )
    if a.values.shape[1] != b.values.shape[1]:
        raise EmbeddingError(
            f"vectors of {a.values.shape[1]} and of {b.values.shape[1]} numbers cannot be compared"
        )


def threshold_for(explicit: float | None, *compared: Embeddings) -> float:
    """The threshold to decide by: the explicit one, else that of the model's card.

    Raises ArgumentError if the explicit one is no finite number >= 0, EmbeddingError if
    there is neither.
    """
    if explicit is not None:
        if not _is_number(explicit):
            raise ArgumentError(f"a threshold is a number, not {explicit!r}")
        if not 0 <= explicit < math.inf:
            raise ArgumentError(f"a threshold is a finite distance >= 0, not {explicit}")
        return abs(float(explicit))
    stated = [e.threshold for e in compared if e.fingerprint is not None]
    if len(stated) < len(compared):
        raise EmbeddingError("bare arrays come without a threshold; state one: threshold=...")
    if stated[0] is None:
        raise EmbeddingError(
            "the model's card has no threshold with evidence; state one: threshold=..., or "
            "--threshold on the command line"
        )
    return stated[0].value


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
