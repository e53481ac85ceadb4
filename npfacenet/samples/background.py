"""What is behind and below a head: a room out of focus, neck and clothes."""

from __future__ import annotations

import colorsys

import numpy as np

from npfacenet.samples.camera import Rays
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import Features
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import Lamp, lit
from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep


def background(now: Conditions, pixels: int) -> Floats:
    """A room or a street out of focus, linear light (3, pixels, pixels)."""
    rng = np.random.default_rng([now.background, 3])
    line = (np.arange(pixels, dtype=np.float32) + np.float32(0.5)) / np.float32(pixels)
    x, y = np.meshgrid(line, line)
    low, high = _colour(rng, 0.35), _colour(rng, 0.35)
    share = np.clip(0.5 + rng.normal() * (x - 0.5) + rng.normal() * (y - 0.5), 0, 1)
    picture = low[:, None, None] + share * (high - low)[:, None, None]
    for _ in range(int(rng.integers(1, 5))):
        angle, place = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
        if rng.random() < 0.6:
            angle = rng.choice([0, np.pi / 2]) + rng.normal() * 0.05
        across = (x - 0.5) * np.float32(np.cos(angle)) + (y - 0.5) * np.float32(np.sin(angle))
        soft, wide = rng.uniform(0.01, 0.1), rng.uniform(0.03, 0.3)
        band = smoothstep(np.abs(across - place), wide + soft, wide)
        mix(picture, float(rng.uniform(0.3, 0.9)) * band, _colour(rng, 0.5))
    picture *= 1 + 0.3 * _clouds(rng, line)
    return np.asarray(picture, np.float32)


def _clouds(rng: np.random.Generator, line: Floats) -> Floats:
    """A few smooth spots, (n, n), about -1 to 1."""
    count = 8
    places, width = rng.random((2, count, 1)), rng.uniform(0.06, 0.2)
    across, down = np.exp(-0.5 * ((line - places) / width) ** 2)
    return np.asarray(down.T @ (across * rng.uniform(-1, 1, (count, 1))), np.float32)


def _colour(rng: np.random.Generator, vivid: float) -> Floats:
    saturation = vivid * rng.beta(1.2, 2.5)
    # Rooms and streets are mostly of warm hues and blues, seldom purple.
    hue = rng.choice([0.08, 0.1, 0.35, 0.58, 0.62, 0.98]) + rng.normal() * 0.05
    colour = colorsys.hsv_to_rgb(hue % 1, saturation, 0.06 + 0.84 * rng.random() ** 1.4)
    return np.square(np.array(colour, np.float32))


def neck_and_clothes(
    who: Identity,
    face: Features,
    now: Conditions,
    rays: Rays,
    picture: Floats,
    source: Lamp,
    skin: Floats,
) -> None:
    """Draw the neck, and the collar or neckline below it, into the picture."""
    rng = np.random.default_rng([now.clothes, 4])
    # A body turns less than its head.
    x, y = rays.at_depth(-0.3)
    x = x - np.float32(0.4 * rays.turn[2, 0])
    aside = np.abs(x)
    half = who.neck * (1 + 0.25 * smoothstep(y, face.chin + 0.1, face.chin + 0.7))
    round_x = np.clip(x / half, -0.98, 0.98)
    normal = (round_x, np.full_like(x, 0.1), np.sqrt(1 - round_x * round_x))
    under = 0.5 + 0.5 * smoothstep(y, face.chin + 0.0, face.chin + 0.7)
    cords = 1 - 0.08 * bump(aside - 0.3 * who.neck, 0.05)
    albedo = skin[:, None, None] * (under * cords)
    light = lit(
        albedo, normal, source, 0.45 + 0.55 * smoothstep(y, face.chin, face.chin + 0.6), under
    )
    mix(picture, smoothstep(half - aside, 0.0, 0.03) * smoothstep(y, 0.5, 0.9), light)
    shoulder = (
        face.chin
        + 0.28
        + 0.32 * (aside - who.neck) * smoothstep(aside, 1.2, 0.9)
        + rng.normal(0, 0.03)
    )
    shoulder += 0.3 * np.maximum(aside - 0.9, 0) ** 1.5
    neckline = rng.uniform(0.12, 0.75)
    opening = face.chin + 0.25 + neckline * np.maximum(1 - aside / (who.neck * 1.2), 0)
    cloth = smoothstep(y - np.maximum(shoulder, opening), -0.02, 0.03)
    colour, inner = _colour(rng, 0.8), _colour(rng, 0.5)
    fold = 1 + 0.12 * np.sin(
        x * np.float32(rng.uniform(3, 8)) + y * 4 + np.float32(rng.uniform(0, 6))
    )
    lean = np.clip(x / 2.2, -0.9, 0.9)
    normal = (lean, np.full_like(x, -0.3), np.sqrt(np.maximum(0.91 - lean * lean, 0.05)))
    albedo = colour[:, None, None] * fold
    if rng.random() < 0.5:  # a shirt below a jacket
        lapel = who.neck * 0.95 - 0.35 * (y - face.chin - 0.3)
        mix(albedo, smoothstep(lapel - aside, -0.02, 0.04), inner)
    shade = np.ones_like(x)
    mix(picture, cloth, lit(albedo, normal, source, shade, shade))
