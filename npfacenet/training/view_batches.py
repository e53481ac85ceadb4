"""Batches of prepared views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images import Preprocessing
from npfacenet.training.batch import Batch, prefetched
from npfacenet.training.checks import require_kind
from npfacenet.training.teacher_views import Views


@dataclass(frozen=True)
class Source:
    """Views, and how many of them each batch holds.

    Raises ArgumentError unless `each` is a whole number from 1 to the number of views.
    """

    views: Views
    each: int

    def __post_init__(self) -> None:
        require_kind("views", self.views, Views)
        if type(self.each) is not int or not 1 <= self.each <= len(self.views):
            raise ArgumentError(
                f"a batch holds a whole number of 1 to {len(self.views)} of these views, not "
                f"{quoted(self.each)}"
            )

    def chosen(self, number: int, seed: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Return the indices of the views in a batch: (each,).

        In an epoch each view is used once, except for an incomplete last batch. The epoch's number
        is appended to `seed`.
        """
        epoch, place = divmod(number, len(self.views) // self.each)
        order = np.random.default_rng([*seed, epoch]).permutation(len(self.views))
        return order[place * self.each : (place + 1) * self.each]


@dataclass(frozen=True)
class ViewBatches:
    """Batch i follows from `seed` and i alone, so a run can resume at any batch.

    The views of all sources are shuffled together, so that every shard of a batch has its share
    of each. Half of the views are mirrored: a teacher's embeddings of a face and of its mirror
    image are nearly the same.
    """

    sources: tuple[Source, ...]
    scaling: Preprocessing
    seed: int

    def batch(self, number: int) -> Batch:
        """Return one batch: scaled views, float32 (N, S, S, 3), with their targets (N, D)."""
        pictures, targets = [], []
        for i, source in enumerate(self.sources):
            chosen = source.chosen(number, [self.seed, 1, i])
            pictures.append(source.views.pictures[chosen])
            targets.append(source.views.targets[chosen])
        rng = np.random.default_rng([self.seed, 2, number])
        order = rng.permutation(sum(map(len, pictures)))
        views = np.concatenate(pictures)[order]
        mirrored = rng.random(len(views)) < 0.5
        views[mirrored] = views[mirrored, :, ::-1]
        nobody = np.zeros(len(views), np.intp)
        return Batch(self.scaling.scale(views), nobody, np.concatenate(targets)[order])

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Return the batches from `start` up to `stop`, prepared in a background thread."""
        return prefetched(self.batch, start, stop)
