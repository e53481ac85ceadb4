"""Distances between embeddings, and the one comparison with a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number
from npfacenet.cards import METRIC, Threshold
from npfacenet.errors import ArgumentError, EmbeddingError, NpfacenetError, listed, quoted
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import require_embeddings
from npfacenet.models.made_by import (
    agreed,
    agreed_threshold,
    evidence_of,
    is_for_distances,
    require_comparable,
)

__all__ = ["METRIC", "comparable", "distances", "is_for_distances", "threshold_for", "within"]


def distances(
    a: Embeddings | npt.ArrayLike, b: Embeddings | npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the Euclidean distances of every row of a to every row of b: float64 (N, M).

    `a` (N, D) and `b` (M, D) are embeddings or bare arrays; (D,) counts as (1, D). Distances are
    computed from differences, not from products, so the distance of a vector to itself is exactly
    0:

    >>> distances([1.0, 0.0], [[1.0, 0.0], [-1.0, 0.0]])
    array([[0., 2.]])

    Raises FingerprintError and EmbeddingError as `comparable`, and EmbeddingError for anything but
    arrays of finite numbers.
    """
    first, second = Embeddings.of(a), Embeddings.of(b)
    comparable(first, second)
    differences = (np.subtract(second.values, row, dtype=np.float64) for row in first.values)
    rows = [np.sqrt(np.square(difference).sum(axis=1)) for difference in differences]
    return np.array(rows, np.float64).reshape(len(first), len(second))


def paired_distances(
    a: Embeddings | npt.ArrayLike, b: Embeddings | npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the distances of row i of a to row i of b, as `distances` computes them: float64 (N,).

    Raises what `distances` raises, and EmbeddingError if the numbers of rows differ.
    """
    first, second = Embeddings.of(a), Embeddings.of(b)
    require_pairs(first, second)
    difference = np.subtract(first.values, second.values, dtype=np.float64)
    return np.asarray(np.sqrt(np.square(difference).sum(axis=1)))


def within(distance: float, threshold: float) -> bool:
    """Whether a distance counts as the same person: distance <= threshold.

    Raises ArgumentError unless both are finite numbers >= 0.

    >>> within(0.7, 0.7)
    True
    """
    return checked_distance(distance, "a distance") <= checked_distance(threshold)


def comparable(a: Embeddings, b: Embeddings) -> None:
    """Check that distances between these embeddings are meaningful.

    Raises FingerprintError if different models made them, or of pictures prepared in different
    ways; EmbeddingError if their vectors differ in length.
    """
    require_embeddings((a, b))
    require_comparable(a.made_by, b.made_by)


def require_pairs(a: Embeddings, b: Embeddings) -> None:
    """Check that row i of a can be compared with row i of b.

    Raises FingerprintError and EmbeddingError as `comparable`, and EmbeddingError if the numbers of
    rows differ.
    """
    comparable(a, b)
    if len(a) != len(b):
        raise EmbeddingError(
            f"{len(a)} and {len(b)} embeddings are not pairs: pass the same number of each"
        )


def threshold_for(explicit: float | None, *compared: Embeddings) -> float:
    """Return the threshold to decide by: the explicit one, else that of the embeddings.

    The order of the embeddings does not matter. Raises ArgumentError if the explicit threshold is
    not a finite number >= 0; EmbeddingError if there is no threshold, if the embeddings state
    different ones, or if theirs is for distances of another metric.
    """
    if explicit is not None:
        return checked_distance(explicit)
    require_embeddings(compared)
    if any(each.fingerprint is None for each in compared):
        raise EmbeddingError("bare arrays come without a threshold; state one: threshold=...")
    stated = agreed_threshold(each.threshold for each in compared)
    if stated is None:
        known = sorted({str(e.preparation) for e in compared if e.preparation is not None})
        prepared = f" for pictures prepared so ({listed(known)})" if known else ""
        raise EmbeddingError(
            f"the model's card has no threshold with evidence{prepared}; state one: threshold=..., "
            "or --threshold on the command line"
        )
    return limit_of(stated)


def limit_of(threshold: Threshold) -> float:
    """Return the value of a threshold; EmbeddingError if it is for distances of another metric."""
    if not is_for_distances(threshold):
        raise EmbeddingError(
            f"the stated threshold, {evidence_of(threshold)}, is not for distances that are "
            f"{METRIC}; state another: threshold=..."
        )
    return float(threshold.value)


def joined(
    several: Sequence[Embeddings], error: type[NpfacenetError] = EmbeddingError
) -> Embeddings:
    """Concatenate Embeddings as `Embeddings.concatenate`.

    Raises `error` instead of EmbeddingError if a model's embeddings are mixed with bare arrays.
    """
    agreed([each.made_by for each in require_embeddings(several)], error)
    return Embeddings.concatenate(several)


def checked_distance(value: object, what: str = "a threshold") -> float:
    """Return the value as a float >= 0; raise ArgumentError for anything else.

    >>> checked_distance(-0.0)
    0.0
    """
    number = finite_number(value)
    if number is None or number < 0:
        raise ArgumentError(f"{what} is a finite distance >= 0, not {quoted(value)}")
    return abs(number)
