"""What embeddings of one model share, and whether several can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from npfacenet.arguments import finite_number
from npfacenet.cards import METRIC, Preparation, Threshold
from npfacenet.errors import (
    EmbeddingError,
    FingerprintError,
    NpfacenetError,
    quoted,
    shortened,
)


@dataclass(frozen=True)
class MadeBy:
    """What all embeddings share that one model made of pictures prepared in one way.

    `numbers` is the length of each vector; the other fields are those of `Embeddings`.
    """

    numbers: int
    fingerprint: str | None
    threshold: Threshold | None
    preparation: Preparation | None


def require_comparable(a: MadeBy, b: MadeBy) -> None:
    """Raise FingerprintError for embeddings of two models or preparations.

    Raises EmbeddingError if their vectors differ in length.
    """
    if a.fingerprint is not None and b.fingerprint is not None and a.fingerprint != b.fingerprint:
        raise FingerprintError(
            _prepared_differently(a.preparation, b.preparation)
            or f"embeddings of different models cannot be compared (fingerprints "
            f"{a.fingerprint[:12]} and {b.fingerprint[:12]}): network, variant, weights and "
            "preprocessing must be the same"
        )
    if a.numbers != b.numbers:
        raise EmbeddingError(
            f"vectors of {a.numbers} and of {b.numbers} numbers cannot be compared"
        )


def agreed(several: Sequence[MadeBy], mixed: type[NpfacenetError] = EmbeddingError) -> MadeBy:
    """Return what several embeddings share.

    The threshold is the one on which all that state one agree, and so is the preparation. Raises
    FingerprintError and EmbeddingError for embeddings that cannot be compared, EmbeddingError for
    thresholds that differ and for no embeddings, and `mixed` if a model's embeddings are mixed with
    those of an unknown one.
    """
    if not several:
        raise EmbeddingError("there are no embeddings to concatenate")
    first = several[0]
    for other in several:
        require_comparable(first, other)
    if any(each.fingerprint != first.fingerprint for each in several):
        raise mixed(
            "this mixes embeddings of a model with bare arrays, which may be of any model; embed "
            "all of them with one"
        )
    stated = [*dict.fromkeys(e.preparation for e in several if e.preparation is not None)]
    if different := _prepared_differently(*stated[:2]) if len(stated) > 1 else None:
        raise FingerprintError(different)
    threshold = agreed_threshold(each.threshold for each in several)
    return MadeBy(first.numbers, first.fingerprint, threshold, stated[0] if stated else None)


def agreed_threshold(several: Iterable[Threshold | None]) -> Threshold | None:
    """Return the threshold on which all that are not None agree; None without any.

    If several share a value, the one whose evidence comes first in the alphabet is returned, so
    that their order does not matter. Raises EmbeddingError for different values or metrics.
    """
    stated = {each for each in several if each is not None}
    ordered = sorted(stated, key=lambda each: (each.value, each.metric, each.evidence))
    if not ordered:
        return None
    first, last = ordered[0], ordered[-1]
    if (first.value, first.metric) != (last.value, last.metric):
        raise EmbeddingError(
            f"the embeddings state different thresholds: {evidence_of(first)} and "
            f"{evidence_of(last)}; state the one to decide by: threshold=..."
        )
    return first


def is_for_distances(threshold: Threshold) -> bool:
    """Whether a threshold is one for the distances of this library.

    Every comparison of a card's threshold with distances asks here, or uses `limit_of`
    (`recognition/distance.py`).
    """
    return threshold.metric == METRIC


def evidence_of(threshold: Threshold) -> str:
    """Return value and evidence of a threshold for a message, and the metric if it is another."""
    metric = "" if is_for_distances(threshold) else f", {shortened(threshold.metric, 60)}"
    return f"{threshold.value:g}{metric} ({shortened(threshold.evidence, 120)})"


def require_threshold(threshold: object) -> None:
    """Raise EmbeddingError unless it is a valid Threshold."""
    if not isinstance(threshold, Threshold):
        raise EmbeddingError(
            f"the threshold of embeddings is a Threshold with its evidence, not {quoted(threshold)}"
        )
    texts: tuple[object, ...] = (threshold.evidence, threshold.metric)
    if not all(isinstance(text, str) for text in texts):
        raise EmbeddingError(f"evidence and metric of a threshold are text: {quoted(threshold)}")
    value = finite_number(threshold.value)
    if value is None or value < 0:
        raise EmbeddingError(
            f"the value of a threshold is a finite distance >= 0, not {quoted(threshold.value)}"
        )


def _prepared_differently(a: Preparation | None, b: Preparation | None) -> str | None:
    """Say that two sets of embeddings are of pictures prepared in two ways; None if not so."""
    if a is None or b is None or a == b:
        return None
    return (
        f"embeddings of pictures that were prepared differently ({a}; {b}) cannot be compared: "
        "embed both with the same detect= or crop= (--detect, --crop)"
    )
