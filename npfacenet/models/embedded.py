"""What a model makes of its pictures, batch by batch, and all of it together."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of, is_whole
from npfacenet.cards import Card
from npfacenet.errors import ArgumentError, quoted
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.picture_reading import OnError, PreparedPictures
from npfacenet.progress import Progress
from npfacenet.recipes.preparation import Preparation

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedBatch:
    """The embeddings (N, D) of a batch, and the pictures that they were made of."""

    values: npt.NDArray[np.float32]
    pictures: PreparedPictures


def gathered(
    batches: Iterable[EmbeddedBatch],
    card: Card,
    preparation: Preparation,
    fingerprint: str,
    report: Progress,
    total: int | None,
) -> Embeddings:
    """Return all batches as one, reporting each of the `total` pictures when it is done."""
    values = [np.empty((0, card.outputs), np.float32)]
    whole, done = PreparedPictures(0), 0
    for batch in batches:
        values.append(batch.values)
        for one in batch.pictures.skipped:
            _log.warning("skipped %s", one.reason)
        for _ in range(batch.pictures.count):
            done += 1
            report("embedding", done, total)
        for name in ("names", "positions", "faces", "skipped"):
            getattr(whole, name).extend(getattr(batch.pictures, name))
    return Embeddings(
        np.concatenate(values),
        fingerprint,
        card.threshold_for(preparation),
        tuple(whole.names),
        tuple(whole.skipped),
        tuple(whole.positions),
        tuple(whole.faces),
        preparation,
    )


def require_options(
    channel_order: object, on_error: object, batch_size: object, progress: object
) -> None:
    """Raise ArgumentError for an option of `Model.embed` that cannot be used."""
    if not is_one_of(on_error, *get_args(OnError)):
        raise ArgumentError(
            f"on_error is one of {', '.join(get_args(OnError))}, not {quoted(on_error)}"
        )
    if not is_one_of(channel_order, "rgb", "bgr"):
        raise ArgumentError(f"channel_order must be 'rgb' or 'bgr', not {quoted(channel_order)}")
    if not is_whole(batch_size, low=1):
        raise ArgumentError(f"batch_size is a whole number of at least 1, not {quoted(batch_size)}")
    if progress is not None and not callable(progress):
        raise ArgumentError(f"progress must be callable, not {quoted(progress)}")
