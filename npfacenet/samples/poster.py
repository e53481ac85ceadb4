"""Posters on walls: flat, somewhat dull pictures of drawn people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from npfacenet.samples.background import drawn_colour
from npfacenet.samples.camera import Projection
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.film import metered, through_lens
from npfacenet.samples.identity import identity
from npfacenet.samples.location import Location, located
from npfacenet.samples.pixel_planes import Floats, mix
from npfacenet.samples.portrait import LARGEST, draw
from npfacenet.samples.shapes import rectangle, window


def poster_on(
    rng: np.random.Generator,
    picture: Floats,
    where: Location,
    person: int,
    now: Conditions,
    camera: Conditions,
) -> None:
    """Hang a poster into linear light (3, h, w), in place, so that its face is at a location."""
    flat = replace(now, distance=1.0, shift_x=0.0, shift_y=0.0, noise=0.0)
    who = identity(person)
    # Where the face would be on a portrait of one pixel, and how much larger it is to be.
    unit = located(who, flat, Projection.of_portrait(flat, 1.0))
    size = max(round(float(np.ptp(where.box[1::2]) / np.ptp(unit.box[1::2]))), 1)
    left, top = np.rint(where.landmarks[2] - size * unit.landmarks[2]).astype(int).tolist()
    levels = draw(who, flat, min(size, LARGEST)).astype(np.float32) / 255
    if rng.random() < 0.3:
        levels = np.repeat(levels @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
        levels = levels * np.array(rng.uniform(0.85, 1.0, 3), np.float32)
    flattened = 0.5 + np.float32(rng.uniform(0.6, 0.95)) * (levels - 0.5)
    printed = np.square(flattened).transpose(2, 0, 1) * np.float32(0.9 * metered(camera))
    if size > LARGEST:
        printed = through_lens(printed, size, size, blur=0.4 * size / LARGEST)
    _paper(rng, picture, (left, top, size), metered(camera))
    rows, columns = window(picture, (left, top, left + size, top + size))
    part = printed[
        :, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    shown = picture[:, rows, columns]
    if shown.size:
        mix(shown, np.ones(shown.shape[1:], np.float32), part)


def _paper(
    rng: np.random.Generator, picture: Floats, place: tuple[int, int, int], light: float
) -> None:
    """Paint what surrounds the print: a margin of paper with lines of text, or a frame."""
    left, top, size = place
    rim = rng.uniform(0.03, 0.1) * size
    text = rng.uniform(0.1, 0.35) * size if rng.random() < 0.6 else 0.0
    colour = np.maximum(drawn_colour(rng, 0.7), 0.02) * np.float32(light)
    outer = (left - rim, top - rim, left + size + rim, top + size + rim + text)
    shadow = (
        outer[0] + 0.3 * rim,
        outer[1] + 0.4 * rim,
        outer[2] + 0.4 * rim,
        outer[3] + 0.5 * rim,
    )
    rectangle(picture, shadow, (0.0, 0.0, 0.0), 0.3)
    rectangle(picture, outer, colour)
    ink = colour * np.float32(0.15) if colour.mean() > 0.2 else colour + np.float32(0.5 * light)
    for line in np.arange(0.2, 0.9, 0.3) * text:
        y, end = top + size + 0.5 * rim + line, left + rng.uniform(0.4, 1.0) * size
        rectangle(picture, (left, y, end, y + 0.14 * text), ink)
