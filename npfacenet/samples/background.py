"""The background of a picture: a room or a street out of focus."""

from __future__ import annotations

import colorsys

import numpy as np

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.pixel_planes import Floats, mix, smoothstep


def background(now: Conditions, pixels: int) -> Floats:
    """Draw a room or a street out of focus: linear light (3, pixels, pixels)."""
    rng = np.random.default_rng([now.background, 3])
    line = (np.arange(pixels, dtype=np.float32) + np.float32(0.5)) / np.float32(pixels)
    x, y = np.meshgrid(line, line)
    low, high = drawn_colour(rng, 0.35), drawn_colour(rng, 0.35)
    share = np.clip(0.5 + rng.normal() * (x - 0.5) + rng.normal() * (y - 0.5), 0, 1)
    picture = low[:, None, None] + share * (high - low)[:, None, None]
    for _ in range(int(rng.integers(1, 5))):
        angle, place = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
        if rng.random() < 0.6:
            angle = rng.choice([0, np.pi / 2]) + rng.normal() * 0.05
        across = (x - 0.5) * np.float32(np.cos(angle)) + (y - 0.5) * np.float32(np.sin(angle))
        soft, wide = rng.uniform(0.01, 0.1), rng.uniform(0.03, 0.3)
        band = smoothstep(np.abs(across - place), wide + soft, wide)
        mix(picture, float(rng.uniform(0.3, 0.9)) * band, drawn_colour(rng, 0.5))
    picture *= 1 + 0.3 * _clouds(rng, line)
    return np.asarray(picture, np.float32)


def _clouds(rng: np.random.Generator, line: Floats) -> Floats:
    """Draw a few smooth spots, (n, n), about -1 to 1."""
    count = 8
    places, width = rng.random((2, count, 1)), rng.uniform(0.06, 0.2)
    across, down = np.exp(-0.5 * ((line - places) / width) ** 2)
    return np.asarray(down.T @ (across * rng.uniform(-1, 1, (count, 1))), np.float32)


def drawn_colour(rng: np.random.Generator, vivid: float) -> Floats:
    """Draw the colour of a wall or cloth at random: linear light (3,), `vivid` 0 to 1."""
    saturation = vivid * rng.beta(1.2, 2.5)
    # Rooms and streets mostly have warm hues and blues, seldom purple.
    hue = rng.choice([0.08, 0.1, 0.35, 0.58, 0.62, 0.98]) + rng.normal() * 0.05
    colour = colorsys.hsv_to_rgb(hue % 1, saturation, 0.06 + 0.84 * rng.random() ** 1.4)
    return np.square(np.array(colour, np.float32))
