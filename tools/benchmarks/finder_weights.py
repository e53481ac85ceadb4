"""The finder for benchmarks: as it ships, or, where its file is missing, with drawn numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import WeightsNotFoundError
from npfacenet.faces import Detector, Faces, Finder, load
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.recipes.finder import npfacenet_finder

LANDMARKS = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
"""Of the face in the middle, as fractions of its box."""


@dataclass(frozen=True, eq=False)
class Untrained(Finder):
    """Searches as long as the finder does, and finds a face in the middle."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Search one picture (H, W, 3); return one face, of a third of its shorter side."""
        super().find(picture, smallest_face, threads)
        height, width = picture.shape[:2]
        side = min(height, width) / 3
        corner = np.array([width - side, height - side]) / 2
        box = np.concatenate([corner, corner + side])[np.newaxis].astype(np.float32)
        points = (corner + side * np.array(LANDMARKS))[np.newaxis].astype(np.float32)
        return Faces(box, points, np.ones(1, np.float32))


def finder() -> Detector:
    """Load the finder; without its file, return one that takes as long."""
    try:
        return load("finder")
    except WeightsNotFoundError:
        network = npfacenet_finder()
        # No score reaches 2, so that there are as few boxes to compare as in most photographs.
        return Untrained(ReadyNetwork(network, network.initialise(0)), threshold=2.0)
