"""Drawn people who do not work in the office: the demo calibrates its thresholds on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.commands.demo_office import FACES
from npfacenet.models import Embeddings, Model
from npfacenet.models.face_options import FaceChoices
from npfacenet.recognition.calibration import Calibration, ErrorRate, calibrate
from npfacenet.recognition.distance import distances
from npfacenet.samples import people, scene

if TYPE_CHECKING:
    from npfacenet.commands.progress_bar import ProgressBar

STRANGERS, FIRST_STRANGER = 100, 910_000  # how many, and the first one's seed
ON_PHOTOGRAPHS = 60  # as many of them, since a photograph takes longer to draw
FALSE_MATCH_RATE = 0.01  # of one comparison
SIDE = 160  # of a photograph of one of them, in pixels


@dataclass(frozen=True)
class Strangers:
    """Measurements on drawn people who do not work in the office.

    `pairs` is a threshold calibrated on pairs of them, `first` one embedding of each.
    """

    pairs: Calibration
    first: Embeddings

    def let_in(self, known: Embeddings, threshold: float) -> ErrorRate:
        """Count how many of them, one picture each, a search among the known would let in."""
        nearest = distances(self.first, known).min(axis=1)
        return ErrorRate(int((nearest <= threshold).sum()), len(nearest))

    def evidence(self, card: Card) -> str:
        """Return the evidence of the threshold for drawn faces."""
        count = len(self.first)
        said = f"calibrated now on pairs of {count} other drawn people: {self.pairs}"
        if card.threshold is not None:
            said += f" (the card's {card.threshold.value:g} holds for photographs)"
        return said


def measured(
    model: Model, choices: FaceChoices, progress: ProgressBar, *, photographs: bool
) -> Strangers:
    """Calibrate a threshold for drawn faces on pairs of people who do not work in the office.

    A card's threshold holds for photographs, on which it was measured.
    """
    if photographs:
        pictures = list(_photographs())
        embeddings = model.embed(pictures, **choices, on_error="skip", progress=progress)
    else:
        pictures = list(people(STRANGERS, 2, FIRST_STRANGER).pictures)
        embeddings = model.embed(pictures, detect=False, progress=progress)
    row_of = {position: row for row, position in enumerate(embeddings.positions)}
    both = [i for i in range(0, len(pictures), 2) if i in row_of and i + 1 in row_of]
    first = embeddings[[row_of[i] for i in both]]
    apart = distances(first, embeddings[[row_of[i + 1] for i in both]])
    impostors = apart[np.triu_indices(len(both), k=1)]
    return Strangers(calibrate(np.diagonal(apart), impostors, FALSE_MATCH_RATE), first)


def _photographs() -> Iterator[npt.NDArray[np.uint8]]:
    """Draw two photographs of each of them, who stands alone in a room or a street."""
    for number in range(2 * ON_PHOTOGRAPHS):
        yield scene(
            FIRST_STRANGER + number,
            width=SIDE,
            height=SIDE,
            people=(FIRST_STRANGER + number // 2,),
            posters=(),
            smallest_face=FACES[0],
            largest_face=0.6 * SIDE,
            least_visible=1.0,
        ).picture
