"""What a model makes of its pictures, batch by batch, and all of it together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of, is_whole
from npfacenet.cards import Card
from npfacenet.errors import ArgumentError, quoted
from npfacenet.images import ImageSource
from npfacenet.images.pillow import import_pillow
from npfacenet.inference.batching import TOGETHER
from npfacenet.inference.batching import batch_size as batch_size_for
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.face_options import FaceOptions
from npfacenet.models.picture_reading import Look, OnError, PictureReader, PreparedPictures
from npfacenet.progress import Progress
from npfacenet.recipes.preparation import Preparation
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.sharing import in_batches

if TYPE_CHECKING:
    from npfacenet.faces.detector import Detector

SEARCHED_TOGETHER = 2
"""Photographs that a thread searches before it embeds them; with 4, progress came too rarely."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedBatch:
    """The embeddings (N, D) of a batch, and the pictures that they were made of."""

    values: npt.NDArray[np.float32]
    pictures: PreparedPictures


@dataclass(frozen=True)
class EmbeddedBatches:
    """Batches as they are made, and what all of them share."""

    each: Iterator[EmbeddedBatch]
    card: Card
    preparation: Preparation
    fingerprint: str

    def embeddings_of(
        self, values: npt.NDArray[np.float32], pictures: PreparedPictures
    ) -> Embeddings:
        """Return the embeddings (N, D) of some pictures."""
        return Embeddings(
            values,
            self.fingerprint,
            self.card.threshold_for(self.preparation),
            tuple(pictures.names),
            tuple(pictures.skipped),
            tuple(pictures.positions),
            tuple(pictures.faces),
            self.preparation,
        )


@dataclass(frozen=True, eq=False)
class Embedder:
    """Embeds pictures batch by batch, as `Model.embed` describes.

    `load` loads a detector, `forward` turns inputs (1, S, S, 3) into vectors (N, D) with so many
    threads, `fingerprint_of` is `Model.fingerprint_of`.
    """

    card: Card
    load: Callable[[str | os.PathLike[str]], Detector]
    forward: Callable[[list[npt.NDArray[np.float32]], int], npt.NDArray[np.float32]]
    fingerprint_of: Callable[[Preparation], str]

    def batches(
        self,
        sources: Iterable[ImageSource],
        options: FaceOptions,
        channel_order: Literal["rgb", "bgr"] = "rgb",
        on_error: OnError = "raise",
        *,
        batch_size: int = TOGETHER,
        threads: int | None = None,
        look: Look | None = None,
    ) -> EmbeddedBatches:
        """Return the batches, each read and embedded when it is needed.

        `look` sees each photograph that is embedded, while it is in memory; the other options are
        those of `Model.embed`.
        """
        cores = threads_to_use(threads)
        import_pillow()
        ready = options.ready_for(self.card, self.load)
        together = batch_size if ready.cropper is None else min(batch_size, SEARCHED_TOGETHER)
        size = batch_size_for(sources, cores, together)
        reader = PictureReader(self.card, ready, channel_order, on_error, look)

        def embed_batch(batch: list[tuple[int, ImageSource]], threads: int) -> EmbeddedBatch:
            pictures = reader.read(batch, threads)
            return EmbeddedBatch(self.forward(pictures.inputs, threads), pictures)

        each = in_batches(enumerate(sources), embed_batch, size=size, threads=cores)
        made_by = self.fingerprint_of(ready.preparation)
        return EmbeddedBatches(each, self.card, ready.preparation, made_by)


def gathered(batches: EmbeddedBatches, report: Progress, total: int | None) -> Embeddings:
    """Return all batches as one, reporting each of the `total` pictures when it is done."""
    values = [np.empty((0, batches.card.outputs), np.float32)]
    whole, done = PreparedPictures(0), 0
    for batch in batches.each:
        values.append(batch.values)
        for one in batch.pictures.skipped:
            _log.warning("skipped %s", one.reason)
        for _ in range(batch.pictures.count):
            done += 1
            report("embedding", done, total)
        for name in ("names", "positions", "faces", "skipped"):
            getattr(whole, name).extend(getattr(batch.pictures, name))
    return batches.embeddings_of(np.concatenate(values), whole)


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
