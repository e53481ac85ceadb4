"""Skin: its tones, its irregularities, and the marks of age."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.features import Features
from npfacenet.samples.identity import Identity
from npfacenet.samples.pixel_planes import (
    Floats,
    bump,
    looked_up,
    mix,
    pattern,
    smoothly_looked_up,
    smoothstep,
    spot,
)

SHORTEST_LIP = 0.2  # from where the folds beside the nose begin to the mouth

# Linear light (the square of a picture's values), by melanin.
_MELANIN = (0.0, 0.25, 0.5, 0.75, 1.0)
_TONES = np.array(
    [(0.93, 0.77, 0.69), (0.85, 0.66, 0.54), (0.70, 0.50, 0.38), (0.48, 0.335, 0.255),
     (0.31, 0.21, 0.17)]
) ** 2  # fmt: skip


def tone(who: Identity) -> Floats:
    """Return the colour of a person's skin (3,), in linear light."""
    base = np.array([np.interp(who.melanin, _MELANIN, channel) for channel in _TONES.T])
    base *= 1 + who.ruddiness * np.array([0.04, -0.07, -0.05])
    base *= 1 + who.sallowness * np.array([0.0, 0.02, -0.12])
    return base.astype(np.float32)


def skin(who: Identity, face: Features, x: Floats, y: Floats, flush: float) -> Floats:
    """Return the albedo (3, h, w) of bare skin at head coordinates (h, w)."""
    base = tone(who)
    rng = np.random.default_rng([who.texture, 1])
    aside = np.abs(x)
    blotch = looked_up(pattern(rng, 64, 5), 14 * x + 300, 14 * y + 300)
    fine = smoothly_looked_up(pattern(rng, 128, 30), 40 * x + 600, 40 * y + 600)
    shade = 1 + (0.02 + 0.05 * who.blotches) * blotch + 0.02 * fine
    shade -= (0.15 + 0.12 * who.eye_bags) * spot(aside - face.eye_x, y - 0.0, 0.24, 0.15)
    # The hollows between brow and nose, and the sides of the nose, see little of the sky.
    shade -= 0.16 * who.eye_depth * spot(aside - face.eye_x + 0.26, y + 0.08, 0.08, 0.12)
    shade -= 0.09 * spot(aside - who.nose_width - 0.02, y - 0.55 * face.nose_y, 0.06, 0.22)
    shade -= 0.3 * who.freckles * smoothstep(fine, 0.9, 1.7) * bump(y - 0.3, 0.4)
    shade *= _wrinkles(who, face, aside, y)
    red = 0.5 * bump(y - 0.5, 0.25) * bump(aside - 0.62, 0.22)
    red += 0.5 * spot(x, y - face.nose_y, 0.16, 0.13)
    red += 0.3 * bump(y - face.chin + 0.2, 0.15) + 0.35 * (aside > 0.95) * (y > -0.2)
    red *= 0.6 + 0.5 * who.ruddiness + 0.8 * flush + 0.25 * blotch
    albedo = np.empty((3, *x.shape), np.float32)
    for channel, tint in enumerate((0.03, -0.14, -0.12)):
        albedo[channel] = base[channel] * shade * (1 + tint * red)
    _moles(who, rng, albedo, x, y)
    return albedo


def _wrinkles(who: Identity, face: Features, aside: Floats, y: Floats) -> Floats:
    old, smile = who.wrinkles, face.smile
    length = max(face.mouth_y - face.nose_y + 0.1, SHORTEST_LIP)
    along = (y - face.nose_y + 0.03) * np.float32(1 / length)
    fold = (
        who.nose_width
        + 0.07
        + along
        * np.float32(face.mouth_width + 0.08 - who.nose_width)
        * (0.45 + 0.55 * np.minimum(along, 1))
    )
    across = aside - fold
    reach = smoothstep(along, -0.15, 0.15) * smoothstep(along, 1.25, 0.75)
    dark = (0.05 + 0.22 * old + 0.16 * smile) * bump(across, 0.035) * reach
    dark -= (0.02 + 0.06 * old + 0.06 * smile) * bump(across - 0.1, 0.06) * reach
    frown = max(0.0, -face.brow_y - who.brow_height)
    furrows = bump(y + 0.52 + 0.05 * aside, 0.018) + bump(y + 0.66 + 0.07 * aside, 0.018)
    furrows += bump(y + 0.79 + 0.06 * aside, 0.016)
    dark += (0.2 * old + 2.5 * frown * (0.2 + old)) * furrows * bump(aside, 0.42)
    dark += 0.25 * old * spot(aside - 0.075, y + 0.27, 0.016, 0.09)
    beside = aside - (face.eye_x + who.eye_width + 0.1)
    feet = np.cos((y - 0.02) * np.float32(70) / (1 + 2.5 * np.abs(beside)))
    dark += (0.1 * old + 0.1 * smile * old) * feet * spot(beside, y - 0.02, 0.07, 0.13)
    bag = y - 0.19 - 0.12 * np.square(aside - face.eye_x)
    pouch = bump(bag, 0.03) - 0.6 * bump(bag + 0.065, 0.03)
    dark += (0.04 + 0.2 * who.eye_bags) * pouch * bump(aside - face.eye_x + 0.05, 0.15)
    return np.maximum(1 - dark, 0.2)


def _moles(who: Identity, rng: np.random.Generator, albedo: Floats, x: Floats, y: Floats) -> None:
    for _ in range(int(rng.integers(0, 4))):
        at_x, at_y = rng.uniform(-0.9, 0.9), rng.uniform(-0.8, 1.6)
        size = rng.uniform(0.014, 0.028)
        mix(albedo, 0.6 * spot(x - at_x, y - at_y, size, size), tone(who) * np.float32(0.3))
