"""Preparing a picture for a network, and running the network on prepared pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import WeightsError
from npfacenet.images import central_square, preprocessing, resize
from npfacenet.inference import Plan
from npfacenet.networks import Outputs, sole

Picture = npt.NDArray[np.uint8]

MOST_TOGETHER = 256
"""Faces that the network is given at once."""


def square(picture: Picture, card: Card) -> Picture:
    """Return the central square of a picture, resized to the network's input size."""
    filter_ = preprocessing(card.preprocessing).resize_filter
    return resize(central_square(picture), card.input_size, filter_)


def scaled(picture: Picture, card: Card) -> npt.NDArray[np.float32]:
    """Return a picture of the network's input size as a batch of one, float32 (1, S, S, 3)."""
    return preprocessing(card.preprocessing).scale(picture[np.newaxis])


def embedded(
    plan: Plan[Outputs], inputs: Sequence[npt.NDArray[np.float32]], card: Card, threads: int
) -> npt.NDArray[np.float32]:
    """Return the embeddings (N, D) of inputs (1, S, S, 3); raises as `directions`."""
    values = [np.empty((0, card.outputs), np.float32)]
    for start in range(0, len(inputs), MOST_TOGETHER):  # a photograph may show hundreds
        some = np.concatenate(inputs[start : start + MOST_TOGETHER])
        values.append(directions(plan, some, card, threads))
    return values[1] if len(values) == 2 else np.concatenate(values)


def directions(
    plan: Plan[Outputs], inputs: npt.NDArray[np.float32], card: Card, threads: int
) -> npt.NDArray[np.float32]:
    """Run the network on a batch (N, S, S, 3) and return its embeddings (N, D).

    Raises WeightsError if they are not of unit length.
    """
    embeddings = sole(plan.run(inputs, threads=threads))
    with np.errstate(all="ignore"):  # what overflows is refused below
        lengths = np.linalg.norm(embeddings, axis=1)
    if not np.all(np.abs(lengths - 1) < 1e-3):
        raise WeightsError(
            f"the weights ({card.source}) give embeddings that are not of unit length "
            f"({lengths.min():g} to {lengths.max():g}); they are damaged, or "
            "the network is not trained"
        )
    return embeddings
