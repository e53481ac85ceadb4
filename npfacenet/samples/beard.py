"""Beards."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep, spot
from npfacenet.samples.skin import tone
from npfacenet.samples.subject import Patch, Subject


def beard_on(subject: Subject, patch: Patch, colour: Floats) -> None:
    """Draw stubble, beard and moustache of this colour (3,) into the albedo, in place."""
    who, face = subject.who, subject.face
    albedo, x, y = patch.albedo, patch.x, patch.y
    if max(who.stubble, who.beard, who.moustache) < 0.03:
        return
    strands = subject.strands.at(x + 0.3 * y, y * np.float32(1.5))
    aside = np.abs(x)
    edge = face.mouth_y + 0.2 - 0.75 * smoothstep(aside, 0.25, 0.9) + 0.05 * strands
    jaw = smoothstep(y - edge, -0.1, 0.12)
    jaw = np.maximum(jaw, bump(aside - face.mouth_width - 0.1, 0.07) * smoothstep(y, 0.85, 1.05))
    lip = face.mouth_y - face.upper_lip * 0.6
    # A moustache slopes from below the nose to beside the mouth.
    sloped = y - 0.55 * aside * aside + 0.03 * strands
    upper = smoothstep(sloped, face.nose_y + 0.1, face.nose_y + 0.2)
    upper *= smoothstep(y - 0.9 * np.square(aside), lip + 0.03, lip - 0.05)
    upper *= smoothstep(aside, face.mouth_width + 0.16, face.mouth_width - 0.06)
    tuft = spot(x, y - face.mouth_y - face.gap - face.lower_lip - 0.12, 0.08, 0.07)
    jaw = np.maximum(jaw, tuft)
    shadow = np.maximum(jaw, upper) * (0.34 * who.stubble) * (0.85 + 0.25 * strands)
    mix(albedo, np.clip(shadow, 0, 0.6), 0.5 * colour + 0.25 * tone(who) * np.float32(0.45))
    hair = np.maximum(jaw * who.beard, upper * who.moustache) * (0.82 + 0.25 * strands)
    mix(albedo, np.clip(hair, 0, 0.95), colour)
