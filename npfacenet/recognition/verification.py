"""Verification (1:1): do two pictures show the same person?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from npfacenet.cards import METRIC
from npfacenet.errors import EmbeddingError
from npfacenet.models import Embeddings
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.distance import distances, threshold_for, within


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
    a: Embeddings | npt.ArrayLike, b: Embeddings | npt.ArrayLike, *, threshold: float | None = None
) -> Verification:
    """Decide whether two embeddings show one person; swapping them changes nothing.

    `a` and `b` are what `Model.embed` returns for one picture each, or bare vectors (D,), which
    need a `threshold`. Without one, that of the model's card decides.

    >>> verify([0.6, 0.8], [0.8, 0.6], threshold=0.3).same
    True

    Raises FingerprintError if different models made them; EmbeddingError for anything but one
    finite vector each, if there is no threshold, and if the two state different ones;
    ArgumentError for an impossible threshold.
    """
    one, other = one_embedding(a), one_embedding(b)
    distance = float(distances(one, other)[0, 0])
    limit = threshold_for(threshold, one, other)
    return Verification(within(distance, limit), distance, limit)


def one_embedding(given: Embeddings | npt.ArrayLike, several: str = "pick a row") -> Embeddings:
    """Return the embedding of one picture; raise EmbeddingError, with the remedy, for several."""
    embedding = Embeddings.of(given)
    if len(embedding) != 1:
        raise EmbeddingError(
            f"one embedding is compared here, not {len(embedding)}; "
            f"{several if len(embedding) else 'no picture was embedded'}"
        )
    return embedding
