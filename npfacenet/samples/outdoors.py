"""Streets and gardens."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.background import drawn_colour
from npfacenet.samples.pixel_planes import Floats, looked_up, mix, pattern, smoothstep
from npfacenet.samples.shapes import ellipse, rectangle


def outdoors(rng: np.random.Generator, picture: Floats, ground: float, metre: float) -> None:
    """Fill a picture with sky, houses or trees, and the ground from row `ground` down."""
    _, height, width = picture.shape
    _sky(rng, picture)
    for _ in range(int(rng.integers(1, 4))):
        house(rng, picture, ground, metre * rng.uniform(0.25, 0.8))
    _foliage(rng, picture, ground, metre)
    top = max(int(ground), 0)
    if top < height:
        near = np.linspace(0.8, 1.1, height - top, dtype=np.float32)[:, None]
        tint = np.array([(0.12, 0.2, 0.05), (0.2, 0.19, 0.18), (0.32, 0.27, 0.2)], np.float32)
        x, y = np.meshgrid(np.arange(width), np.arange(top, height))
        grain = looked_up(pattern(rng, 128, 40), x * 0.7, y * 1.4)
        colour = tint[int(rng.integers(3))] * np.float32(rng.uniform(0.6, 1.6))
        picture[:, top:] = colour[:, None, None] * near * (1 + 0.15 * grain)
    picture *= np.float32(rng.uniform(0.6, 1.3))


def _sky(rng: np.random.Generator, picture: Floats) -> None:
    _, height, width = picture.shape
    high, low = np.array([(0.25, 0.42, 0.8), (0.7, 0.8, 0.9)], np.float32)
    grey = np.float32(rng.random())
    high = high + grey * (high.mean() - high)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    picture[:] = high[:, None, None] + share * (low - high)[:, None, None]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    scale = np.float32(128 / (width * rng.uniform(0.5, 2)))
    cloud = looked_up(pattern(rng, 128, 4), x * scale, y * 2 * scale)
    mix(picture, 0.8 * smoothstep(cloud, 0.2, 1.6), (0.85, 0.86, 0.88))


def house(rng: np.random.Generator, picture: Floats, ground: float, metre: float) -> None:
    """Paint the front of a house with rows of windows, standing on row `ground`."""
    _, _, width = picture.shape
    left = rng.uniform(-0.3, 0.9) * width
    wide, tall = rng.uniform(5, 14) * metre, rng.uniform(5, 14) * metre
    wall, dark = np.maximum(drawn_colour(rng, 0.6), 0.04), drawn_colour(rng, 0.4) * np.float32(0.3)
    rectangle(picture, (left, ground - tall, left + wide, ground), wall)
    step_x, step_y = rng.uniform(1.6, 3, 2) * metre
    pane_x, pane_y = rng.uniform(0.35, 0.7) * step_x, rng.uniform(0.4, 0.7) * step_y
    for x in np.arange(left + 0.3 * step_x, left + wide - pane_x, step_x):
        for y in np.arange(ground - tall + 0.4 * step_y, ground - pane_y, step_y):
            frame = (x - 0.06 * step_x, y - 0.06 * step_y, x + pane_x, y + pane_y)
            rectangle(picture, frame, np.minimum(wall * np.float32(1.3), 0.9))
            shade = dark * np.float32(rng.uniform(0.5, 2.5))
            rectangle(picture, (x, y, x + 0.92 * pane_x, y + 0.94 * pane_y), shade)


def _foliage(rng: np.random.Generator, picture: Floats, ground: float, metre: float) -> None:
    """Paint trees and bushes: crowns of many leaves, light above and dark below."""
    _, _, width = picture.shape
    for _ in range(int(rng.integers(0, 5))):
        x, size = rng.uniform(-0.1, 1.1) * width, rng.uniform(0.5, 2.5) * metre
        y = ground - rng.uniform(0.3, 2.0) * size
        trunk = (0.09, 0.065, 0.045)
        rectangle(picture, (x - 0.08 * size, y, x + 0.08 * size, ground), trunk)
        green = np.array((0.06, 0.14, 0.03)) * rng.uniform(0.5, 2, 3)
        for _ in range(160):
            a, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
            dx, dy = r * np.cos(a) * size, 0.9 * r * np.sin(a) * size
            leaf = rng.uniform(0.03, 0.13) * size
            shade = np.clip(green * (1.0 - 0.7 * dy / size) * rng.uniform(0.6, 1.4), 0, 0.8)
            box = (x + dx - leaf, y + dy - 0.8 * leaf, x + dx + leaf, y + dy + 0.8 * leaf)
            ellipse(picture, box, shade.astype(np.float32), soft=1.5)
