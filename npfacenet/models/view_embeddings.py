"""Embedding views without checking their contrast."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from npfacenet.inference.batching import batch_size
from npfacenet.models.model import Model
from npfacenet.models.network_inputs import Picture, directions, scaled, square
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.sharing import in_batches


def embed_views(model: Model, views: Iterable[Picture]) -> npt.NDArray[np.float32]:
    """Embed uint8 arrays (H, W, 3) as `Model.embed` does, without the check of their contrast.

    Training makes views without contrast from pictures that have some, and must not stop at them.
    Returns float32 (N, D). Raises WeightsError if the weights give no vectors of unit length.
    """
    cores = threads_to_use(None)

    def work(batch: list[Picture], threads: int) -> npt.NDArray[np.float32]:
        inputs = [scaled(square(view, model.card), model.card) for view in batch]
        return directions(model.plan, np.concatenate(inputs), model.card, threads)

    found = in_batches(views, work, size=batch_size(views, cores), threads=cores)
    return np.concatenate([np.empty((0, model.card.outputs), np.float32), *found])
