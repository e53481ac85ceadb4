"""Distances between embeddings, and the one comparison with a threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number
from npfacenet.cards import METRIC, Threshold
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    NpfacenetError,
    listed,
    quoted,
    shortened,
)
from npfacenet.models import Embeddings

__all__ = ["METRIC", "comparable", "distances", "threshold_for", "within"]


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
    for each in (a, b):
        if not isinstance(each, Embeddings):
            raise EmbeddingError(f"only Embeddings can be compared, not {quoted(each)}")
    if a.fingerprint is not None and b.fingerprint is not None and a.fingerprint != b.fingerprint:
        raise FingerprintError(_differ(a, b, a.fingerprint[:12], b.fingerprint[:12]))
    if a.values.shape[1] != b.values.shape[1]:
        raise EmbeddingError(
            f"vectors of {a.values.shape[1]} and of {b.values.shape[1]} numbers cannot be compared"
        )


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
    for each in compared:
        if not isinstance(each, Embeddings):
            raise EmbeddingError(f"only Embeddings can be compared, not {quoted(each)}")
    if any(each.fingerprint is None for each in compared):
        raise EmbeddingError("bare arrays come without a threshold; state one: threshold=...")
    stated = agreed_threshold(compared)
    if stated is None:
        known = sorted({str(e.preparation) for e in compared if e.preparation is not None})
        prepared = f" for pictures prepared so ({listed(known)})" if known else ""
        raise EmbeddingError(
            f"the model's card has no threshold with evidence{prepared}; state one: threshold=..., "
            "or --threshold on the command line"
        )
    return limit_of(stated)


def is_for_distances(threshold: Threshold) -> bool:
    """Whether a threshold is one for the distances of this library.

    Every comparison of a card's threshold with distances asks here, or uses `limit_of`.
    """
    return threshold.metric == METRIC


def limit_of(threshold: Threshold) -> float:
    """Return the value of a threshold; EmbeddingError if it is for distances of another metric."""
    if not is_for_distances(threshold):
        raise EmbeddingError(
            f"the stated threshold, {_evidence(threshold)}, is not for distances that are "
            f"{METRIC}; state another: threshold=..."
        )
    return float(threshold.value)


def agreed_threshold(compared: Iterable[Embeddings]) -> Threshold | None:
    """Return the threshold on which all embeddings with a threshold agree; None without any.

    If several share a value, the one whose evidence comes first in the alphabet is returned, so
    that the order of the embeddings does not matter. Raises EmbeddingError for different values or
    metrics.
    """
    stated = {each.threshold for each in compared if each.threshold is not None}
    ordered = sorted(stated, key=lambda each: (each.value, each.metric, each.evidence))
    if not ordered:
        return None
    first, last = ordered[0], ordered[-1]
    if (first.value, first.metric) != (last.value, last.metric):
        raise EmbeddingError(
            f"the embeddings state different thresholds: {_evidence(first)} and {_evidence(last)}; "
            "state the one to decide by: threshold=..."
        )
    return first


def joined(
    several: Sequence[Embeddings], error: type[NpfacenetError] = EmbeddingError
) -> Embeddings:
    """Concatenate Embeddings, with the threshold on which they agree.

    Raises FingerprintError and EmbeddingError for embeddings that cannot be compared and for
    thresholds that differ, `error` if a model's embeddings are mixed with bare arrays.
    """
    first = several[0]
    for other in several:
        comparable(first, other)
    if any(e.fingerprint != first.fingerprint for e in several):
        raise error(
            "this mixes embeddings of a model with bare arrays, which may be of any model; embed "
            "all of them with one"
        )
    values = np.concatenate([e.values for e in several])
    sources = tuple(name for e in several for name in e.sources)
    faces = tuple(face for e in several for face in e.faces)
    return replace(
        first,
        values=values,
        threshold=agreed_threshold(several),
        sources=sources if len(sources) == len(values) else (),
        positions=(),  # of several calls
        faces=faces if len(faces) == len(values) else (),
        skipped=(),
    )


def checked_distance(value: object, what: str = "a threshold") -> float:
    """Return the value as a float >= 0; raise ArgumentError for anything else.

    >>> checked_distance(-0.0)
    0.0
    """
    number = finite_number(value)
    if number is None or number < 0:
        raise ArgumentError(f"{what} is a finite distance >= 0, not {quoted(value)}")
    return abs(number)


def _differ(a: Embeddings, b: Embeddings, first: str, second: str) -> str:
    """Say why embeddings with these fingerprints cannot be compared."""
    if a.preparation is not None and b.preparation is not None and a.preparation != b.preparation:
        return (
            f"embeddings of pictures that were prepared differently ({a.preparation}; "
            f"{b.preparation}) cannot be compared: embed both with the same detect= or crop= "
            "(--detect, --crop)"
        )
    return (
        f"embeddings of different models cannot be compared (fingerprints {first} and {second}): "
        "network, variant, weights and preprocessing must be the same"
    )


def _evidence(threshold: Threshold) -> str:
    metric = "" if is_for_distances(threshold) else f", {shortened(threshold.metric, 60)}"
    return f"{threshold.value:g}{metric} ({shortened(threshold.evidence, 120)})"
