"""From a picture to a network's input, and from its output to directions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import WeightsError
from npfacenet.images import central_square, preprocessing, resize
from npfacenet.inference import Plan

Picture = npt.NDArray[np.uint8]


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
