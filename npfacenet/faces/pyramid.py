"""A detector whose network knows faces of some sizes, searched for at several scales of a picture.

The network takes parts of faces that are too large for it for faces of their own. So a photograph
is first halved as long as the smallest face asked for stays visible. Coarser scales follow, until
a face that fills the picture is small enough. What a fine scale finds inside a face that is too
large for it is a part of that face, and dropped.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_finite, is_real
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.boxes import sides
from npfacenet.faces.cells import Detections, decoded, joined
from npfacenet.faces.detector import Detector
from npfacenet.faces.faces import Faces
from npfacenet.faces.ready_network import ReadyNetwork, require_network
from npfacenet.faces.summed_area import averaged
from npfacenet.layers import Array

STEP = 4
"""Factor from one scale to the next; networks know faces over a wider range than that."""


@dataclass(frozen=True, eq=False)
class PyramidDetector(Detector):
    """A detector of one network, whose cells predict faces (`cells.py`).

    `threshold` is the least score of a face. Of two whose intersection over union is above
    `most_shared` only the better one is kept. `scales` are those at which pictures are searched;
    None chooses them for each picture. Raises ArgumentError for other values.
    """

    strides: ClassVar[tuple[int, ...]]
    heads: ClassVar[tuple[str, ...]]
    """The names of the network's outputs, to which each stride is appended."""
    smallest_known: ClassVar[float]
    """Pixels of the smallest face that the network finds reliably."""
    largest_known: ClassVar[float]
    """Pixels of the largest face that the network finds reliably."""
    oversampling: ClassVar[float] = 2.0
    """How many times `smallest_known` the smallest face stays when a picture is read smaller."""

    network: ReadyNetwork = field(repr=False)
    threshold: float = 0.6
    most_shared: float = 0.3
    scales: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        require_network(self.network, *(f"{name}_{s}" for name in self.heads for s in self.strides))
        if not is_finite(self.threshold):
            raise ArgumentError(f"threshold is a number, not {quoted(self.threshold)}")
        if not is_real(self.most_shared, 0, 1):
            raise ArgumentError(f"most_shared is from 0 to 1, not {quoted(self.most_shared)}")
        row: object = (1.0,) if self.scales is None else self.scales
        if not (isinstance(row, tuple) and row and all(is_real(s, 1e-4, 4) for s in row)):
            raise ArgumentError(f"scales are numbers from 0.0001 to 4, not {quoted(row)}")

    @staticmethod
    @abstractmethod
    def scaled(picture: npt.NDArray[np.generic], batch: npt.NDArray[np.float32]) -> None:
        """Write RGB (H, W, 3), 0 to 255, into `batch` (H, W, 3) as the network takes it."""

    @property
    def pixels_of_a_face(self) -> float:
        """`smallest_known`, oversampled; with `scales` of its own, pictures stay whole."""
        return self.oversampling * self.smallest_known if self.scales is None else float("inf")

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3), the surest first."""
        found = joined([])
        height, width = picture.shape[:2]
        scales = self.scales or self.scales_of(height, width, smallest_face)
        for scale in sorted(scales):  # coarsest first
            new = self.at_scale(picture, scale, threads)
            found = joined([found, new[~self.parts_of(new, found, scale)]])
        faces = found.suppressed(self.most_shared)
        return Faces(faces.boxes, faces.landmarks, faces.scores, best_score=faces.best_score)

    def at_scale(
        self, picture: npt.NDArray[np.uint8], scale: float, threads: int | None = None
    ) -> Detections:
        """Find faces in a picture at one scale; returns them in pixels of the picture itself."""
        height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
        outputs = self.network.run(self.prepared(averaged(picture, height, width)), threads)
        return self.among(outputs).enlarged(picture.shape[1] / width, picture.shape[0] / height)

    def among(self, outputs: Mapping[str, Array]) -> Detections:
        """Return the faces that the cells of the network's outputs see, each once."""
        return decoded(outputs, self.strides, self.threshold).suppressed(self.most_shared)

    def prepared(self, picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """Return RGB (H, W, 3) as the network takes it, padded with zeros, a batch of one."""
        height, width = picture.shape[:2]
        whole = (-(-side // self.strides[-1]) * self.strides[-1] for side in (height, width))
        batch = np.empty((1, *whole, 3), np.float32)
        self.scaled(picture, batch[0, :height, :width])
        batch[0, height:] = batch[0, :height, width:] = 0
        return batch

    def scales_of(self, height: int, width: int, smallest_face: float) -> list[float]:
        """Return the scales at which a picture is searched, the finest first."""
        finest = 1.0
        while smallest_face * finest / 2 >= self.smallest_known:
            finest /= 2
        chosen = [finest]
        while max(height, width) * chosen[-1] > self.largest_known:
            chosen.append(chosen[-1] / STEP)
        return chosen

    def parts_of(self, found: Detections, faces: Detections, scale: float) -> npt.NDArray[np.bool_]:
        """Tell which detections at a scale are parts of `faces` too large for it: (N,)."""
        width, height = sides(faces.boxes)
        large = faces[np.maximum(width, height) * scale > self.largest_known]
        width, height = sides(found.boxes)
        middles = found.boxes[:, :2] + np.stack([width, height], axis=1) / 2
        centres = middles[:, np.newaxis]
        inside = np.all((centres > large.boxes[:, :2]) & (centres < large.boxes[:, 2:]), axis=2)
        parts: npt.NDArray[np.bool_] = np.any(inside, axis=1)
        return parts
