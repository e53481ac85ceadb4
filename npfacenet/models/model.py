"""A network, its parameters, and its card: pictures in, embeddings out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card, derived_card, input_size_of
from npfacenet.checkpoints.fingerprint import fingerprint, weights_digest
from npfacenet.checkpoints.reloadable import ReloadableParameters
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    ShapeError,
    listed,
    quoted,
    shortened,
)
from npfacenet.faces.choice import Choice
from npfacenet.images import ImageSource
from npfacenet.images import preprocessing as scaling_named
from npfacenet.images.several import each_picture
from npfacenet.inference import Plan
from npfacenet.inference.batching import TOGETHER
from npfacenet.models.embedded import Embedder, gathered, require_options
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.face_options import Detect, FaceOptions
from npfacenet.models.loaded_detectors import LoadedDetectors
from npfacenet.models.network_inputs import embedded
from npfacenet.models.picture_reading import OnError
from npfacenet.networks import Network, NetworkParameters, Outputs
from npfacenet.networks.constant import constant
from npfacenet.progress import Progress, silent
from npfacenet.recipes import Recipe
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.threads import Lock, without_forks

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its parameters and card, ready for use.

    `parameters` are the model's own read-only float32 arrays by (layer, parameter); arrays that
    could be changed from outside, through a view, a flag or their memory, are copied. `digest` is
    theirs if it is known already (else it is computed when first needed).

    A model may be used by several threads, and pickled. Between calls it keeps its plan
    (`npfacenet.inference`), compiled when first needed. A model from a file then releases its
    parameters, of which the plan has a copy: accessing them later, pickling included, rereads the
    file (`checkpoints.reloadable`), and raises WeightsError if it is gone or has changed.

    Raises ShapeError for parameters that are not the network's and for masked arrays;
    ArgumentError for a network or a card of another type.
    """

    network: Network[Outputs]
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
        stored = self.parameters if isinstance(self.parameters, ReloadableParameters) else None
        outline = self.parameters if stored is None else stored.outline
        specs = self.network.parameter_specs()
        if strange := specs.keys() ^ outline.keys():
            names = sorted("/".join(name) if name in specs else quoted(name) for name in strange)
            raise ShapeError(f"{self.network.name} lacks, or does not have, {listed(names)}")
        self.network.require(outline)
        if stored is not None:
            object.__setattr__(self, "parameters", stored.shared())
            object.__setattr__(self, "digest", stored.digest)
            return
        own = {name: constant(self.parameters[name]) for name in specs}
        object.__setattr__(self, "parameters", MappingProxyType(own))

    @classmethod
    def of(
        cls,
        network: Network[Outputs],
        parameters: NetworkParameters,
        *,
        preprocessing: str = "unit",
        preparation: Preparation = CENTRAL_SQUARE,
        source: str = "not stated",
    ) -> Model:
        """Make a model of a network of your own, with a card that has no threshold.

        A network that gives one vector is for embedding, any other for detection. `preparation`
        says which part of a photograph it sees, `preprocessing` names the scaling of the numbers.
        Raises ArgumentError for an unknown preprocessing, and as the class does.

        >>> from npfacenet.recipes import npfacenet_small
        >>> network = npfacenet_small()
        >>> Model.of(network, network.initialise(seed=0)).card.outputs
        128
        """
        if not isinstance(network, Network):
            raise ArgumentError(f"a model is made of a Network, not of {quoted(network)}")
        if not isinstance(preparation, Preparation):
            raise ArgumentError(f"a preparation is a Preparation, not {quoted(preparation)}")
        scaling = scaling_named(preprocessing).name
        recipe = Recipe.of(network, preprocessing=scaling, preparation=preparation)
        card = derived_card(recipe, input_size_of(network), Path())
        return cls(network, parameters, replace(card, threshold=None, source=source))

    def save(self, path: str | os.PathLike[str], *, half: bool = False) -> None:
        """Write network, parameters and card to a file that `load` reads, whole or not at all.

        `path` ends with ".h5" or ".hdf5"; `half` stores kernels as float16. Raises ArgumentError
        for another name and for a layer that is not registered, OutputError if the file cannot be
        written.
        """
        with without_forks():
            from npfacenet.checkpoints.conversion import write_checkpoint  # only writing needs it

        if not isinstance(path, (str, os.PathLike)):
            raise ArgumentError(f"a model is saved to the path of a file, not to {quoted(path)}")
        target = Path(path)
        write_checkpoint(target, self.network, self.parameters, self.card, half=half)

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[object, ...]]:
        parameters = self.parameters
        if not isinstance(parameters, ReloadableParameters):
            parameters = dict(parameters)
        return Model, (self.network, parameters, self.card, self.digest)

    def __repr__(self) -> str:
        card, known = self.card, self._kept.fingerprints or self.digest
        variant = f" ({card.variant})" if card.variant else ""
        size = f"{card.input_size}x{card.input_size}" if card.input_size else "any size"
        made = f", fingerprint {self.fingerprint[:12]}" if known else ""  # else slow
        gives = f"{card.outputs} outputs"
        if card.purpose == "embedding":
            gives = f"{card.outputs} numbers, {card.preparation}"
        return (
            f"<Model {shortened(card.architecture, 40)}{variant}, {size} to {gives}, "
            f"{card.preprocessing}; {shortened(card.source)}{made}>"
        )

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that identify everything that determines an embedding.

        They include the card's preparation; embeddings that were prepared otherwise have another
        fingerprint (`fingerprint_of`).
        """
        return self.fingerprint_of(self.card.preparation)

    def fingerprint_of(self, preparation: Preparation) -> str:
        """Return the fingerprint of embeddings of pictures that are prepared in this way."""
        known = self._kept.fingerprints
        if preparation not in known:  # threads that compute it at once get the same
            digest = weights_digest(self.parameters) if self.digest is None else self.digest
            known[preparation] = fingerprint(self.card, digest, self.network, preparation)
        return known[preparation]

    @property
    def plan(self) -> Plan[Outputs]:
        """The network compiled for speed: `plan.run` takes prepared pictures, in batches."""
        kept = self._kept
        if kept.plan is None:
            with kept.compiling.held():  # for threads that ask at the same time
                if kept.plan is None:
                    began = perf_counter()
                    kept.plan = Plan(self.network, self.parameters)
                    taken = 1e3 * (perf_counter() - began)
                    _log.info("compiled %s in %.1f ms", self.network.name, taken)
                    if isinstance(self.parameters, ReloadableParameters):
                        self.parameters.release()
        return kept.plan

    def embed(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        detect: Detect = None,
        crop: int | None = None,
        choose: Choice | None = None,
        smallest_face: float | None = None,
        least_score: float | None = None,
        channel_order: Literal["rgb", "bgr"] = "rgb",
        on_error: OnError = "raise",
        batch_size: int = TOGETHER,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Embeddings:
        """Turn photographs of faces into vectors of unit length: Embeddings (N, D).

        `images` is a path, the bytes of a picture file, a PIL image, a uint8 array (H, W, 3), or
        several of these. `card.preparation` says which part of each is embedded: the face that a
        detector finds, aligned, or the central square of pictures that are cropped already. A part
        with less contrast than any face (`images.LEAST_CONTRAST`) cannot be used.

        - detect: another detector, by its name or path; False for none, so that the card's crop is
          used, or the central square
        - crop: use the central `crop` x `crop` pixels, without a detector
        - choose: of several faces the "largest" (the default), the most "central" one, the "only"
          one (SeveralFacesError if there are more), or "all", each of which gives a vector
        - smallest_face, least_score: which faces count, by the pixels of their longer side and by
          their score (None: the detector's `sure_score`); as in `faces.FaceCropper`
        - channel_order: that of arrays; "bgr" is OpenCV's
        - on_error: "skip" leaves out pictures that cannot be used and lists them in `skipped`;
          "skip-no-face" does so with pictures that show no face that can be used, and no others.
          With "all", single faces that cannot be used are always left out and listed
        - batch_size, threads: up to `threads` threads (None: one for each core,
          `threads.cores.cores`) read and embed up to `batch_size` pictures at a time each; a single
          picture is shared by two. Meanwhile NumPy's matrix products use one core each in the
          whole process (`threads.blas.single_threaded`). The batch affects rounding only, and the
          same call gives the same bits.
        - progress: called as progress("embedding", done, total); total is None if unknown

        Fingerprint and threshold of the result are those of the preparation in this call. Raises
        ImageError, naming the first picture that cannot be used (NoFaceError if no face is found);
        ArgumentError for an unknown option; WeightsNotFoundError for a detector whose weights are
        missing; WeightsError if the weights give no vectors of unit length; EmbeddingError for a
        network that is not for embedding.
        """
        require_options(channel_order, on_error, batch_size, progress)
        options = FaceOptions(detect, crop, choose, smallest_face, least_score)
        sources = each_picture(images)
        total = len(sources) if isinstance(sources, Sized) else None
        batches = self.embedder().batches(
            sources, options, channel_order, on_error, batch_size=batch_size, threads=threads
        )
        return gathered(batches, silent if progress is None else progress, total)

    def embedder(self) -> Embedder:
        """Return what embeds pictures batch by batch, for callers that keep none in memory.

        Raises EmbeddingError for a network that is not for embedding.
        """
        self._require_embedding()
        return Embedder(self.card, self._kept.detectors.load, self._forward, self.fingerprint_of)

    def finds_faces(self, *, detect: Detect = None, crop: int | None = None) -> bool:
        """Tell whether `embed` with these options finds faces, or takes pictures as cropped."""
        return FaceOptions(detect, crop).finds_faces(self.card)

    def _require_embedding(self) -> None:
        """Raise EmbeddingError if the network is for another purpose."""
        if self.card.purpose != "embedding":
            raise EmbeddingError(
                f"{shortened(self.card.architecture, 40)} is a network for {self.card.purpose}, "
                "not for embedding: it gives no vectors that could be compared"
            )
        if not self.card.input_size:
            raise EmbeddingError(
                f"{self.network.name} takes pictures of any size, and its card does not say which "
                "to embed: Model.of(network.with_input_shape((96, 96, 3)), parameters)"
            )

    def _forward(
        self, inputs: list[npt.NDArray[np.float32]], threads: int
    ) -> npt.NDArray[np.float32]:
        """Return the embeddings of inputs (1, S, S, 3) as (N, D).

        Raises WeightsError if the parameters give no vectors of unit length.
        """
        return embedded(self.plan, inputs, self.card, threads)


@dataclass
class _Kept:
    """What a model computes once, when it is first needed."""

    plan: Plan[Outputs] | None = None
    fingerprints: dict[Preparation, str] = field(default_factory=dict)
    detectors: LoadedDetectors = field(default_factory=LoadedDetectors)
    compiling: Lock = field(default_factory=Lock)
