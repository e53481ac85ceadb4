"""Identification (1:K): which person of a gallery does a picture show?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_whole
from npfacenet.cards import METRIC
from npfacenet.errors import ArgumentError, GalleryError, listed, quoted
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.made_by import one_set
from npfacenet.gallery.searchable import Searchable
from npfacenet.models import Embeddings
from npfacenet.models.json_ready import JsonReady
from npfacenet.models.made_by import MadeBy, require_comparable
from npfacenet.recognition.distance import threshold_for, within
from npfacenet.recognition.verification import By, one_embedding, require_by
from npfacenet.threads.cores import threads_to_use

Known: TypeAlias = "Gallery | Mapping[str, Embeddings | npt.ArrayLike]"
SHOWN = 3
NEAREST = 5
"""How many candidates a result lists, unless the caller asks for others."""


@dataclass(frozen=True)
class Candidate(JsonReady):
    """A person of the gallery, and the distance of the nearest of their embeddings, or the mean."""

    name: str
    distance: float


@dataclass(frozen=True)
class Identification(JsonReady):
    """The result of a search: the match, if there is one, and the nearest candidates.

    `match` is the name of the nearest candidate if it is within the threshold, else None: unknown.
    `candidates` are the nearest people of the gallery, nearest first. `margin` is the distance of
    the second candidate minus that of the first (None with fewer than two); a small margin means
    doubt.

    Its truth value is whether there is a match.
    """

    match: str | None
    candidates: tuple[Candidate, ...]
    margin: float | None
    threshold: float
    metric: str = METRIC

    def __bool__(self) -> bool:
        return self.match is not None

    def __repr__(self) -> str:
        nearest = [f"{quoted(c.name, 60)} {c.distance:.3f}" for c in self.candidates[: SHOWN + 1]]
        names = [*nearest, *[""] * (len(self.candidates) - len(nearest))]
        who = "unknown" if self.match is None else f"match {quoted(self.match, 60)}"
        return (
            f"<Identification {who}, threshold {self.threshold:g}, "
            f"candidates: {listed(names, SHOWN) or 'nobody'}>"
        )


def identify(
    probe: Embeddings | npt.ArrayLike,
    gallery: Known,
    *,
    threshold: float | None = None,
    nearest: int = NEAREST,
    by: By = "best",
) -> Identification:
    """Find the person of a gallery whom a probe shows, or report that it is unknown.

    `gallery` is a Gallery, or a mapping of names to one or several embeddings. Without
    `threshold`, that of the model's card decides; bare arrays need one. The result lists the
    `nearest` people. The distance from a person is that of the nearest of their embeddings; with
    `by="mean"`, that of their mean, scaled to unit length.

    >>> found = identify([0.6, 0.8], {"anna": [1, 0], "bert": [0, 1]}, threshold=0.7)
    >>> found.match, [candidate.name for candidate in found.candidates]
    ('bert', ['bert', 'anna'])
    >>> identify([0.6, 0.8], {}, threshold=0.7).match is None
    True

    Raises what `verify` raises, and GalleryError for another type of gallery.
    """
    one = one_embedding(probe, "pick a row, or pass all of them to identify_all")
    return identify_all(one, gallery, threshold=threshold, nearest=nearest, by=by)[0]


def identify_all(
    probes: Embeddings | npt.ArrayLike | Sequence[Embeddings],
    gallery: Known,
    *,
    threshold: float | None = None,
    nearest: int = NEAREST,
    by: By = "best",
    threads: int | None = None,
) -> tuple[Identification, ...]:
    """Identify each of several probes; the results are in their order.

    `probes` are Embeddings (N, D), a bare array (N, D), or a list of Embeddings of one model. All
    cores are used unless `threads` says otherwise.

    >>> found = identify_all([[0.6, 0.8], [1, 0]], {"anna": [1, 0]}, threshold=0.7)
    >>> [each.match for each in found]
    [None, 'anna']

    Raises what `identify` raises.
    """
    if not is_whole(nearest, low=1):
        raise ArgumentError(f"nearest is a whole number of at least 1, not {quoted(nearest)}")
    require_by(by)
    several = one_set(probes, threshold)
    known = _searchable(gallery, threshold)
    if (made := known.made) is None:
        nobody = Identification(None, (), None, threshold_for(threshold, several))
        return (nobody,) * len(several)
    require_comparable(several.made_by, made)
    limit = threshold_for(threshold, several, _example(made))
    known = known.of_means() if by == "mean" else known
    found = known.nearest(several.values, max(2, int(nearest)), threads_to_use(threads))
    return tuple(_decided(each, limit, int(nearest)) for each in found)


def _example(made: MadeBy) -> Embeddings:
    """Return an embedding that states these facts."""
    zeros = np.zeros((1, made.numbers), np.float32)
    return Embeddings(zeros, made.fingerprint, made.threshold, preparation=made.preparation)


def _searchable(gallery: Known, decided: float | None) -> Searchable:
    if isinstance(gallery, Gallery):
        return gallery.searchable()
    if not isinstance(gallery, Mapping):
        raise GalleryError(
            f"a gallery is a Gallery, or a mapping of names to embeddings, not {quoted(gallery)}"
        )
    return Searchable.of(gallery, decided)


def _decided(ranked: Sequence[tuple[float, str]], limit: float, nearest: int) -> Identification:
    candidates = tuple(Candidate(name, distance) for distance, name in ranked)
    match = candidates[0].name if candidates and within(candidates[0].distance, limit) else None
    margin = candidates[1].distance - candidates[0].distance if len(candidates) > 1 else None
    return Identification(match, candidates[:nearest], margin, limit)
