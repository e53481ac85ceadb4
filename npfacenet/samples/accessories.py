"""What people wear on their faces: glasses."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.pixel_planes import Floats, mix, smoothstep
from npfacenet.samples.subject import Subject


def glasses_on(subject: Subject, picture: Floats) -> None:
    """Draw glasses into the picture, in place; the condition `glasses` is their rims' thickness."""
    who, now, source = subject.who, subject.now, subject.lamp
    rng = np.random.default_rng([now.clothes, 5])
    x, y = subject.rays.at_depth(1.28)
    aside = np.abs(x)
    half, tall = rng.uniform(0.34, 0.40), rng.uniform(0.22, 0.30)
    square = float(rng.choice([2.0, 2.6, 4.0]))
    u, v = np.abs(aside - who.eye_distance / 2 - 0.02) / half, np.abs(y - 0.05) / tall
    ring = (u**square + v**square) ** np.float32(1 / square)
    thick = 0.03 + 0.09 * now.glasses
    rim = smoothstep(np.abs(ring - 1), thick, thick * 0.4)
    bridge = smoothstep(np.abs(y + 0.06), 0.035, 0.015) * smoothstep(
        aside, who.eye_distance / 2 - half, 0.0
    )
    bridge = np.maximum(bridge, 0)
    arms = (
        smoothstep(np.abs(y + 0.05), 0.04, 0.02)
        * smoothstep(aside, who.eye_distance / 2 + half, who.eye_distance / 2 + half + 0.04)
        * smoothstep(aside, who.head_width, who.head_width - 0.05)
    )
    colour = np.array([(0.01, 0.01, 0.012), (0.09, 0.045, 0.02), (0.2, 0.19, 0.18)])[
        int(rng.integers(3))
    ]
    lit_colour = colour * (source.key + source.ambient)
    frame = np.maximum(np.maximum(rim, bridge), 0.8 * arms)
    lens = smoothstep(ring, 1.0, 0.95)
    shine = lens * smoothstep(u + 0.8 * v + 0.3 * np.sign(x), 1.15, 0.6) * 0.03
    colours = picture[:3]
    colours += source.key[:, None, None] * shine - 0.06 * lens * colours
    mix(picture, 0.92 * frame, lit_colour.astype(np.float32))
