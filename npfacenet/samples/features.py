"""Where the features of a face lie under an expression."""

from __future__ import annotations

import math
from dataclasses import dataclass

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.identity import Identity


@dataclass(frozen=True)
class Features:
    """Positions and sizes on a face, in the units of `Identity` and from its origin.

    `mouth_y` is the line between closed lips; parted lips leave `gap` below it. `lift` is how far
    the corners of the mouth are above its middle, `chin` the lowest point of the head.
    """

    eye_x: float
    eye_height: float
    brow_y: float
    nose_y: float
    mouth_y: float
    mouth_width: float
    gap: float
    lift: float
    upper_lip: float
    lower_lip: float
    chin: float
    smile: float


def features(who: Identity, now: Conditions) -> Features:
    """Return the features of a person with the expression of these conditions."""
    smile = max(now.smile, 0.0)
    gap = 0.27 * now.mouth_open + 0.05 * max(smile - 0.55, 0.0)
    stretch = 1 + 0.24 * smile - 0.1 * now.mouth_open
    return Features(
        eye_x=who.eye_distance / 2,
        eye_height=who.eye_height * math.sqrt(now.eyes_open) * (1 - 0.22 * smile),
        brow_y=-who.brow_height - 0.06 * now.brows_raised,
        nose_y=who.nose_length - 0.012 * smile,
        mouth_y=who.mouth_height - 0.03 * smile - 0.05 * now.mouth_open,
        mouth_width=who.mouth_width * stretch,
        gap=gap,
        lift=0.11 * smile + 0.06 * min(now.smile, 0.0),
        upper_lip=who.upper_lip * (1 - 0.3 * smile),
        lower_lip=who.lower_lip * (1 - 0.2 * smile),
        chin=who.chin + 0.6 * gap,
        smile=smile,
    )
