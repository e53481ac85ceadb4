"""The visible head: its outline, its colours, the light from it, and its ears."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.beard import beard_on
from npfacenet.samples.camera import Rays, normals
from npfacenet.samples.eyes import brows_on, eyes_on, glint
from npfacenet.samples.features import Features
from npfacenet.samples.hair import hair_colour, hair_light
from npfacenet.samples.light import gloss, lit, open_to
from npfacenet.samples.mouth import mouth_on, nostrils_on
from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep
from npfacenet.samples.skin import skin, tone
from npfacenet.samples.subject import Patch, Subject
from npfacenet.samples.surface import Hit


def silhouette(face: Features, hit: Hit, grain: Floats, top: float) -> Floats:
    """Return where the head is (h, w), 0 to 1; hair has a rougher edge than skin.

    `top` is the height of its highest point, above which the surface is but a line.
    """
    fluff = 0.03 * grain * smoothstep(hit.hair, 0.1, 0.4)
    # The rays' iteration has not converged at the very edge of a jaw.
    jaw = 0.07 * smoothstep(hit.y, 0.8, 1.4)
    within = smoothstep(hit.rim + fluff - jaw, 0.03, 0.1) * (hit.y > top)
    return within * smoothstep(hit.y, face.chin - 0.04, face.chin - 0.12)


def head_light(subject: Subject, hit: Hit, grain: Floats) -> Floats:
    """Return the light from skin, eyes, mouth and the hair on the head: linear (3, h, w)."""
    who, face, rays = subject.who, subject.face, subject.rays
    source, normal = subject.lamp, _normals(rays, hit)
    depth = np.where(hit.rim > 0, hit.depth, np.float32(-9))
    lamplight = open_to(source, depth, rays.spacing)
    sky = np.clip(1 - 6.5 * np.maximum(hit.hollow, -0.02), 0.25, 1.15)
    albedo, moist, wet = _coloured(subject, hit)
    light = lit(albedo, normal, source, lamplight, sky)
    key = source.key[:, None, None]
    oily = 0.0375 + 0.0375 * bump(hit.x, 0.35) + moist
    light += key * (oily * lamplight * gloss(normal, source, 16))
    light *= 0.6 + 0.4 * smoothstep(face.chin - hit.y, 0.04, 0.3)
    light += key * wet
    # Hair shades the skin below it.
    light *= 1 - 0.55 * bump(hit.hair + 0.04, 0.07)
    cover = smoothstep(hit.hair + 0.05 * grain, -0.07, 0.05) * min(
        1.0, 0.55 + 2.5 * who.hair_length
    )
    mix(light, cover, hair_light(hair_colour(who), grain, normal, source, np.minimum(sky, 1)))
    # What lies beyond the outline has no normal of its own.
    light *= 0.45 + 0.55 * smoothstep(hit.rim, 0.02, 0.12)
    return light


def _normals(rays: Rays, hit: Hit) -> tuple[Floats, Floats, Floats]:
    x, y, z = normals(hit.depth, rays.spacing)
    # Differences across a jaw's outline have any direction; the jaw itself points away.
    return np.where((hit.rim < 0.3) & (hit.y > 0.5), np.copysign(x, hit.x), x), y, z


def _coloured(subject: Subject, hit: Hit) -> tuple[Floats, Floats, Floats]:
    """Return the albedo (3, h, w) of the bare head, and (h, w) moist lips and glints of eyes."""
    who, face, y = subject.who, subject.face, hit.y
    head = Patch(hit.x, y, skin(who, face, hit.x, y, subject.now.flush))
    moist, wet = np.zeros_like(y), np.zeros_like(y)
    beard_on(subject, head, hair_colour(who, 0.8))
    nostrils_on(subject, head.rows(_band(y, face.nose_y - 0.3, face.nose_y + 0.4)))
    part = _band(y, face.mouth_y - 0.4, face.mouth_y + face.gap + 0.5)
    moist[part] = 0.06 * mouth_on(subject, head.rows(part))
    part = _band(y, -0.35, 0.35)
    wet[part] = eyes_on(subject, head.rows(part)) * glint(subject, head.rows(part))
    part = _band(y, face.brow_y - 0.35, face.brow_y + 0.3)
    brows_on(subject, head.rows(part), hair_colour(who, 0.5) * np.float32(0.7))
    return head.albedo, moist, wet


def _band(y: Floats, low: float, high: float) -> slice:
    """Return the rows of pixels that show these heights of the head."""
    rows = np.flatnonzero((y.min(axis=1) < high) & (y.max(axis=1) > low))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 1)


def ears_on(subject: Subject, picture: Floats) -> None:
    """Draw both ears into the picture, in place: flat shells at the sides of the head."""
    who = subject.who
    x, y = subject.rays.at_depth(0.0)
    tall, wide = 0.31 * who.ear_size, 0.125 * who.ear_size
    aside = np.abs(x) - who.head_width * 0.97
    u = (aside - 0.25 * (0.25 - y) * wide) / wide
    v = (y - 0.27) / np.float32(tall)
    v += 0.25 * u * (v > 0)
    radius = np.sqrt(u * u + v * v)
    inner = np.sqrt(np.square(u + 0.15) + np.square(v + 0.1))
    shade = 1 - 0.45 * smoothstep(inner, 0.75, 0.4) + 0.12 * bump(radius - 0.85, 0.12)
    albedo = tone(who)[:, None, None] * np.array([0.93, 0.80, 0.78], np.float32)[:, None, None]
    albedo = albedo * shade
    lean = np.sign(x) * np.clip(0.35 + 0.4 * u, -0.9, 0.9)
    normal = (lean, np.zeros_like(x), np.sqrt(1 - lean * lean))
    half = np.full_like(x, 0.8)
    mix(picture, smoothstep(radius, 1.0, 0.88), lit(albedo, normal, subject.lamp, half, half))
