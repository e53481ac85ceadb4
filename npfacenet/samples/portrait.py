"""A picture of a person, from all the parts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.samples.background import background, neck_and_clothes
from npfacenet.samples.camera import View, cast, coarsely, normals, view
from npfacenet.samples.conditions import Conditions
from npfacenet.samples.eyes import brows_on, eyes_on, glint
from npfacenet.samples.features import Features, features
from npfacenet.samples.fields import check_whole
from npfacenet.samples.film import developed
from npfacenet.samples.grid import Floats, bump, mix, step
from npfacenet.samples.hair import (
    Strands,
    hair_colour,
    hair_light,
    hair_volume,
    hanging,
    scalp_strands,
)
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import Lamp, gloss, lamp, lit, open_to
from npfacenet.samples.mouth import mouth_on, nostrils_on
from npfacenet.samples.skin import beard_on, skin, tone
from npfacenet.samples.surface import Hit, surface
from npfacenet.samples.worn import glasses_on

LARGEST = 1024
FINER = 1.5  # rays per pixel, each way


def draw(identity: Identity, conditions: Conditions, size: int = 112) -> npt.NDArray[np.uint8]:
    """A picture of a drawn person: uint8 (size, size, 3), RGB.

    It is framed as the central 150 of the 250 pixels of LFW's aligned pictures: the whole head,
    eyes at about 0.43 of the height. The same arguments give the same pixels, as far as NumPy's
    arithmetic is the same. `size` is 1 to 1024; it changes how finely a picture is drawn, not
    what it shows.

    Raises ArgumentError for another size, or for what is no `Identity` or no `Conditions`.

    >>> draw(Identity(), Conditions(), size=16).shape
    (16, 16, 3)
    """
    if not isinstance(identity, Identity):
        raise ArgumentError(f"identity is an Identity, not {identity!r}")
    if not isinstance(conditions, Conditions):
        raise ArgumentError(f"conditions is a Conditions, not {conditions!r}")
    if not 1 <= check_whole(size, "size") <= LARGEST:
        raise ArgumentError(f"size is 1 to {LARGEST}, not {size}")
    return developed(
        _scene(identity, conditions, 2 * math.ceil(FINER * int(size) / 2)), conditions, int(size)
    )


def _scene(who: Identity, now: Conditions, pixels: int) -> Floats:
    """The light that reaches the film, linear, (3, pixels, pixels)."""
    face, source, strands = features(who, now), lamp(now), Strands(who)
    rays = view(now, pixels)
    picture = background(now, pixels)
    hanging(who, now, rays, picture, strands, source, in_front=False)
    neck_and_clothes(who, face, now, rays, picture, source, tone(who))
    if who.hair_length < 0.5:
        _ears(who, rays, picture, source)
    head = surface(who, face, hair_volume(who, now))
    rows, columns, depth, scale = coarsely(rays, head)
    rays_on = rays.cut(rows, columns)
    hit = cast(rays_on, head, depth, scale)
    grain = scalp_strands(who, strands, hit.angle, hit.x, hit.y)
    cover = _silhouette(face, hit, grain)
    light = _head(who, face, now, rays_on, hit, source, strands, grain)
    mix(picture[:, rows, columns], cover, light)
    hanging(who, now, rays, picture, strands, source, in_front=True)
    if now.glasses:
        glasses_on(who, now, rays, picture, source)
    return picture


def _silhouette(face: Features, hit: Hit, grain: Floats) -> Floats:
    """Where the head is (h, w); hair ends less evenly than skin."""
    fluff = 0.03 * grain * step(hit.hair, 0.1, 0.4)
    return step(hit.rim + fluff, 0.015, 0.075) * step(hit.y, face.chin - 0.04, face.chin - 0.12)


def _head(
    who: Identity,
    face: Features,
    now: Conditions,
    rays: View,
    hit: Hit,
    source: Lamp,
    strands: Strands,
    grain: Floats,
) -> Floats:
    x, y = hit.x, hit.y
    normal = normals(hit.depth, rays.spacing)
    depth = np.where(hit.rim > 0, hit.depth, np.float32(-9))
    lamplight = open_to(source, depth, rays.spacing)
    sky = np.clip(1 - 6.5 * np.maximum(hit.hollow, -0.02), 0.25, 1.15)

    bristle = strands.at(x + 0.3 * y, y * np.float32(1.5))
    albedo = skin(who, face, x, y, now.flush)
    beard_on(who, face, albedo, x, y, bristle, hair_colour(who, 0.8))
    part = _band(y, face.nose_y - 0.3, face.nose_y + 0.4)
    nostrils_on(who, face, albedo[:, part], x[part], y[part])
    mouth = _band(y, face.mouth_y - 0.4, face.mouth_y + face.gap + 0.5)
    lips = mouth_on(who, face, now, albedo[:, mouth], x[mouth], y[mouth])
    eyes = _band(y, -0.35, 0.35)
    wet = eyes_on(who, face, now, albedo[:, eyes], x[eyes], y[eyes])
    part = _band(y, face.brow_y - 0.35, face.brow_y + 0.3)
    brow = hair_colour(who, 0.5) * np.float32(0.7)
    lie = strands.at(x[part] + 0.35 * y[part], y[part], smooth=True)
    brows_on(who, face, now, albedo[:, part], x[part], y[part], lie, brow)

    light = lit(albedo, normal, source, lamplight, sky)
    oily = 0.0375 + 0.0375 * bump(x, 0.35)
    oily[mouth] += 0.06 * lips
    light += source.key[:, None, None] * (oily * lamplight * gloss(normal, source, 16))
    light *= 0.6 + 0.4 * step(face.chin - y, 0.04, 0.3)
    light[:, eyes] += source.key[:, None, None] * (wet * glint(face, now, x[eyes], y[eyes]))

    within = hit.hair + 0.05 * grain
    cover = step(within, -0.07, 0.05) * min(1.0, 0.55 + 2.5 * who.hair_length)
    # Hair shades the skin below it.
    light *= 1 - 0.4 * bump(hit.hair + 0.03, 0.07)
    mix(light, cover, hair_light(hair_colour(who), grain, normal, source, np.minimum(sky, 1)))
    # What lies beyond the outline has no normal of its own.
    light *= 0.55 + 0.45 * step(hit.rim, -0.02, 0.1)
    return light


def _band(y: Floats, low: float, high: float) -> slice:
    """The rows of pixels that show something of these heights of the head."""
    rows = np.flatnonzero((y.min(axis=1) < high) & (y.max(axis=1) > low))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 1)


def _ears(who: Identity, rays: View, picture: Floats, source: Lamp) -> None:
    """Draw both ears, flat shells that stand off the head's sides."""
    x, y = rays.at_depth(0.0)
    tall, wide = 0.31 * who.ear_size, 0.125 * who.ear_size
    aside = np.abs(x) - who.head_width * 0.97
    u = (aside - 0.25 * (0.25 - y) * wide) / wide
    v = (y - 0.27) / np.float32(tall)
    v += 0.25 * u * (v > 0)
    radius = np.sqrt(u * u + v * v)
    inner = np.sqrt(np.square(u + 0.15) + np.square(v + 0.1))
    shade = 1 - 0.45 * step(inner, 0.75, 0.4) + 0.12 * bump(radius - 0.85, 0.12)
    albedo = tone(who)[:, None, None] * np.array([0.93, 0.80, 0.78], np.float32)[:, None, None]
    albedo = albedo * shade
    lean = np.sign(x) * np.clip(0.35 + 0.4 * u, -0.9, 0.9)
    normal = (lean, np.zeros_like(x), np.sqrt(1 - lean * lean))
    half = np.full_like(x, 0.8)
    mix(picture, step(radius, 1.0, 0.88), lit(albedo, normal, source, half, half))
