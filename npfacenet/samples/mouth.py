"""The mouth and the nostrils."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.features import Features
from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep, spot
from npfacenet.samples.skin import tone
from npfacenet.samples.subject import Patch, Subject

_SOFT = 0.016


def mouth_on(subject: Subject, patch: Patch) -> Floats:
    """Draw lips, teeth and tongue into the albedo, in place; return where the lips are (h, w)."""
    who, face, now = subject.who, subject.face, subject.now
    albedo, x, y = patch.albedo, patch.x, patch.y
    u = (x - 0.03 * who.lopsidedness) * np.float32(1 / face.mouth_width)
    square = u * u
    arch = np.maximum(1 - square, 0)
    bow = 0.008 * np.cos(7 * u) * arch
    line = face.mouth_y - face.lift * (square - 0.35) + bow
    gap_end = line + face.gap * arch
    top = line - face.upper_lip * (arch**0.8) * (1 - 0.3 * bump(u, 0.13))
    bottom = gap_end + face.lower_lip * np.sqrt(arch) * (0.65 + 0.35 * arch)
    inside = np.abs(u) < 1
    lips = smoothstep(y - top, -_SOFT, _SOFT) * smoothstep(bottom - y, -_SOFT, _SOFT) * inside
    red = who.lip_redness + 0.6 * now.make_up * (1 - who.lip_redness)
    tint = tone(who) * np.array(
        [0.9 - 0.08 * red, 0.62 - 0.22 * red, 0.62 - 0.16 * red], np.float32
    )
    relief = 0.84 + 0.24 * smoothstep(
        y, face.mouth_y, face.mouth_y + face.gap + face.lower_lip * 0.5
    )
    mix(albedo, (0.72 + 0.2 * red) * lips, tint[:, None, None] * relief)
    if face.gap > 0.012:
        hole = smoothstep(y - line, -_SOFT, _SOFT) * smoothstep(gap_end - y, -_SOFT, _SOFT) * inside
        mix(albedo, hole, _behind(face, u, y - line))
    seam = bump(y - line, 0.014 + 0.004 * who.wrinkles) * smoothstep(np.abs(u), 1.06, 0.85)
    seam = np.maximum(seam, 0.7 * bump(y - gap_end, 0.012) * inside * (face.gap > 0.02))
    corners = spot(np.abs(u) - 1.0, y - face.mouth_y + 0.65 * face.lift, 0.06, 0.03)
    mix(albedo, 0.62 * np.maximum(seam, 0.8 * corners), tint * np.float32(0.2))
    below = bump(y - bottom - 0.05, 0.035) * arch
    albedo *= 1 - 0.13 * below
    return np.asarray(lips)


def _behind(face: Features, u: Floats, below: Floats) -> Floats:
    inner = np.empty((3, *u.shape), np.float32)
    inner[:] = np.array([0.055, 0.014, 0.012], np.float32)[:, None, None]
    tongue = spot(u, below - face.gap, 0.5, 0.06)
    mix(inner, 0.7 * tongue, (0.22, 0.07, 0.06))
    rows = smoothstep(below, 0.125, 0.09) * smoothstep(np.abs(u), 0.93, 0.7)
    rows *= 0.9 + 0.1 * np.cos(u * np.float32(2 * np.pi * 5))
    rows *= 1 - 0.45 * u * u
    mix(inner, 0.93 * rows, (0.60, 0.55, 0.46))
    return inner


def nostrils_on(subject: Subject, patch: Patch) -> None:
    """Darken the nostrils and the creases beside the nose in the albedo, in place."""
    who, albedo, x = subject.who, patch.albedo, patch.x
    aside, below = np.abs(x), patch.y - subject.face.nose_y
    wing = who.nose_width
    dark = 0.7 * spot(aside - 0.5 * wing, below - 0.08, 0.25 * wing, 0.024)
    dark += 0.26 * spot(
        aside - wing - 0.035 + 1.2 * np.square(below + 0.02), below - 0.0, 0.024, 0.07
    )
    dark += 0.1 * spot(x, below - 0.13, wing * 0.9, 0.04)
    dark += 0.06 * spot(x, below - 0.26, 0.04, 0.09)
    albedo *= 1 - np.minimum(dark, 0.85)
