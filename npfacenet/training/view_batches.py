"""Batches of views that were prepared ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.images import Preprocessing
from npfacenet.training.checks import require_kind
from npfacenet.training.learner import Batch
from npfacenet.training.picture_batches import ahead
from npfacenet.training.teacher_views import Views


@dataclass(frozen=True)
class Source:
    """Views, and how many of them are in each batch."""

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
        """The indices of the views in a batch (each,): in an epoch every view comes once, but for
        a rest. `seed` is the beginning of a seed, to which the epoch's number is added.
        """
        epoch, place = divmod(number, len(self.views) // self.each)
        order = np.random.default_rng([*seed, epoch]).permutation(len(self.views))
        return order[place * self.each : (place + 1) * self.each]


@dataclass(frozen=True)
class ViewBatches:
    """Batch number i, always the same: it follows from the seed and its number.

    Sources are mixed, so that every shard of a batch has its share of each. Half of the views are
    mirrored: a teacher's embedding hardly tells a face from its mirror image.
    """

    sources: tuple[Source, ...]
    scaling: Preprocessing
    seed: int

    def batch(self, number: int) -> Batch:
        """The views of one batch, scaled, float32 (N, S, S, 3), with their targets (N, D)."""
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
        """Batches from `start` up to `stop`."""
        return ahead(self.batch, start, stop)
