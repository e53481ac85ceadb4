"""Verification (1:1): do two pictures show the same person?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of
from npfacenet.cards import METRIC
from npfacenet.errors import ArgumentError, EmbeddingError, quoted
from npfacenet.models import Embeddings
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.distance import distances, threshold_for, within

By: TypeAlias = Literal["best", "mean"]
"""Which of a person's pictures count: the nearest, or the mean of all."""
_SHORTEST_MEAN = 1e-6


@dataclass(frozen=True)
class Verification(JsonReady):
    """The decision and its grounds: `same` is `distance <= threshold`.

    Its truth value is the decision, so `if verify(a, b):` works as expected.
    """

    same: bool
    distance: float
    threshold: float
    metric: str = METRIC

    def __bool__(self) -> bool:
        return bool(self.same)


def verify(
    a: Embeddings | npt.ArrayLike,
    b: Embeddings | npt.ArrayLike,
    *,
    threshold: float | None = None,
    by: By = "best",
) -> Verification:
    """Decide whether two embeddings show one person; swapping them changes nothing.

    `a` and `b` are what `Model.embed` returns for one picture each, or bare vectors (D,), which
    need a `threshold`. Without one, that of the model's card decides.

    >>> verify([0.6, 0.8], [0.8, 0.6], threshold=0.3).same
    True

    Either may be several pictures of a person, (N, D). Then the nearest two decide, so that more
    pictures mean more matches, false ones too; or, with `by="mean"`, the distance between the means
    of each side, scaled to unit length.

    >>> anna = [[0.6, 0.8], [1.0, 0.0]]
    >>> [round(verify(anna, [0, 1], threshold=1, by=by).distance, 3) for by in ("best", "mean")]
    [0.632, 1.051]

    Raises FingerprintError if different models made them; EmbeddingError for anything but finite
    vectors, at least one each, if there is no threshold, if the two state different ones, and for
    vectors without a mean direction; ArgumentError for an impossible threshold or `by`.
    """
    one, other = some_embeddings(a), some_embeddings(b)
    require_by(by)
    if by == "mean" and max(len(one), len(other)) > 1:
        one, other = mean_of(one), mean_of(other)
    distance = float(distances(one, other).min())
    limit = threshold_for(threshold, one, other)
    return Verification(within(distance, limit), distance, limit)


def require_by(by: object) -> None:
    """Raise ArgumentError unless it is one of `By`."""
    if not is_one_of(by, *get_args(By)):
        raise ArgumentError(f"by is one of {', '.join(get_args(By))}, not {quoted(by)}")


def some_embeddings(given: Embeddings | npt.ArrayLike) -> Embeddings:
    """Return embeddings of one person; raise EmbeddingError if there are none."""
    embeddings = Embeddings.of(given)
    if not len(embeddings):
        raise EmbeddingError("no picture was embedded on one side, so nothing can be compared")
    return embeddings


def mean_of(embeddings: Embeddings) -> Embeddings:
    """Return the mean of embeddings (N, D), scaled to unit length, as one (1, D).

    Raises EmbeddingError if they cancel out.
    """
    mean = embeddings.values.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if length < _SHORTEST_MEAN:
        raise EmbeddingError("these embeddings cancel out: their mean has no direction")
    values = (mean / length).astype(np.float32)[None]
    return replace(embeddings, values=values, sources=(), faces=(), positions=(), skipped=())


def one_embedding(given: Embeddings | npt.ArrayLike, several: str = "pick a row") -> Embeddings:
    """Return the embedding of one picture; raise EmbeddingError, with the remedy, for several."""
    embedding = Embeddings.of(given)
    if len(embedding) != 1:
        raise EmbeddingError(
            f"one embedding is compared here, not {len(embedding)}; "
            f"{several if len(embedding) else 'no picture was embedded'}"
        )
    return embedding
