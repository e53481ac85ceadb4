"""What is behind people: rooms with walls and floors, streets and gardens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npfacenet.samples.background import drawn_colour
from npfacenet.samples.furniture import furnish
from npfacenet.samples.outdoors import outdoors
from npfacenet.samples.pixel_planes import Floats, looked_up, mix, pattern, smoothstep
from npfacenet.samples.shapes import Box, rectangle

INDOORS = 0.72  # of all backgrounds


def surroundings(
    rng: np.random.Generator, width: int, height: int, floor: float, metre: float
) -> Floats:
    """Draw what is behind people: linear light (3, height, width).

    The floor begins at row `floor`; a metre at the wall has `metre` pixels.
    """
    picture = np.empty((3, height, width), np.float32)
    if rng.random() > INDOORS:
        outdoors(rng, picture, floor, metre)
        return picture
    papered_wall(rng, picture, metre)
    laid_floor(rng, picture, floor, metre)
    furnish(rng, picture, floor, metre)
    lamplight(rng, picture)
    return picture


def papered_wall(rng: np.random.Generator, picture: Floats, metre: float) -> None:
    """Fill a picture with a wall: plain, striped, panelled, of bricks or tiles, or dotted."""
    _, height, width = picture.shape
    colour = np.maximum(drawn_colour(rng, 0.6), 0.03)
    picture[:] = colour[:, None, None]
    other = np.clip(colour * rng.uniform(0.5, 1.5) + rng.normal(0, 0.03, 3), 0.005, 0.9)
    kinds: list[Callable[[np.random.Generator, Floats, Floats, float], None]] = [
        _plain, _plain, _stripes, _panels, _bricks, _bricks, _dots,
    ]  # fmt: skip
    kinds[int(rng.integers(len(kinds)))](rng, picture, other.astype(np.float32), metre)
    if rng.random() < 0.5:
        grain = pattern(rng, 128, int(rng.integers(4, 40)))
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        scale = np.float32(128 / (metre * rng.uniform(0.5, 3)))
        stain = looked_up(grain, x * scale, y * scale)
        picture *= 1 + np.float32(rng.uniform(0.01, 0.07)) * stain


def _plain(rng: np.random.Generator, picture: Floats, other: Floats, _: float) -> None:
    if rng.random() < 0.3:  # another colour below, as in corridors
        height, width = picture.shape[1:]
        rectangle(picture, (0, rng.uniform(0.4, 0.8) * height, width, height), other)


def _stripes(rng: np.random.Generator, picture: Floats, other: Floats, metre: float) -> None:
    _, height, width = picture.shape
    step, share = max(metre * rng.uniform(0.05, 0.4), 4), rng.uniform(0.3, 0.7)
    if rng.random() < 0.3:
        for top in np.arange(-step, height, step):
            rectangle(picture, (0, top, width, top + share * step), other)
        return
    for left in np.arange(-step * rng.random(), width, step):
        rectangle(picture, (left, 0, left + share * step, height), other)


def _panels(rng: np.random.Generator, picture: Floats, other: Floats, metre: float) -> None:
    _, height, width = picture.shape
    wide, tall = (max(metre * rng.uniform(0.4, 1.2), 12) for _ in range(2))
    line = max(0.015 * metre, 0.7)
    for left in np.arange(-wide * rng.random(), width, wide):
        rectangle(picture, (left, 0, left + line, height), other * np.float32(0.5))
    for top in np.arange(-tall * rng.random(), height, tall):
        rectangle(picture, (0, top, width, top + line), other * np.float32(0.5))


def _bricks(rng: np.random.Generator, picture: Floats, other: Floats, metre: float) -> None:
    _, height, width = picture.shape
    tall = max(metre * rng.uniform(0.06, 0.2), 5)
    wide = tall * rng.uniform(1, 3.2)
    line = max(0.12 * tall, 0.7)
    shifted = rng.random() < 0.6
    rows, columns = int(height / tall) + 2, int(width / wide) + 3
    shades = 1 + 0.25 * rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    y, x = np.arange(height) + 0.5, np.arange(width) + 0.5
    row = (y / tall).astype(int)
    along = x[None, :] / wide + (0.5 * (row % 2) if shifted else 0 * row)[:, None]
    shade = shades[row[:, None], along.astype(int)]
    picture *= shade
    down, across = (y % tall) / line, (along % 1) * wide / line
    joint = np.maximum(np.clip(1.5 - down, 0, 1)[:, None], np.clip(1.5 - across, 0, 1))
    mix(picture, joint.astype(np.float32), other)


def _dots(rng: np.random.Generator, picture: Floats, other: Floats, metre: float) -> None:
    """Paint a wallpaper of round motifs, some with two dots and a line below, like no face."""
    _, height, width = picture.shape
    step, size = max(metre * rng.uniform(0.15, 0.6), 12), rng.uniform(0.15, 0.45)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    row = np.floor(y / np.float32(step))
    u = (x / np.float32(step) + 0.5 * (row % 2)) % 1 - np.float32(0.5)
    v = (y / np.float32(step)) % 1 - np.float32(0.5)
    radius = np.hypot(u, v * np.float32(rng.uniform(0.6, 1.4)))
    edge = 1.0 / step
    mask = smoothstep(radius, size + edge, size - edge)
    if rng.random() < 0.6:
        hole = np.hypot(np.abs(u) - np.float32(0.4 * size), v + np.float32(0.2 * size))
        mask = mask * smoothstep(hole, 0.15 * size - edge, 0.15 * size + edge)
    mix(picture, mask, other)


def laid_floor(rng: np.random.Generator, picture: Floats, floor: float, metre: float) -> None:
    """Lay a floor from row `floor` down: boards, tiles or a carpet, in perspective."""
    _, height, width = picture.shape
    top = max(int(floor), 0)
    if top >= height:
        return
    colour, other = np.maximum(drawn_colour(rng, 0.7), 0.02), drawn_colour(rng, 0.5)
    y, x = np.arange(top, height) + np.float32(0.5), np.arange(width) + np.float32(0.5)
    away = (y - floor + 0.4 * metre) / (0.4 * metre)  # 1 at the wall, more in front of it
    u = ((x - width / 2) / metre)[None, :] / away[:, None] + 50
    v = np.broadcast_to((3 / away)[:, None], u.shape) + 50
    kind = rng.integers(3)
    if kind == 0:
        share = ((u * rng.uniform(4, 9)).astype(int) * 7919 % 13) / 13 * 0.35
    elif kind == 1:
        scale = rng.uniform(1.5, 4)
        share = ((u * scale).astype(int) + (v * scale).astype(int)) % 2 * rng.uniform(0.1, 0.8)
    else:
        share = 0.1 + 0.1 * looked_up(pattern(rng, 128, 30), u * 100, v * 100)
    part = np.broadcast_to(colour[:, None, None], (3, *u.shape)).copy()
    mix(part, share.astype(np.float32), other)
    picture[:, top:] = part * np.linspace(0.8, 1.1, len(y), dtype=np.float32)[:, None]
    board: Box = (0, floor - 0.1 * metre, width, floor)
    rectangle(picture, board, np.maximum(drawn_colour(rng, 0.2), 0.02))


def lamplight(rng: np.random.Generator, picture: Floats) -> None:
    """Light a room unevenly: bright about a place, darker far from it; in place."""
    _, height, width = picture.shape
    x = (np.arange(width, dtype=np.float32) / width - rng.uniform(-0.2, 1.2)) ** 2
    y = (np.arange(height, dtype=np.float32) / height - rng.uniform(-0.3, 0.7)) ** 2
    dim = np.float32(rng.uniform(0.0, 0.7))
    wide = np.float32(rng.uniform(0.2, 1.5))
    picture *= 1 - dim * (1 - np.exp(-(y[:, None] + x) / wide))
