"""Eyes and brows."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.identity import Identity
from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep, spot
from npfacenet.samples.skin import tone
from npfacenet.samples.subject import Patch, Subject

IRIS, PUPIL = 0.098, 0.042  # radii
_IRIS_TONES = np.array(
    [(0.16, 0.09, 0.06), (0.36, 0.22, 0.11), (0.42, 0.38, 0.22), (0.40, 0.50, 0.52),
     (0.38, 0.52, 0.66)]
) ** 2  # fmt: skip
_SOFT = 0.012


def eyes_on(subject: Subject, patch: Patch) -> Floats:
    """Draw eyes and lids into the albedo, in place; return where they are wet (h, w)."""
    who, face, now = subject.who, subject.face, subject.now
    albedo, x, y = patch.albedo, patch.x, patch.y
    side = np.sign(x)
    u = (np.abs(x) - face.eye_x) * np.float32(1 / who.eye_width)
    v = (
        y
        + np.float32(who.eye_slant) * u * np.float32(who.eye_width)
        + side * np.float32(0.02 * who.lopsidedness)
    )
    arch = np.maximum(1 - u * u, 0)
    skewed = np.sqrt(arch) * (0.6 + 0.4 * arch) * (1 - 0.12 * u)
    upper = -1.08 * face.eye_height * skewed
    lower = 0.74 * face.eye_height * arch * (1 + 0.2 * u)
    opening = (
        smoothstep(v - upper, -_SOFT, _SOFT)
        * smoothstep(lower - v, -_SOFT, _SOFT)
        * (np.abs(u) < 1.02)
    )
    _lids(who, now, albedo, u, v, upper, lower)
    mix(albedo, opening, _ball(who, now, u * np.float32(who.eye_width), v, v - upper, side))
    lashes = bump(v - upper + 0.004, 0.017 + 0.008 * now.make_up) * smoothstep(
        np.abs(u), 1.12, 0.85
    )
    dark = np.float32(0.12) * tone(who)
    mix(albedo, (0.78 + 0.2 * now.make_up) * lashes, dark)
    return opening


def _ball(
    who: Identity, now: Conditions, across: Floats, v: Floats, below: Floats, side: Floats
) -> Floats:
    """Return the eyeball's albedo: white, iris, pupil, and the lid's shadow on them."""
    x = across - side * np.float32(0.075 * now.gaze_x) + 0.008
    y = v - np.float32(0.04 * now.gaze_y) + 0.012
    radius = np.sqrt(x * x + y * y)
    white = np.array([0.50, 0.45, 0.42], np.float32)[:, None, None] * (
        1 - 9 * across * across
    ).clip(0.35, 1)
    share = np.linspace(0, 1, len(_IRIS_TONES))
    tint = np.array([np.interp(who.iris, share, c) for c in _IRIS_TONES.T], np.float32)
    iris = tint[:, None, None] * (0.85 + 6 * y + 3 * (radius - 0.05)).clip(0.4, 1.7)
    mix(iris, smoothstep(radius, IRIS - 0.03, IRIS), 0.35 * tint)
    mix(iris, smoothstep(radius, PUPIL + 0.012, PUPIL - 0.012), (0.004, 0.004, 0.004))
    mix(white, smoothstep(radius, IRIS + _SOFT, IRIS - _SOFT), iris)
    white *= 0.42 + 0.58 * smoothstep(below, -0.01, 0.075)
    return np.asarray(white)


def glint(subject: Subject, patch: Patch) -> Floats:
    """Return the lamp's reflection in both eyes (h, w), 0 to 1."""
    face, now, x, y = subject.face, subject.now, patch.x, patch.y
    at_x = 0.035 * np.sin(np.radians(now.light_side)) + 0.07 * now.gaze_x
    at_y = -0.042 + 0.04 * now.gaze_y
    gap = np.abs(x) - face.eye_x
    return spot(gap - np.sign(x) * np.float32(at_x), y - np.float32(at_y), 0.014, 0.014)


def _lids(
    who: Identity,
    now: Conditions,
    albedo: Floats,
    u: Floats,
    v: Floats,
    upper: Floats,
    lower: Floats,
) -> None:
    within = smoothstep(np.abs(u), 1.25, 0.7)
    fold = upper - 0.05 - 0.025 * who.lid_crease
    shade = (0.1 + 0.4 * who.lid_crease) * bump(v - fold, 0.022) * within
    shade -= 0.1 * who.lid_crease * bump(v - upper + 0.035, 0.02) * within
    shade += 0.28 * bump(v - lower - 0.012, 0.018) * within
    shade -= 0.1 * bump(v - lower - 0.055, 0.025) * within
    shade += 0.3 * now.make_up * bump(v - upper + 0.04, 0.045) * within
    albedo *= 1 - shade
    corner = spot(u + 1.02, v - 0.01, 0.12, 0.022)
    mix(albedo, 0.6 * corner, tone(who) * np.array([0.75, 0.42, 0.4], np.float32))


def brows_on(subject: Subject, patch: Patch, colour: Floats) -> None:
    """Draw both brows of this colour (3,) into the albedo, in place."""
    who, face, now, x, y = subject.who, subject.face, subject.now, patch.x, patch.y
    strands = subject.strands.at(x + 0.35 * y, y, smooth=True)
    half = who.eye_width * 1.42
    u = (np.abs(x) - face.eye_x - 0.02) * np.float32(1 / half)
    line = (
        face.brow_y
        - half * who.brow_slant * u
        - 0.07 * who.brow_arch * (1 - np.square(u - 0.3))
        + 0.03 * who.brow_arch
    )
    line += 0.05 * min(now.brows_raised, 0) * u
    line += np.sign(x) * np.float32(0.018 * who.lopsidedness)
    thick = who.brow_thickness * (1.1 - 0.5 * (u + 0.3).clip(0, 1.3))
    hair = np.exp(-np.square((y - line) / thick) * np.float32(0.9))
    hair *= smoothstep(u, -1.12, -0.72) * smoothstep(u, 1.15, 0.6)
    hair *= (0.75 + 0.22 * strands) * who.brow_density
    mix(patch.albedo, np.clip(1.25 * hair, 0, 0.93), colour)
