"""A network, its parameters, and its card: pictures in, embeddings out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_one_of, is_whole
from npfacenet.cards import Card
from npfacenet.checkpoints.fingerprint import fingerprint, weights_digest
from npfacenet.checkpoints.reloadable import StoredParameters
from npfacenet.errors import (
    ArgumentError,
    ImageError,
    ShapeError,
    listed,
    quoted,
    shortened,
)
from npfacenet.images import (
    ImageSource,
    named,
    read,
    require_contrast,
    source_name,
)
from npfacenet.images.pillow import import_pillow
from npfacenet.inference import Plan
from npfacenet.inference.batching import TOGETHER, largest_batch
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.models.views import directions, scaled, square
from npfacenet.networks import Network, NetworkParameters
from npfacenet.networks.constant import constant
from npfacenet.progress import Progress
from npfacenet.threads import Lock
from npfacenet.threads.cores import threads as threads_to_use
from npfacenet.threads.sharing import in_batches

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Model:
    """A face recognition network that is ready for use.

    `parameters` are the model's own read-only float32 arrays by (layer, parameter): arrays that
    anybody could change, by a view, a flag or the memory they lie in, are copied. `digest` is
    theirs where it is known already (else it is worked out when first needed). A model may be used
    from several threads, and pickled; what it keeps between calls is its plan
    (`npfacenet.inference`), made when it is first needed. A model from a file lets its parameters
    go then, which the plan has a copy of: who asks for them later, also by pickling, has the file
    read again (`checkpoints.stored`), and gets WeightsError if that is gone or has changed. Raises
    ShapeError for parameters that are not the network's, and for masked arrays; ArgumentError for a
    network or a card that is not one.
    """

    network: Network
    parameters: NetworkParameters = field(repr=False)
    card: Card
    digest: str | None = field(default=None, repr=False)
    _kept: _Kept = field(default_factory=lambda: _Kept(), init=False, repr=False)

    def __post_init__(self) -> None:
        if not all((isinstance(self.network, Network), isinstance(self.card, Card))):
            raise ArgumentError(
                "a model is made of a Network, its parameters and a Card, not of "
                f"{quoted(self.network)} and {quoted(self.card)}"
            )
        if not isinstance(self.parameters, Mapping):
            raise ShapeError(f"parameters are a mapping, not a {type(self.parameters).__name__}")
        stored = self.parameters if isinstance(self.parameters, StoredParameters) else None
        outline = self.parameters if stored is None else stored.outline
        specs = self.network.parameter_specs()
        if strange := specs.keys() ^ outline.keys():
            names = sorted("/".join(name) if name in specs else quoted(name) for name in strange)
            raise ShapeError(f"{self.network.name} lacks, or does not have, {listed(names)}")
        self.network.require(outline)
        if stored is not None:
            object.__setattr__(self, "parameters", stored.twin())
            object.__setattr__(self, "digest", stored.digest)
            return
        own = {name: constant(self.parameters[name]) for name in specs}
        object.__setattr__(self, "parameters", MappingProxyType(own))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[object, ...]]:
        parameters = self.parameters
        if not isinstance(parameters, StoredParameters):
            parameters = dict(parameters)
        return Model, (self.network, parameters, self.card, self.digest)

    def __repr__(self) -> str:
        card, known = self.card, self._kept.fingerprint or self.digest
        variant = f" ({card.variant})" if card.variant else ""
        made = f", fingerprint {self.fingerprint[:12]}" if known else ""  # else it costs some time
        return (
            f"<Model {shortened(card.architecture, 40)}{variant}, {card.input_size}x"
            f"{card.input_size} to {card.outputs} numbers, {card.preprocessing}; "
            f"{shortened(card.source)}{made}>"
        )

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits for all that determines an embedding (`fingerprint.py`)."""
        kept = self._kept
        if kept.fingerprint is None:  # threads that work it out at once find the same
            digest = weights_digest(self.parameters) if self.digest is None else self.digest
            kept.fingerprint = fingerprint(self.card, digest)
        return kept.fingerprint

    @property
    def plan(self) -> Plan:
        """The network compiled for speed: `plan.run` takes prepared pictures, in batches."""
        kept = self._kept
        if kept.plan is None:
            with kept.compiling.held():  # for threads that ask at the same time
                if kept.plan is None:
                    began = perf_counter()
                    kept.plan = Plan(self.network, self.parameters)
                    taken = 1e3 * (perf_counter() - began)
                    _log.info("compiled %s in %.1f ms", self.network.name, taken)
                    if isinstance(self.parameters, StoredParameters):
                        self.parameters.let_go()
        return kept.plan

    def embed(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        channel_order: Literal["rgb", "bgr"] = "rgb",
        on_error: Literal["raise", "skip"] = "raise",
        batch_size: int = TOGETHER,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Embeddings:
        """Turn pictures of faces into vectors of unit length.

        `images`: a path, the bytes of a picture file, a PIL image, a uint8 array (H, W, 3),
        or several of these. No face is looked for: each picture is taken as a face that is
        cropped already, and one that is not square is cropped to its central square.
        `channel_order` is that of arrays ("bgr" for OpenCV's). A picture with less contrast than
        any face (`images.LEAST_CONTRAST`) is refused. `on_error="skip"` leaves out pictures that
        cannot be used and lists them in `skipped`. `progress` is called as
        progress("embedding", done, total), total None if unknown.

        Up to `threads` threads (None: as many as there are cores, see `threads.cores.cores`)
        read and embed up to `batch_size` pictures at a time each, and one picture is shared by
        two; meanwhile NumPy's matrix products use one core each, in the whole process
        (`threads.blas.single_threaded`). An embedding depends on its batch by rounding only,
        and the same call gives the same bits.

        Returns Embeddings (N, D). Raises ImageError naming the first picture that cannot
        be used, ArgumentError for an unknown option, WeightsError if the weights
        give no vectors of unit length.
        """
        if not is_one_of(on_error, "raise", "skip"):
            raise ArgumentError(f"on_error is 'raise' or 'skip', not {quoted(on_error)}")
        if not is_one_of(channel_order, "rgb", "bgr"):
            raise ArgumentError(
                f"channel_order must be 'rgb' or 'bgr', not {quoted(channel_order)}"
            )
        if not is_whole(batch_size, low=1):
            raise ArgumentError(
                f"batch_size is a whole number of at least 1, not {quoted(batch_size)}"
            )
        if progress is not None and not callable(progress):
            raise ArgumentError(f"progress is called, and {quoted(progress)} cannot be")
        cores = threads_to_use(threads)
        import_pillow()
        sources = _each(images)
        total = len(sources) if isinstance(sources, Sized) else None
        size = min(batch_size, sys.maxsize)
        if total:
            size = largest_batch(total, cores, batch_size)
        skip = on_error == "skip"

        def work(batch: list[tuple[int, ImageSource]], threads: int) -> _Rows:
            rows = self._read(batch, channel_order, skip=skip)
            rows.values = self._forward(rows.prepared, threads)
            rows.prepared = []
            return rows

        values = [np.empty((0, self.card.outputs), np.float32)]
        names: list[str] = []
        skipped: list[Skipped] = []
        done = 0
        for rows in in_batches(enumerate(sources), work, size=size, threads=cores):
            values.append(rows.values)
            names += rows.names
            skipped += rows.skipped
            for one in rows.skipped:
                _log.warning("skipped %s", one.reason)
            for _ in range(len(rows.names) + len(rows.skipped)):
                done += 1
                if progress is not None:
                    progress("embedding", done, total)
        return Embeddings(
            np.concatenate(values),
            self.fingerprint,
            self.card.threshold,
            tuple(names),
            tuple(skipped),
        )

    def _read(
        self,
        batch: list[tuple[int, ImageSource]],
        channel_order: Literal["rgb", "bgr"],
        *,
        skip: bool,
    ) -> _Rows:
        """Pictures with their positions, read and prepared; or skipped, with the reason."""
        rows = _Rows()
        for position, source in batch:
            name = source_name(source, position)
            try:
                picture = read(source, channel_order, position)
                rows.prepared.append(self._prepare(picture, named(source, position)))
            except ImageError as error:
                if not skip:
                    raise
                rows.skipped.append(Skipped(name, str(error)))
            else:
                rows.names.append(name)
        return rows

    def _forward(
        self, prepared: list[npt.NDArray[np.float32]], threads: int
    ) -> npt.NDArray[np.float32]:
        """The embeddings of a batch; WeightsError if the parameters give no directions."""
        if not prepared:
            return np.empty((0, self.card.outputs), np.float32)
        return directions(self.plan, np.concatenate(prepared), self.card, threads)

    def _prepare(self, picture: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.float32]:
        """One decoded picture as a batch of one; large photographs are not kept."""
        seen = square(picture, self.card)
        require_contrast(seen, name)
        if min(picture.shape[:2]) < len(
            seen
        ):  # enlarged noise is patches, which look like structure
            require_contrast(picture, name)
        return scaled(seen, self.card)


@dataclass
class _Kept:
    """What a model works out once, when it is first needed."""

    plan: Plan | None = None
    fingerprint: str | None = None
    compiling: Lock = field(default_factory=Lock)


@dataclass
class _Rows:
    """A batch on its way: prepared pictures, their embeddings, and what they are called."""

    prepared: list[npt.NDArray[np.float32]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    values: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))


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
