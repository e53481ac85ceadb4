"""A network, its parameters, and its card: pictures in, embeddings out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.card import Card
from npfacenet.checkpoints.fingerprint import fingerprint
from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import ImageSource, describe, prepare, preprocessing, read
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.networks import Network, NetworkParameters, ParameterName

Progress: TypeAlias = Callable[[str, int, int | None], None]


@dataclass(frozen=True, eq=False)
class Model:
    """A face recognition network that is ready for use.

    `parameters` are read-only float32 arrays by (layer, parameter); `checksums` are theirs
    where they are known already (else they are worked out when first needed). A model keeps
    no state between calls: it may be used from several threads, and pickled.
    """

    network: Network
    parameters: NetworkParameters = field(repr=False)
    card: Card
    checksums: Mapping[ParameterName, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        frozen = {name: tensor.view() for name, tensor in self.parameters.items()}
        for tensor in frozen.values():
            tensor.flags.writeable = False
        object.__setattr__(self, "parameters", MappingProxyType(frozen))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[object, ...]]:
        return Model, (self.network, dict(self.parameters), self.card, self.checksums)

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits for all that determines an embedding (`fingerprint.py`)."""
        return fingerprint(self.parameters, self.card, self.checksums)

    def embed(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        channel_order: Literal["rgb", "bgr"] = "rgb",
        on_error: Literal["raise", "skip"] = "raise",
        batch_size: int = 16,
        progress: Progress | None = None,
    ) -> Embeddings:
        """Turn pictures of faces into vectors of unit length.

        `images`: a path, the bytes of a picture file, a PIL image, a uint8 array (H, W, 3),
        or several of these. No face is looked for: each picture is taken as a face that is
        cropped already, and one that is not square is cropped to its central square.
        `channel_order` is that of arrays ("bgr" for OpenCV's). `on_error="skip"` leaves out
        pictures that cannot be read and lists them in `skipped`. `progress` is called as
        progress("embedding", done, total), total None if unknown.

        Returns Embeddings (N, D). Raises ImageError naming the first picture that cannot
        be read, ArgumentError for an option that there is not.
        """
        if on_error not in ("raise", "skip"):
            raise ArgumentError(f"on_error is 'raise' or 'skip', not {on_error!r}")
        if batch_size < 1:
            raise ArgumentError(f"batch_size must be at least 1, not {batch_size}")
        sources = _each(images)
        total = len(sources) if isinstance(sources, Sized) else None

        rows, batch, names, skipped = [], [], [], []
        for position, source in enumerate(sources):
            name = describe(source, position)
            try:
                batch.append(self._prepare(read(source, channel_order=channel_order)))
            except ImageError as error:
                if on_error == "raise":
                    raise
                skipped.append(Skipped(name, str(error)))
            else:
                names.append(name)
            if len(batch) == batch_size:
                rows.append(self.network.forward(self.parameters, np.concatenate(batch)))
                batch.clear()
            if progress is not None:
                progress("embedding", position + 1, total)
        if batch or not rows:
            last = np.concatenate([*batch, np.empty((0, *self.network.input_shape), np.float32)])
            rows.append(self.network.forward(self.parameters, last))
        return Embeddings(
            np.concatenate(rows),
            self.fingerprint,
            self.card.threshold,
            tuple(names),
            tuple(skipped),
        )

    def _prepare(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """One decoded picture as a batch of one; large photographs are not kept."""
        return prepare([picture], self.card.input_size, preprocessing(self.card.preprocessing))


def _each(images: ImageSource | Iterable[ImageSource]) -> Iterable[ImageSource]:
    """The pictures one by one, whether one was given or several."""
    if isinstance(images, np.ndarray):
        return images if images.ndim == 4 else [images]
    if isinstance(images, (str, bytes, os.PathLike)) or not isinstance(images, Iterable):
        return [images]
    return images
