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
from npfacenet.checkpoints.fingerprint import fingerprint, weights_digest
from npfacenet.errors import ArgumentError, ImageError, ShapeError, WeightsError
from npfacenet.images import ImageSource, describe, prepare, preprocessing, read
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.networks import Network, NetworkParameters

Progress: TypeAlias = Callable[[str, int, int | None], None]


@dataclass(frozen=True, eq=False)
class Model:
    """A face recognition network that is ready for use.

    `parameters` are the model's own read-only float32 arrays by (layer, parameter): arrays that
    could be written to are copied. `digest` is theirs where it is known already (else it is
    worked out when first needed). A model keeps no state between calls: it may be used from
    several threads, and pickled. Raises ShapeError for parameters that are not the network's.
    """

    network: Network
    parameters: NetworkParameters = field(repr=False)
    card: Card
    digest: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        specs = self.network.parameter_specs()
        if strange := specs.keys() ^ self.parameters.keys():
            raise ShapeError(f"{self.network.name} lacks, or has no, {'/'.join(min(strange))}")
        own = {}
        for name, spec in specs.items():
            tensor = np.asarray(self.parameters[name], np.float32)
            if tensor.shape != spec.shape:
                raise ShapeError(
                    f"{'/'.join(name)} must have shape {spec.shape}, not {tensor.shape}"
                )
            if tensor.flags.writeable:
                tensor = tensor.copy()
                tensor.flags.writeable = False
            own[name] = tensor
        object.__setattr__(self, "parameters", MappingProxyType(own))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[object, ...]]:
        return Model, (self.network, dict(self.parameters), self.card, self.digest)

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits for all that determines an embedding (`fingerprint.py`)."""
        digest = weights_digest(self.parameters) if self.digest is None else self.digest
        return fingerprint(self.card, digest)

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
        be read, ArgumentError for an option that there is not, WeightsError if the weights
        give no vectors of unit length.
        """
        if on_error not in ("raise", "skip"):
            raise ArgumentError(f"on_error is 'raise' or 'skip', not {on_error!r}")
        if type(batch_size) is not int or batch_size < 1:
            raise ArgumentError(f"batch_size is a whole number of at least 1, not {batch_size!r}")
        sources = _each(images)
        total = len(sources) if isinstance(sources, Sized) else None

        rows = [np.empty((0, self.card.outputs), np.float32)]
        batch, names, skipped = [], [], []
        for position, source in enumerate(sources):
            name = describe(source, position)
            try:
                batch.append(self._prepare(read(source, channel_order, position)))
            except ImageError as error:
                if on_error == "raise":
                    raise
                skipped.append(Skipped(name, str(error)))
            else:
                names.append(name)
            if len(batch) == batch_size:
                rows.append(self._forward(np.concatenate(batch)))
                batch.clear()
            if progress is not None:
                progress("embedding", position + 1, total)
        if batch:
            rows.append(self._forward(np.concatenate(batch)))
        values = np.concatenate(rows)
        return Embeddings(
            values, self.fingerprint, self.card.threshold, tuple(names), tuple(skipped)
        )

    def _forward(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The embeddings of a batch; WeightsError if the parameters give no directions."""
        with np.errstate(all="ignore"):  # what overflows is refused below
            embeddings = self.network.forward(self.parameters, images)
            lengths = np.linalg.norm(embeddings, axis=1)
        if not np.all(np.abs(lengths - 1) < 1e-3):
            raise WeightsError(
                f"the weights ({self.card.source}) give embeddings that are not of unit length "
                f"({lengths.min():g} to {lengths.max():g}); they are damaged, or no trained network"
            )
        return embeddings.astype(np.float32, copy=False)

    def _prepare(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """One decoded picture as a batch of one; large photographs are not kept."""
        return prepare([picture], self.card.input_size, preprocessing(self.card.preprocessing))


def _each(images: ImageSource | Iterable[ImageSource]) -> Iterable[ImageSource]:
    """The pictures one by one, whether one was given or several."""
    if hasattr(images, "read") or isinstance(images, Mapping):
        raise ImageError(
            f"pictures are not taken from a {type(images).__name__}; of an open file pass its "
            "content, file.read(), of a mapping its values()"
        )
    if isinstance(images, np.ndarray):
        return images if images.ndim == 4 else [images]
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike)):
        return [images]
    return images if isinstance(images, Iterable) else [images]
