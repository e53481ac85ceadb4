"""From pictures to embeddings without a look at what they show: views are flat or dark at times."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import WeightsError
from npfacenet.images import central_square, preprocessing, resize
from npfacenet.inference import Plan
from npfacenet.inference.batching import TOGETHER, largest_batch
from npfacenet.threads.cores import threads as threads_to_use
from npfacenet.threads.sharing import in_batches

if TYPE_CHECKING:
    from npfacenet.models.model import Model

Picture = npt.NDArray[np.uint8]


def embed_views(model: Model, views: Iterable[Picture]) -> npt.NDArray[np.float32]:
    """The embeddings (N, D) of uint8 arrays (H, W, 3), as `Model.embed` makes them.

    Pictures without contrast are not refused: training makes such views of pictures that have
    some, and must not end with them. Raises WeightsError if the weights give no vectors of unit
    length.
    """
    cores, size = threads_to_use(None), TOGETHER
    if isinstance(views, Sized) and len(views):
        size = largest_batch(len(views), cores)

    def work(batch: list[Picture], threads: int) -> npt.NDArray[np.float32]:
        inputs = [scaled(square(view, model.card), model.card) for view in batch]
        return directions(model.plan, np.concatenate(inputs), model.card, threads)

    found = in_batches(views, work, size=size, threads=cores)
    return np.concatenate([np.empty((0, model.card.outputs), np.float32), *found])


def square(picture: Picture, card: Card) -> Picture:
    """The central square of a picture, at the size of a network's input."""
    filter_ = preprocessing(card.preprocessing).resize_filter
    return resize(central_square(picture), card.input_size, filter_)


def scaled(picture: Picture, card: Card) -> npt.NDArray[np.float32]:
    """A picture of the size of a network's input, as a batch of one."""
    return preprocessing(card.preprocessing).scale(picture[np.newaxis])


def directions(
    plan: Plan, inputs: npt.NDArray[np.float32], card: Card, threads: int
) -> npt.NDArray[np.float32]:
    """The embeddings of a batch; WeightsError if the parameters give no directions."""
    embeddings = plan.run(inputs, threads=threads)
    with np.errstate(all="ignore"):  # what overflows is refused below
        lengths = np.linalg.norm(embeddings, axis=1)
    if not np.all(np.abs(lengths - 1) < 1e-3):
        raise WeightsError(
            f"the weights ({card.source}) give embeddings that are not of unit length "
            f"({lengths.min():g} to {lengths.max():g}); they are damaged, or "
            "the network is not trained"
        )
    return embeddings
