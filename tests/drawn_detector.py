"""A detector for tests: it finds the faces that it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces import Detector, Faces
from npfacenet.samples import people

LANDMARKS = ((0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75))
"""Of a face, as fractions of its box."""


def faces_in(*boxes: tuple[float, float, float, float], best: float | None = None) -> Faces:
    """Return faces with these boxes, best score first."""
    edges = np.array(boxes, np.float32).reshape(-1, 4)
    corners, sides = edges[:, np.newaxis, :2], (edges[:, 2:] - edges[:, :2])[:, np.newaxis]
    scores = np.linspace(0.9, 0.8, len(edges), dtype=np.float32)
    return Faces(edges, corners + sides * np.array(LANDMARKS), scores, best_score=best)


@dataclass(frozen=True, eq=False)
class Drawn(Detector):
    """Finds the same boxes in every picture."""

    name: ClassVar[str] = "drawn"

    boxes: tuple[tuple[float, float, float, float], ...] = field(default=())
    best: float | None = None

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in(*self.boxes, best=self.best)


class Known(Drawn):
    """A drawn detector in place of the public one of a name."""

    name: ClassVar[str] = "mtcnn"
    identity = "mtcnn"


def pasted(side: int, *corners: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return a grey picture of side x side with drawn portraits at these corners (x, y)."""
    canvas = np.full((side, side, 3), 120, np.uint8)
    portraits = people(max(len(corners), 1), 1, seed).pictures
    for (x, y), portrait in zip(corners, portraits, strict=False):
        canvas[y : y + len(portrait), x : x + len(portrait)] = portrait
    return canvas
