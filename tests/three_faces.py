"""Photographs of three faces: the best found, the most central and the largest are different ones.

Detectors for them note which size of face they were asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import PIL.Image
from drawn_detector import faces_in, pasted

import npfacenet
from npfacenet import Model
from npfacenet.cards import Preparation
from npfacenet.errors import WeightsNotFoundError
from npfacenet.faces import Detector, Faces

BEST, CENTRAL, LARGEST, TINY = BOXES = (
    (30.0, 20.0, 120.0, 110.0),
    (120.0, 115.0, 200.0, 195.0),
    (196.0, 196.0, 316.0, 316.0),
    (152.0, 152.0, 168.0, 168.0),
)
"""Best score first. The tiny one, of 16 pixels, is found only by who looks for so small ones."""
SIDE = 320
USUAL = 20.0  # pixels of the smallest face that is looked for
TINY_TOO = 12.0
LARGER_THAN_CENTRAL = 85.0  # without the central face, the best found is the most central
SCORE_OF_THE_BEST = 0.89


@dataclass(frozen=True, eq=False)
class Recording(Detector):
    """Finds those that are large enough, in place of MTCNN; notes the size it was asked for."""

    name: ClassVar[str] = "mtcnn"
    identity = "mtcnn"
    asked: ClassVar[list[float]] = []  # by this class and its own
    off: ClassVar[float] = 0.0

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        self.asked.append(smallest_face)
        boxes = np.array(BOXES) + self.off
        return faces_in(*(box for box in boxes.tolist() if box[2] - box[0] >= smallest_face))


class Other(Recording):
    """Finds them a few pixels beside where the first detector does, in place of YuNet."""

    name: ClassVar[str] = "yunet"
    identity = "yunet"
    off: ClassVar[float] = 4.0


def load_drawn(name: str | os.PathLike[str]) -> Detector:
    """Load one of the two by its name, as `faces.load` does."""
    for kind in (Recording, Other):
        if name == kind.name:
            return kind()
    raise WeightsNotFoundError(f"no detector called {name!r}")


def photo(seed: int) -> npt.NDArray[np.uint8]:
    """Return a photograph (SIDE, SIDE, 3) of three drawn people."""
    return pasted(SIDE, (27, 17), (112, 107), (208, 208), seed=seed)


def save_photo(path: Path, seed: int) -> Path:
    """Write a photograph without loss, whatever the name ends with; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(photo(seed)).save(path, "PNG")
    return path


def finding_model() -> Model:
    """Return the default model with a card that says to find faces with `Recording`."""
    model = npfacenet.load()
    card = model.card.with_preparation(Preparation(Recording.name, "margin-32"))
    return Model(model.network, model.parameters, card)
