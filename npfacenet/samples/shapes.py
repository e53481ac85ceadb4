"""Shapes painted on a picture: rectangles, ellipses and polygons with smooth edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npfacenet.samples.pixel_planes import Colour, Floats, mix

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


def window(picture: Floats, box: Box) -> tuple[slice, slice]:
    """Return the rows and columns of a picture (3, h, w) that a box touches; maybe none."""
    (left, top, right, bottom), (_, height, width) = box, picture.shape
    rows = slice(max(int(np.floor(top)), 0), min(max(int(np.ceil(bottom)), 0), height))
    columns = slice(max(int(np.floor(left)), 0), min(max(int(np.ceil(right)), 0), width))
    empty = rows.start >= rows.stop or columns.start >= columns.stop
    return (slice(0, 0), slice(0, 0)) if empty else (rows, columns)


def centres(part: slice) -> Floats:
    """Return the middles of the pixels of a slice, float32 (n,)."""
    return np.arange(part.start, part.stop, dtype=np.float32) + np.float32(0.5)


def rectangle(picture: Floats, box: Box, colour: Colour | Floats, share: float = 1.0) -> None:
    """Paint a rectangle, in place; `share` of 1 hides what is below it."""
    rows, columns = window(picture, box)
    left, top, right, bottom = box
    y, x = centres(rows), centres(columns)
    down = np.clip(np.minimum(y + 0.5 - top, bottom - y + 0.5), 0, 1)
    across = np.clip(np.minimum(x + 0.5 - left, right - x + 0.5), 0, 1)
    cover = np.float32(share) * down[:, None] * across
    mix(picture[:, rows, columns], cover.astype(np.float32), colour)


def ellipse(
    picture: Floats, box: Box, colour: Colour | Floats, share: float = 1.0, soft: float = 1.0
) -> None:
    """Paint an ellipse that fills a box, in place; its edge is `soft` pixels wide."""
    left, top, right, bottom = box
    beyond = soft / 2
    rows, columns = window(picture, (left - beyond, top - beyond, right + beyond, bottom + beyond))
    a, b = max((right - left) / 2, 0.3), max((bottom - top) / 2, 0.3)
    u = (centres(columns) - (left + right) / 2) / np.float32(a)
    v = (centres(rows) - (top + bottom) / 2) / np.float32(b)
    away = (1 - np.sqrt(u * u + (v * v)[:, None])) * np.float32(min(a, b) / soft)
    cover = np.float32(share) * np.clip(away + np.float32(0.5), 0, 1)
    mix(picture[:, rows, columns], cover.astype(np.float32), colour)


def polygon(
    picture: Floats,
    corners: Sequence[tuple[float, float]],
    colour: Colour | Floats,
    share: float = 1.0,
) -> None:
    """Paint a convex polygon, in place; its corners (x, y) go clockwise."""
    points = np.asarray(corners, np.float64)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    rows, columns = window(picture, (left, top, right, bottom))
    x, y = centres(columns), centres(rows)[:, None]
    cover = np.full((len(y), len(x)), share, np.float32)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
        inside = ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length
        cover = np.minimum(cover, np.clip(inside + 0.5, 0, 1) * np.float32(share))
    mix(picture[:, rows, columns], cover.astype(np.float32), colour)


def darkened(picture: Floats, box: Box, soft: float, share: float) -> None:
    """Darken a picture softly around an ellipse, as a shadow does, in place."""
    left, top, right, bottom = box
    wide = (left - soft, top - soft, right + soft, bottom + soft)
    ellipse(picture, wide, (0.0, 0.0, 0.0), share, soft=max(2 * soft, 1.0))
