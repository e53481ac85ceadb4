"""Drawing a standing person into a picture, as finely as the person is shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from npfacenet.samples.body import neck_and_clothes
from npfacenet.samples.camera import Projection
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.features import features
from npfacenet.samples.hair import hanging_hair
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import lamp
from npfacenet.samples.pixel_planes import Floats
from npfacenet.samples.portrait import head_on
from npfacenet.samples.strands import Strands
from npfacenet.samples.subject import Subject

LEAN = 0.4  # of a head's roll that its body leans
_FINEST, _COARSEST = 40.0, 110.0  # rays per unit that a head needs, and with which it is smooth
_HEAD = ((-1.9, -2.4), (1.9, 2.9))  # units about the origin: the head with its hair
_BODY = ((-4.2, 0.9), (4.2, 29.0))
_NECK = -0.3  # the plane of neck and body


def person_on(picture: Floats, who: Identity, now: Conditions, projection: Projection) -> None:
    """Draw a person into linear light (3, h, w), in place, where a projection shows the head."""
    face, strands = features(who, now), Strands(who)

    def part(
        view: Projection, extent: tuple[tuple[float, float], tuple[float, float]], finer: float,
        painting: Callable[[Subject, Floats], None],
    ) -> None:  # fmt: skip
        box = _seen(view, extent, picture.shape[1:])
        if box is None:
            return
        rows, columns = box
        shown = picture[:, rows, columns]
        tall, wide = (2 * math.ceil(n * finer / 2) for n in shown.shape[1:])
        ys = rows.start + (np.arange(tall) + 0.5) / finer
        xs = columns.start + (np.arange(wide) + 0.5) / finer
        rays = replace(view.rays(xs, ys), spacing=view.spacing / finer)
        layer = np.zeros((4, tall, wide), np.float32)
        painting(Subject(who, face, now, lamp(now), strands, rays), layer)
        _lay_over(shown, layer)

    unit = 1 / projection.spacing
    fine = _fineness(unit)
    long = float(0.6 + 2.6 * max(who.hair_length - 0.4, 0))
    below = max(_HEAD[1][1], long + 0.3)
    head = (_HEAD[0], (_HEAD[1][0], below))
    part(projection, head, fine, lambda s, p: hanging_hair(s, p, in_front=False))
    body = _leaning(now, projection, face.chin)
    part(body, _BODY, min(fine, 2.0), lambda s, p: neck_and_clothes(s, p, whole=True))
    part(projection, head, fine, head_on)


def _fineness(unit: float) -> float:
    """Return the rays per pixel, each way, for a head whose units have so many pixels."""
    if unit > _COARSEST:
        return 0.5
    return float(min(max(math.ceil(_FINEST / unit), 1), 5))


def _leaning(now: Conditions, projection: Projection, chin: float) -> Projection:
    """Return the projection of the body: it rolls less than the head, about the neck."""
    own = Projection.of(replace(now, roll=LEAN * now.roll), projection.spacing, 0, 0)
    neck = (0.0, chin, _NECK)
    x, y = projection.pixels(neck) - own.pixels(neck)
    return replace(own, anchor_x=float(x), anchor_y=float(y))


def _seen(
    view: Projection,
    extent: tuple[tuple[float, float], tuple[float, float]],
    shape: tuple[int, ...],
) -> tuple[slice, slice] | None:
    """Return the rows and columns, an even number of each, where a part may be seen."""
    (left, top), (right, bottom) = extent
    corners = [(x, y, z) for x in (left, right) for y in (top, bottom) for z in (-1.0, 1.0)]
    points = view.pixels(corners)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    slices = []
    for start, stop, length in zip(low[::-1], high[::-1], shape, strict=True):
        first, last = max(int(start), 0), min(int(stop), length)
        last -= (last - first) % 2
        if last - first < 4:
            return None
        slices.append(slice(first, last))
    return slices[0], slices[1]


def _lay_over(shown: Floats, layer: Floats) -> None:
    """Lay colours and what they hide (4, h, w) over a part of a picture, in place."""
    _, height, width = shown.shape
    times = layer.shape[1] // height
    if times >= 1:
        layer = layer.reshape(4, height, times, width, times).mean(axis=(2, 4))
    else:
        layer = _twice(_twice(layer, 1), 2)[:, :height, :width]
    shown *= 1 - layer[3]
    shown += layer[:3]


def _twice(planes: Floats, axis: int) -> Floats:
    """Interpolate planes to twice the length of an axis."""
    one = np.moveaxis(planes, axis, 0)
    padded = np.concatenate([one[:1], one, one[-1:]])
    result = np.empty((2 * len(one), *one.shape[1:]), np.float32)
    result[::2] = 0.75 * one + 0.25 * padded[:-2]
    result[1::2] = 0.75 * one + 0.25 * padded[2:]
    return np.moveaxis(result, 0, axis)
