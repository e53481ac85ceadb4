"""Hair: its colours, the light from it, and long hair beside and behind a face."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.identity import Identity
from npfacenet.samples.light import Lamp
from npfacenet.samples.pixel_planes import (
    Floats,
    mix,
    smoothstep,
)
from npfacenet.samples.subject import Subject

_HAIR_MELANIN = (0.0, 0.3, 0.6, 0.85, 1.0)
_HAIR_TONES = np.array(
    [(0.84, 0.70, 0.48), (0.62, 0.46, 0.28), (0.37, 0.25, 0.165), (0.20, 0.14, 0.105),
     (0.105, 0.09, 0.085)]
) ** 2  # fmt: skip
_GREY = np.array([0.62, 0.62, 0.63]) ** 2


def hair_colour(who: Identity, greyness: float = 1.0) -> Floats:
    """Return the colour of a person's hair (3,), linear; beards and brows may be less grey."""
    tone = np.array([np.interp(who.hair_melanin, _HAIR_MELANIN, c) for c in _HAIR_TONES.T])
    tone *= 1 + who.hair_red * np.array([0.35, -0.12, -0.35])
    return np.asarray(tone + greyness * who.grey * (_GREY - tone), np.float32)


def hair_volume(who: Identity, now: Conditions) -> float:
    """Return how thick the hair is on top, in units."""
    thick = (0.06 + 0.26 * who.hair_volume) * min(1.0, who.hair_length / 0.25)
    return thick * (1 + 0.25 * now.hair_tousled) * (1 - 0.85 * who.baldness)


def hair_light(
    colour: Floats,
    strands: Floats,
    normal: tuple[Floats, Floats, Floats],
    source: Lamp,
    open_to_sky: Floats,
) -> Floats:
    """Return the light from hair (3, h, w): dull between strands, with a band of gloss across."""
    x, y, z = normal
    facing = x * np.float32(source.x) + y * np.float32(source.y) + z * np.float32(source.z)
    key = 0.25 + 0.75 * np.clip(0.6 * facing + 0.4, 0, 1)
    shade = np.clip(0.85 + 0.26 * strands, 0.3, 1.8) * open_to_sky
    shade *= 0.55 + 0.45 * smoothstep(z, 0.0, 0.5)
    # Strands run down the surface; they shine where they are perpendicular to the half vector.
    half = np.array([source.x, source.y, source.z + 1], np.float32)
    half /= np.linalg.norm(half)
    tangent_y = 1 - y * y
    lean = (half[1] - y * (x * half[0] + y * half[1] + z * half[2])) / np.sqrt(tangent_y + 0.02)
    band = np.clip(1 - lean * lean, 0, 1) ** 8 * np.clip(z, 0, 1)
    band *= np.clip(0.5 + 0.4 * strands, 0, 1.4)
    result = np.empty((3, *x.shape), np.float32)
    for i in range(3):
        light = source.key[i] * key + source.ambient[i] * (0.75 - 0.2 * y)
        shine = source.key[i] * (0.10 * colour[i] ** 0.5 + 0.012) * band
        result[i] = colour[i] * light * shade + shine
    return result


def hanging_hair(subject: Subject, picture: Floats, *, in_front: bool) -> None:
    """Draw long hair behind the head, or locks in front of the cheeks, into the picture."""
    who, now, strands = subject.who, subject.now, subject.strands
    if who.hair_length < 0.48 or who.baldness > 0.3:
        return
    length = 0.5 + 2.6 * (who.hair_length - 0.4)
    plane = 0.3 if in_front else -0.45
    x, y = subject.rays.at_depth(plane)
    aside = np.abs(x)
    thick = 0.1 + 0.32 * who.hair_volume
    wave = 0.04 * (0.3 + who.curl) * np.sin(y * np.float32(5) + np.sign(x))
    fall = smoothstep(y, -0.8, 1.0)
    rise = np.clip((-0.4 - y) / np.float32(who.crown + hair_volume(who, now) - 0.35), 0, 1)
    outer = (who.head_width + thick * (0.3 + 0.6 * fall)) * np.sqrt(1 - rise**2.9) + wave
    outer -= 0.25 * np.square(smoothstep(y, length - 0.6, length + 0.1))
    ragged = 0.04 * strands.at(x * np.float32(0.6), y * np.float32(0.15))
    mask = smoothstep(outer - aside + 0.6 * ragged, -0.02, 0.04)
    mask *= smoothstep(y + ragged * 2, length + 0.1, length - 0.12) * (rise < 1)
    if in_front:
        inner = who.head_width * (0.97 - 0.17 * smoothstep(y, 0.1, 1.3)) + 0.5 * wave
        inner += 0.16 * np.sign(x) * np.float32(who.parting) * (1 - fall)
        mask *= smoothstep(aside - inner + 0.5 * ragged, -0.02, 0.05) * smoothstep(y, -0.75, -0.45)
        middle, half = 0.5 * (inner + outer), 0.5 * (outer - inner) + 0.05
        round_x = np.clip((aside - middle) / half, -0.95, 0.95) * np.sign(x)
        dull = np.ones_like(x)
    else:
        round_x = np.clip(x / (outer + 0.05), -0.95, 0.95)
        dull = 0.42 + 0.5 * smoothstep(aside, who.head_width - 0.1, who.head_width + 0.25)
    normal = (round_x, np.full_like(x, -0.05), np.sqrt(1 - np.square(round_x)))
    sheen = strands.at(x, y * np.float32(0.4))
    mix(picture, mask, hair_light(hair_colour(who), sheen, normal, subject.lamp, dull))
