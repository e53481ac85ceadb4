"""1:K: whom, of those in a gallery, does a picture show?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy.typing as npt

from npfacenet.checkpoints.card import METRIC
from npfacenet.models import Embeddings
from npfacenet.recognition.distance import distances, threshold_for, within
from npfacenet.recognition.gallery import Gallery
from npfacenet.recognition.verification import one_embedding


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery, at the distance of the nearest of their embeddings."""

    name: str
    distance: float


@dataclass(frozen=True)
class Identification:
    """Who it is, and who else it might have been.

    `match` is the name of the best candidate if within the threshold, else None: unknown.
    `candidates` are all people of the gallery, nearest first. `margin` is how much farther
    the runner-up is than the best (None with fewer than two): a small one means doubt.
    """

    match: str | None
    candidates: tuple[Candidate, ...]
    margin: float | None
    threshold: float
    metric: str = METRIC


def identify(
    probe: Embeddings | npt.ArrayLike,
    gallery: Gallery | Mapping[str, Embeddings | npt.ArrayLike],
    *,
    threshold: float | None = None,
) -> Identification:
    """Find the person of a gallery whom a probe shows, or that it is none of them.

    `gallery`: a Gallery, or a mapping of names to one or several embeddings. The threshold
    is that of the model's card unless stated; bare arrays need one stated.

    >>> found = identify([0.6, 0.8], {"anna": [1, 0], "bert": [0, 1]}, threshold=0.7)
    >>> found.match, [candidate.name for candidate in found.candidates]
    ('bert', ['bert', 'anna'])
    >>> identify([0.6, 0.8], {}, threshold=0.7).match is None
    True

    Raises what `verify` raises.
    """
    one = one_embedding(probe)
    known = gallery if isinstance(gallery, Gallery) else Gallery.of(gallery)
    if known.embeddings is None:
        return Identification(None, (), None, threshold_for(threshold, one))
    to_each = distances(one, known.embeddings)[0]
    limit = threshold_for(threshold, one, known.embeddings)
    nearest: dict[str, float] = {}
    for name, distance in zip(known.names, to_each, strict=True):
        nearest[name] = min(float(distance), nearest.get(name, float("inf")))
    ranked = sorted((distance, name) for name, distance in nearest.items())
    candidates = tuple(Candidate(name, distance) for distance, name in ranked)
    match = candidates[0].name if candidates and within(candidates[0].distance, limit) else None
    margin = candidates[1].distance - candidates[0].distance if len(candidates) > 1 else None
    return Identification(match, candidates, margin, limit)
