"""1:1: do two pictures show the same person?"""

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
    """The decision, and what it rests on: `same` is `distance <= threshold`.

    Its truth value is the decision, so that `if verify(a, b):` means what it says.
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
    """Decide whether two embeddings are of one person; the same whichever comes first.

    `a`, `b`: what `Model.embed` gives for one picture each, or bare vectors (D,), which
    need an explicit `threshold`. Without one, that of the model's card decides.

    >>> verify([0.6, 0.8], [0.8, 0.6], threshold=0.3).same
    True

    Raises FingerprintError if different models made them; EmbeddingError for anything but
    one finite vector each, without a threshold, or if the two state different ones;
    ArgumentError for an impossible one.
    """
    one, other = one_embedding(a), one_embedding(b)
    distance = float(distances(one, other)[0, 0])
    limit = threshold_for(threshold, one, other)
    return Verification(within(distance, limit), distance, limit)


def one_embedding(given: Embeddings | npt.ArrayLike, several: str = "pick a row") -> Embeddings:
    """The embedding of one picture; EmbeddingError, with the remedy, if there are several."""
    embedding = Embeddings.of(given)
    if len(embedding) != 1:
        raise EmbeddingError(
            f"one embedding is compared here, not {len(embedding)}; "
            f"{several if len(embedding) else 'no picture was embedded'}"
        )
    return embedding
