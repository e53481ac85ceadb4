"""What stands in rooms and hangs on their walls, which is never a face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from npfacenet.samples.background import drawn_colour
from npfacenet.samples.pixel_planes import Floats
from npfacenet.samples.shapes import Box, darkened, ellipse, polygon, rectangle

_WOODS = ((0.36, 0.2, 0.09), (0.16, 0.08, 0.04), (0.55, 0.38, 0.2), (0.7, 0.68, 0.64))
Thing = Callable[[np.random.Generator, Floats, float, float, float], None]


def furnish(rng: np.random.Generator, picture: Floats, floor: float, metre: float) -> None:
    """Furnish a room whose floor begins at row `floor`, in place."""
    _, _, width = picture.shape
    every: tuple[Thing, ...] = (
        casement, door, shelves, lamp, plant, painting, clock, ball, painting, sockets, cabinet,
    )  # fmt: skip
    for _ in range(int(rng.integers(1, 8))):
        x = rng.uniform(-0.05, 1.05) * width
        every[int(rng.integers(len(every)))](rng, picture, x, floor, metre)


def _wood(rng: np.random.Generator) -> Floats:
    tone = np.array(_WOODS[int(rng.integers(len(_WOODS)))], np.float32)
    return np.asarray(tone * rng.uniform(0.6, 1.4), np.float32)


def casement(
    rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float
) -> None:
    """Paint a window: sky, a hill, bars, and sometimes curtains."""
    wide, tall = rng.uniform(0.7, 1.8) * metre, rng.uniform(0.9, 1.6) * metre
    top = floor - rng.uniform(2.1, 2.5) * metre
    left, right, bottom = x - wide / 2, x + wide / 2, top + tall
    rim, white = 0.05 * metre, np.full(3, rng.uniform(0.4, 0.85), np.float32)
    rectangle(picture, (left - rim, top - rim, right + rim, bottom + rim), white)
    bright = np.float32(rng.uniform(0.3, 1.6))
    rectangle(picture, (left, top, right, bottom), np.array((0.55, 0.7, 0.9)) * bright)
    hill = top + rng.uniform(0.4, 0.9) * tall
    rectangle(picture, (left, hill, right, bottom), np.array((0.2, 0.3, 0.15)) * bright)
    for bar in np.linspace(left, right, int(rng.integers(2, 5)))[1:-1]:
        rectangle(picture, (bar - 0.4 * rim, top, bar + 0.4 * rim, bottom), white)
    if rng.random() < 0.6:
        middle = top + rng.uniform(0.3, 0.6) * tall
        rectangle(picture, (left, middle - 0.4 * rim, right, middle + 0.4 * rim), white)
    if rng.random() < 0.5:
        cloth, fold = drawn_colour(rng, 0.7), 0.07 * metre
        for side in (left - 0.2 * wide, right - 0.15 * wide):
            for i, at in enumerate(np.arange(side, side + 0.35 * wide, fold)):
                shade = cloth * np.float32(1.0 if i % 2 else 0.75)
                rectangle(picture, (at, top - 2 * rim, at + fold, floor - 0.2 * metre), shade)


def door(rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float) -> None:
    """Paint a door with panels and a knob."""
    half, top, colour = 0.45 * metre, floor - 2.05 * metre, _wood(rng)
    frame = (x - half - 0.07 * metre, top - 0.07 * metre, x + half + 0.07 * metre, floor)
    rectangle(picture, frame, colour * np.float32(1.25))
    rectangle(picture, (x - half, top, x + half, floor), colour)
    for low, high in ((0.1, 0.45), (0.52, 0.92)):
        for side in (-0.78, 0.1):
            panel = (x + side * half, top + low * 2.05 * metre, x + (side + 0.68) * half)
            box: Box = (*panel, top + high * 2.05 * metre)
            rectangle(picture, box, colour * np.float32(0.8))
    at_x, at_y, r = x + 0.85 * half, floor - 1.0 * metre, 0.035 * metre
    ellipse(picture, (at_x - r, at_y - r, at_x + r, at_y + r), (0.6, 0.55, 0.35))


def shelves(
    rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float
) -> None:
    """Paint shelves with books, boxes and round vases."""
    wide, top, wood = (
        rng.uniform(0.8, 1.6) * metre,
        floor - rng.uniform(1.6, 2.3) * metre,
        _wood(rng),
    )
    left, right, board = x - wide / 2, x + wide / 2, 0.03 * metre
    rectangle(picture, (left, top, right, floor), wood * np.float32(0.4))
    for shelf in np.arange(top + 0.36 * metre, floor, 0.36 * metre):
        at = left + board
        while at < right - 0.1 * metre and rng.random() < 0.97:
            thick, tall = rng.uniform(0.02, 0.07) * metre, rng.uniform(0.15, 0.31) * metre
            colour = drawn_colour(rng, 1.0)
            if rng.random() < 0.12:
                thick = 0.16 * metre
                ellipse(picture, (at, shelf - 0.2 * metre, at + thick, shelf), colour)
            else:
                rectangle(picture, (at, shelf - tall, at + thick, shelf), colour)
            at += thick + rng.choice([0.0, 0.0, 0.1]) * metre
        rectangle(picture, (left, shelf, right, shelf + board), wood)
    for side in (left, right):
        rectangle(picture, (side - board, top, side + board, floor), wood)


def lamp(rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float) -> None:
    """Paint a standing or hanging lamp with a glow about it."""
    y, size = floor - rng.uniform(1.3, 2.3) * metre, rng.uniform(0.12, 0.25) * metre
    warm = np.array((1.0, 0.82, 0.55), np.float32) * np.float32(rng.uniform(0.5, 1.4))
    glow = 5 * size
    ellipse(picture, (x - glow, y - glow, x + glow, y + glow), warm, 0.2, soft=glow)
    standing = rng.random() < 0.6
    pole = (
        x - 0.012 * metre,
        y if standing else -metre,
        x + 0.012 * metre,
        floor if standing else y,
    )
    rectangle(picture, pole, (0.05, 0.05, 0.05))
    if rng.random() < 0.4:
        ellipse(picture, (x - size, y - size, x + size, y + size), warm)
        return
    shade = [(x - 0.6 * size, y - size), (x + 0.6 * size, y - size), (x + size, y + size)]
    polygon(picture, [*shade, (x - size, y + size)], warm)


def plant(rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float) -> None:
    """Paint a pot with leaves."""
    size = rng.uniform(0.12, 0.25) * metre
    base = floor if rng.random() < 0.6 else floor - rng.uniform(0.7, 1.2) * metre
    pot = [(x - size, base - 1.6 * size), (x + size, base - 1.6 * size), (x + 0.7 * size, base)]
    polygon(picture, [*pot, (x - 0.7 * size, base)], drawn_colour(rng, 0.9))
    green = np.array((0.06, 0.17, 0.04)) * rng.uniform(0.6, 2.2, 3)
    for _ in range(int(rng.integers(12, 40))):
        angle, reach = rng.normal(0, 0.6), rng.uniform(1, 4) * size
        at = (x + reach * np.sin(angle), base - 1.6 * size - reach * np.cos(angle))
        r = rng.uniform(0.2, 0.55) * size
        shade = (green * rng.uniform(0.5, 1.4)).astype(np.float32)
        ellipse(picture, (at[0] - r, at[1] - 1.4 * r, at[0] + r, at[1] + 1.4 * r), shade)


def painting(
    rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float
) -> None:
    """Paint a framed picture: a landscape, or shapes."""
    wide, tall = rng.uniform(0.25, 0.9) * metre, rng.uniform(0.25, 0.9) * metre
    y = floor - rng.uniform(1.3, 2.0) * metre
    box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    framed(rng, picture, box, rng.uniform(0.01, 0.06) * metre)
    low = drawn_colour(rng, 0.9)
    rectangle(picture, box, low)
    rectangle(
        picture, (box[0], box[1], box[2], y + rng.uniform(-0.2, 0.3) * tall), drawn_colour(rng, 0.9)
    )
    for _ in range(int(rng.integers(0, 7))):
        r, s = rng.uniform(0.04, 0.2) * wide, rng.uniform(0.04, 0.2) * tall
        at_x, at_y = x + rng.uniform(-0.28, 0.28) * wide, y + rng.uniform(-0.28, 0.28) * tall
        ellipse(picture, (at_x - r, at_y - s, at_x + r, at_y + s), drawn_colour(rng, 1.0))


def framed(rng: np.random.Generator, picture: Floats, box: Box, rim: float) -> None:
    """Paint the frame of a picture on the wall around a box, and the frame's shadow."""
    left, top, right, bottom = box
    outer = (left - rim, top - rim, right + rim, bottom + rim)
    rectangle(picture, tuple(e + 0.5 * rim for e in outer), (0.0, 0.0, 0.0), 0.25)  # type: ignore[arg-type]
    rectangle(picture, outer, _wood(rng) if rng.random() < 0.6 else drawn_colour(rng, 0.2))


def clock(rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float) -> None:
    """Paint a round clock with twelve marks and two hands."""
    r, y = rng.uniform(0.1, 0.25) * metre, floor - rng.uniform(1.6, 2.3) * metre
    ellipse(picture, (x - 1.1 * r, y - 1.1 * r, x + 1.1 * r, y + 1.1 * r), drawn_colour(rng, 0.6))
    ellipse(picture, (x - r, y - r, x + r, y + r), np.maximum(drawn_colour(rng, 0.4), 0.3))
    for hour in range(12):
        dx, dy = np.sin(hour * np.pi / 6), np.cos(hour * np.pi / 6)
        mark, at_x, at_y = 0.06 * r, x + 0.82 * r * dx, y + 0.82 * r * dy
        ellipse(picture, (at_x - mark, at_y - mark, at_x + mark, at_y + mark), (0.02, 0.02, 0.02))
    for length, wide in ((0.5, 0.05), (0.75, 0.035)):
        a = rng.uniform(0, 2 * np.pi)
        dx, dy = np.sin(a), -np.cos(a)
        px, py = -dy * wide * r, dx * wide * r
        tip = (x + length * r * dx, y + length * r * dy)
        hand = [(x - px, y - py), (tip[0] - px, tip[1] - py), (tip[0] + px, tip[1] + py)]
        polygon(picture, [*hand, (x + px, y + py)], (0.02, 0.02, 0.02))


def ball(rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float) -> None:
    """Paint something round, often of a colour like skin's, with spots on it."""
    r, y = rng.uniform(0.08, 0.3) * metre, floor - rng.uniform(0.2, 2.0) * metre
    skin = np.array((0.6, 0.36, 0.25), np.float32) * np.float32(rng.uniform(0.2, 1.4))
    colour = skin if rng.random() < 0.6 else drawn_colour(rng, 1.0)
    tall = r * rng.uniform(0.9, 1.5)
    darkened(picture, (x - r, y + 0.7 * tall, x + r, y + 1.1 * tall), 0.3 * r, 0.4)
    ellipse(picture, (x - r, y - tall, x + r, y + tall), colour * np.float32(0.6))
    box = (x - 0.85 * r, y - 0.95 * tall, x + 0.7 * r, y + 0.6 * tall)
    ellipse(picture, box, colour, soft=max(0.5 * r, 1.0))
    for _ in range(int(rng.integers(0, 4))):
        s, at_x, at_y = 0.15 * r, x + rng.uniform(-0.5, 0.5) * r, y + rng.uniform(-0.5, 0.5) * tall
        ellipse(picture, (at_x - s, at_y - s, at_x + s, at_y + s), colour * np.float32(0.2))


def sockets(
    rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float
) -> None:
    """Paint sockets or switches in a row, each a plate with two holes and maybe a slot."""
    side, y = rng.uniform(0.07, 0.16) * metre, floor - rng.uniform(0.3, 1.6) * metre
    plate = np.full(3, rng.uniform(0.3, 0.85), np.float32)
    slot = rng.random() < 0.5
    for i in range(int(rng.integers(1, 4))):
        left = x + 1.05 * i * side
        rectangle(picture, (left, y, left + side, y + side), plate)
        inner = (left + 0.12 * side, y + 0.12 * side, left + 0.88 * side, y + 0.88 * side)
        ellipse(picture, inner, plate * np.float32(0.8))
        for at in (0.36, 0.64):
            hole = (
                left + (at - 0.06) * side,
                y + 0.4 * side,
                left + (at + 0.06) * side,
                y + 0.52 * side,
            )
            ellipse(picture, hole, (0.01, 0.01, 0.01))
        if slot:
            line = (left + 0.38 * side, y + 0.66 * side, left + 0.62 * side, y + 0.71 * side)
            rectangle(picture, line, (0.02, 0.02, 0.02))


def cabinet(
    rng: np.random.Generator, picture: Floats, x: float, floor: float, metre: float
) -> None:
    """Paint a chest of drawers with two knobs on each."""
    half, tall, wood = rng.uniform(0.35, 0.7) * metre, rng.uniform(0.7, 1.2) * metre, _wood(rng)
    count = int(rng.integers(2, 5))
    rectangle(picture, (x - half, floor - tall, x + half, floor), wood * np.float32(0.7))
    for i in range(count):
        top, bottom = floor - tall + i * tall / count, floor - tall + (i + 0.9) * tall / count
        rectangle(picture, (x - 0.95 * half, top, x + 0.95 * half, bottom), wood)
        for side in (-0.5, 0.5):
            at_x, at_y, r = x + side * half, (top + bottom) / 2, 0.025 * metre
            ellipse(picture, (at_x - r, at_y - r, at_x + r, at_y + r), (0.3, 0.27, 0.2))
