"""What all detectors share: pictures in, faces out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sized
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from operator import contains
from typing import ClassVar, Literal, overload

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, is_one_of, is_real, is_whole
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.errors import ArgumentError, ImageError, quoted
from npfacenet.faces.faces import Faces
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.images import ChannelOrder, ImageSource, read_reduced, source_name
from npfacenet.images.pillow import import_pillow
from npfacenet.images.several import each_picture, holds_several
from npfacenet.progress import Progress
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.lazy_value import LazyValue
from npfacenet.threads.sharing import in_batches
from npfacenet.zoo.manifest import detector_weights

SMALLEST_FACE = 20.0
"""Pixels of the smallest face to look for by default."""
SMALLEST_PART = 1 / 40
"""The same as a fraction of the longer side, where that is more."""
LEAST_FACE, MOST_FACE = 10.0, 100_000.0
"""Limits in pixels of `smallest_face`; detectors do not find smaller faces than the first."""

OWN_MODULES = ("npfacenet.faces.finder", "npfacenet.faces.mtcnn", "npfacenet.faces.yunet")
"""Of the classes that may bear the name of a packaged or public detector."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Detector(ABC):
    """A face detector that is ready for use. Several threads may use it, and it can be pickled."""

    name: ClassVar[str]

    sure_score: ClassVar[float] = 0.0
    """The score from which on a face is one nearly certainly; see `FaceCropper`."""

    @LazyValue
    def identity(self) -> str:
        """The detector's name, followed by @ and 12 digits unless it is the one of that name.

        The digits stand for other weights than those of a known name (that the package or the
        manifest has), for settings that are not the default, and for another class under a known
        name: they find other faces, or place them elsewhere. The identity is part of the
        fingerprint of embeddings (`Preparation`). Raises ArgumentError for a class without a name.
        """
        stated = self._stated_name()
        networks: list[str] = []
        settings: list[str] = []
        usual = {each.name: each.default for each in fields(self)}
        for name, value in sorted(vars(self).items()):
            if isinstance(value, ReadyNetwork):
                networks.append(weights_digest(value.parameters))
            elif name not in usual or repr(value) != repr(usual[name]):  # arrays have no truth
                settings.append(f"{name}={value!r}")
        kind = type(self)
        known = detector_weights(stated)
        if known is None and not (networks or settings):
            return stated
        own = kind.__module__ in OWN_MODULES and len(networks) == len(known or ())
        if known and own and not settings and all(map(contains, known, networks)):
            return stated
        told = "\n".join([f"{kind.__module__}.{kind.__qualname__}", *networks, *settings])
        return f"{stated}@{sha256(told.encode()).hexdigest()[:12]}"

    def _stated_name(self) -> str:
        name: object = getattr(self, "name", None)
        if not isinstance(name, str):
            raise ArgumentError(
                f"the detector {type(self).__name__} needs a name, a text as class variable, not "
                f"{quoted(name)}"
            )
        return name

    @property
    def pixels_of_a_face(self) -> float:
        """The side in pixels down to which a face can be made smaller and be found as well.

        Pictures whose smallest faces are at least twice as large are read at a reduced scale.
        """
        return float("inf")

    @abstractmethod
    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3), RGB, best score first.

        `smallest_face` is the side in pixels of the smallest face to look for; `threads` is the
        number of threads to use, None for one per core.
        """

    @overload
    def detect(  # type: ignore[overload-overlap]  # a text is a path, not several of a letter
        self,
        images: ImageSource,
        *,
        smallest_face: float | None = None,
        least_score: float | None = None,
        most_faces: int | None = None,
        channel_order: ChannelOrder = "rgb",
        on_error: Literal["raise", "skip"] = "raise",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Faces: ...

    @overload
    def detect(
        self,
        images: Iterable[ImageSource],
        *,
        smallest_face: float | None = None,
        least_score: float | None = None,
        most_faces: int | None = None,
        channel_order: ChannelOrder = "rgb",
        on_error: Literal["raise", "skip"] = "raise",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[Faces]: ...

    def detect(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        smallest_face: float | None = None,
        least_score: float | None = None,
        most_faces: int | None = None,
        channel_order: ChannelOrder = "rgb",
        on_error: Literal["raise", "skip"] = "raise",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Faces | list[Faces]:
        """Find faces: in one picture, or in each of several.

        `images`: a path, the bytes of a picture file, a PIL image, a uint8 array (H, W, 3), or
        several of these. `channel_order` is that of arrays ("bgr" for OpenCV's).

        `smallest_face` is the side in pixels of the smallest face to look for, at least 10; None
        means 20 pixels, or a fortieth of the picture's longer side if that is more. The larger it
        is, the faster the search. `least_score` drops faces with lower scores (None: those that
        pass the detector's own thresholds stay), `most_faces` all but the best few.

        Up to `threads` threads (None: one per core, see `threads.cores.cores`) search one picture
        each. Meanwhile each of NumPy's matrix products stays on one core, in the whole process.
        `progress` is called as progress("detecting", done, total), total None if unknown.

        Returns Faces for one picture, a list of them for several, in the order of the pictures;
        they are empty where no face was found. With `on_error="skip"` a picture that cannot be read
        gives empty Faces with the reason in `skipped`. Raises ImageError naming the first picture
        that cannot be used, ArgumentError for an unknown option, WeightsError if the network gives
        numbers that are not finite.
        """
        options = Options(smallest_face, least_score, most_faces, channel_order, on_error)
        if progress is not None and not callable(progress):
            raise ArgumentError(f"progress is called, and {quoted(progress)} cannot be")
        cores = threads_to_use(threads)
        import_pillow()
        sources, alone = each_picture(images), not holds_several(images)
        total = len(sources) if isinstance(sources, Sized) else None
        numbered = ((None if alone else i, source) for i, source in enumerate(sources))

        def work(batch: list[tuple[int | None, ImageSource]], threads: int) -> list[Faces]:
            return [self._in_one(source, at, options, threads) for at, source in batch]

        found: list[Faces] = []
        for faces in in_batches(numbered, work, size=1, threads=cores):
            found += faces
            if progress is not None:
                progress("detecting", len(found), total)
        return found[0] if alone else found

    def _in_one(
        self, source: ImageSource, position: int | None, options: Options, threads: int
    ) -> Faces:
        """Read one picture and find its faces."""
        name = source_name(source, position)

        def reduction(width: int, height: int) -> int:
            return int(
                min(
                    smallest_face_in(options.smallest_face, width, height) / self.pixels_of_a_face,
                    8,
                )
            )

        try:
            seen = read_reduced(source, reduction, options.channel_order, position)
        except ImageError as error:
            if options.on_error != "skip":
                raise
            _log.warning("skipped %s", error)
            return Faces(source=name, skipped=str(error))
        height, width = (seen.factor * side for side in seen.pixels.shape[:2])
        smallest = smallest_face_in(options.smallest_face, width, height) / seen.factor
        faces = self.find(seen.pixels, smallest, threads)
        if not isinstance(faces, Faces):
            raise ArgumentError(
                f"a detector finds Faces, and {self._stated_name()} gave {quoted(faces)}"
            )
        chosen = np.arange(len(faces))
        if options.least_score is not None:
            chosen = np.flatnonzero(faces.scores >= options.least_score)
        chosen = chosen[: options.most_faces]
        return replace(
            faces,
            boxes=seen.whole(faces.boxes[chosen].reshape(-1, 2, 2)).reshape(-1, 4),
            landmarks=seen.whole(faces.landmarks[chosen]),
            scores=faces.scores[chosen],
            source=name,
        )


@dataclass(frozen=True)
class Options:
    """Options of `Detector.detect`. Raises ArgumentError for values that they cannot have."""

    smallest_face: float | None
    least_score: float | None
    most_faces: int | None
    channel_order: ChannelOrder
    on_error: Literal["raise", "skip"]

    def __post_init__(self) -> None:
        require_smallest_face(self.smallest_face)
        require_least_score(self.least_score)
        most = self.most_faces
        if most is not None and not is_whole(most, low=1):
            raise ArgumentError(f"most_faces is a whole number of at least 1, not {quoted(most)}")
        if not is_one_of(self.channel_order, "rgb", "bgr"):
            raise ArgumentError(
                f"channel_order is 'rgb' or 'bgr', not {quoted(self.channel_order)}"
            )
        if not is_one_of(self.on_error, "raise", "skip"):
            raise ArgumentError(f"on_error is 'raise' or 'skip', not {quoted(self.on_error)}")


def require_smallest_face(smallest_face: object) -> None:
    """Raise ArgumentError unless it is a size in pixels that can be looked for, or None."""
    if smallest_face is None or is_real(smallest_face, LEAST_FACE, MOST_FACE):
        return
    raise ArgumentError(
        f"smallest_face is a number of pixels, at least {LEAST_FACE:.0f} and at most "
        f"{MOST_FACE:,.0f}, not {quoted(smallest_face)}"
    )


def require_least_score(least_score: object) -> None:
    """Raise ArgumentError unless it is a number, or None."""
    if least_score is not None and not is_finite(least_score):
        raise ArgumentError(f"least_score is a number, not {quoted(least_score)}")


def smallest_face_in(smallest_face: float | None, width: int, height: int) -> float:
    """Return the side in pixels of the smallest face to look for in a picture of this size."""
    if smallest_face is None:
        return max(SMALLEST_FACE, SMALLEST_PART * float(max(width, height)))
    return float(smallest_face)
