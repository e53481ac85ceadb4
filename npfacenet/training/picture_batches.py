"""Batches of varied pictures of people, with a teacher's embeddings if there is a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npfacenet.images import Preprocessing, resize
from npfacenet.models import Model
from npfacenet.models.view_embeddings import embed_views
from npfacenet.threads.blas import single_threaded
from npfacenet.training.augmentation import Augmentation
from npfacenet.training.batch import Batch, prefetched
from npfacenet.training.picture_store import PictureStore
from npfacenet.training.sampling import IdentitySampler


@dataclass(frozen=True)
class PictureBatches:
    """Batch i follows from `seed` and i alone, so a run can resume at any batch.

    A view is drawn at the size of the store. The `teacher` is shown it at that size, cut out as
    the pupil's preparation says and not as its own card does; the pupil gets it resized to `size`
    pixels and scaled.
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
        """Return the batches from `start` up to `stop`, prepared in a background thread."""
        return prefetched(self.batch, start, stop)
