"""Batches, made by a background thread while the network learns from the ones before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from npfacenet.images import Preprocessing, resize
from npfacenet.models import Model
from npfacenet.models.view_embeddings import embed_views
from npfacenet.threads.blas import single_threaded
from npfacenet.training.augmentation import Augmentation
from npfacenet.training.identity_folder import PictureStore
from npfacenet.training.learner import Batch
from npfacenet.training.sampling import IdentitySampler

AHEAD = 2


@dataclass(frozen=True)
class PictureBatches:
    """Batch number i, always the same: it follows from the seed and its number.

    A `teacher` is shown the same views, at the size they are drawn in; the pupil's are scaled
    from it. Neither writes to the other's.
    """

    store: PictureStore
    sampler: IdentitySampler
    augmentation: Augmentation
    size: int
    scaling: Preprocessing
    seed: int
    teacher: Model | None = None

    def batch(self, number: int) -> Batch:
        """Draw the views of one batch."""
        chosen = self.sampler.batch(number)
        views = [
            self.store.view(
                int(i), self.augmentation, np.random.default_rng([self.seed, number, k])
            )
            for k, i in enumerate(chosen)
        ]
        pictures = np.stack([resize(view, self.size, "bilinear") for view in views])
        labels = np.array(self.sampler.labels)[chosen]
        taught = None
        if self.teacher is not None:
            with single_threaded():  # or the bits depend on whether a step is under way
                taught = embed_views(self.teacher, views)
        return Batch(self.scaling.scale(pictures), labels, taught)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Batches from `start` up to `stop`, each begun two before it is needed."""
        return ahead(self.batch, start, stop)


def ahead(make: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
    """The batches with these numbers, made by a thread of their own up to two ahead."""
    with ThreadPoolExecutor(1, "npfacenet-feed") as pool:
        coming = (pool.submit(make, number) for number in range(start, stop))
        waiting = deque(islice(coming, AHEAD))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(islice(coming, 1))
                yield batch
        finally:
            for future in waiting:
                future.cancel()
