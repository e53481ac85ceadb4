"""Training pictures that a run so far gets wrong, and drawn photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from finder_answers import Labels
from finder_material import SIDE, Sample, about, finished

from npfacenet.errors import TrainingError
from npfacenet.faces.finder import Finder
from npfacenet.images.affine import resampled
from npfacenet.progress import Progress
from npfacenet.samples import scene

Picture = npt.NDArray[np.uint8]

SCALES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)  # at which false faces are looked for
LEAST = 0.2  # score of a false face


@dataclass(frozen=True)
class FalseFace:
    """Where a run sees a face that is none: a background, the middle, and the scale."""

    background: int
    x: float
    y: float
    scale: float


def false_faces(
    finder: Finder, backgrounds: Sequence[Picture], progress: Progress
) -> list[FalseFace]:
    """Return what a finder takes for faces in pictures without any, at every scale."""
    found: list[FalseFace] = []
    for number, picture in enumerate(backgrounds):
        for scale in SCALES:
            at_one = Finder(finder.network, LEAST, scales=(scale,))
            for box in at_one.detect(picture, smallest_face=10).boxes:
                x, y = (box[:2] + box[2:]) / 2
                found.append(FalseFace(number, float(x), float(y), scale))
        progress("backgrounds", number + 1, len(backgrounds))
    return found


def mined(
    wrong: Sequence[FalseFace], backgrounds: Sequence[Picture], number: int, seed: int
) -> Sample:
    """Return a picture around a false face, about as it was seen.

    Raises TrainingError if there are none.
    """
    if not wrong:
        raise TrainingError("the run sees no false face: make drawn photographs only (--files 0)")
    rng = np.random.default_rng([seed, number, 1])
    one = wrong[int(rng.integers(len(wrong)))]
    step = 1 / one.scale * np.exp(rng.normal(0, 0.12))
    middle = np.array([one.x, one.y]) - rng.uniform(-0.35, 0.35, 2) * SIDE * step
    matrix = about(middle, step, 0.0, rng.random() < 0.5, SIDE)
    picture = resampled(backgrounds[one.background], matrix, SIDE, "triangle")
    return finished(Sample(picture, Labels.none()), rng)


def drawn(number: int, seed: int) -> Sample:
    """Return a drawn photograph."""
    rng = np.random.default_rng([seed, number, 2])
    one = scene(number, width=SIDE, height=SIDE, roll=float(rng.choice([8, 40])))
    labels = replace(Labels.none(), boxes=one.boxes, landmarks=one.landmarks)
    return finished(Sample(one.picture, labels), rng)
