"""What is below a head: neck and clothes."""

from __future__ import annotations

import numpy as np

from npfacenet.samples.background import drawn_colour
from npfacenet.samples.light import lit
from npfacenet.samples.pixel_planes import Floats, bump, mix, smoothstep
from npfacenet.samples.skin import tone
from npfacenet.samples.subject import Subject


def neck_and_clothes(subject: Subject, picture: Floats, *, whole: bool = False) -> None:
    """Draw the neck, and the collar or neckline below it, into the picture, in place.

    A portrait shows no more than these; `whole` draws all of a standing person.
    """
    who, face, now, source = subject.who, subject.face, subject.now, subject.lamp
    skin = tone(who)
    rng = np.random.default_rng([now.clothes, 4])
    # A body turns less than its head.
    x, y = subject.rays.at_depth(-0.3)
    x = x - np.float32(0.4 * subject.rays.turn[2, 0])
    aside = np.abs(x)
    half = who.neck * (1 + 0.25 * smoothstep(y, face.chin + 0.1, face.chin + 0.7))
    round_x = np.clip(x / half, -0.98, 0.98)
    normal = (round_x, np.full_like(x, 0.1), np.sqrt(1 - round_x * round_x))
    under = 0.5 + 0.5 * smoothstep(y, face.chin + 0.0, face.chin + 0.7)
    cords = 1 - 0.08 * bump(aside - 0.3 * who.neck, 0.05)
    albedo = skin[:, None, None] * (under * cords)
    light = lit(
        albedo, normal, source, 0.45 + 0.55 * smoothstep(y, face.chin, face.chin + 0.6), under
    )
    neck = smoothstep(half - aside, 0.0, 0.03) * smoothstep(y, 0.5, 0.9)
    mix(picture, neck * (y < face.chin + 3) if whole else neck, light)
    shoulder = (
        face.chin
        + 0.28
        + 0.32 * (aside - who.neck) * smoothstep(aside, 1.2, 0.9)
        + rng.normal(0, 0.03)
    )
    shoulder += 0.3 * np.maximum(aside - 0.9, 0) ** 1.5
    neckline = rng.uniform(0.12, 0.75)
    opening = face.chin + 0.25 + neckline * np.maximum(1 - aside / (who.neck * 1.2), 0)
    cloth = smoothstep(y - np.maximum(shoulder, opening), -0.02, 0.03)
    colour, inner = drawn_colour(rng, 0.8), drawn_colour(rng, 0.5)
    fold = 1 + 0.12 * np.sin(
        x * np.float32(rng.uniform(3, 8)) + y * 4 + np.float32(rng.uniform(0, 6))
    )
    lean = np.clip(x / 2.2, -0.9, 0.9)
    normal = (lean, np.full_like(x, -0.3), np.sqrt(np.maximum(0.91 - lean * lean, 0.05)))
    albedo = colour[:, None, None] * fold
    if rng.random() < 0.5:  # a shirt below a jacket
        lapel = who.neck * 0.95 - 0.35 * (y - face.chin - 0.3)
        mix(albedo, smoothstep(lapel - aside, -0.02, 0.04), inner)
    shade = np.ones_like(x)
    if whole:
        cloth *= _standing(rng, albedo, skin, aside, y - face.chin)
    mix(picture, cloth, lit(albedo, normal, source, shade, shade))


def _standing(
    rng: np.random.Generator, albedo: Floats, skin: Floats, aside: Floats, below: Floats
) -> Floats:
    """Colour the arms, legs and shoes of a body (3, h, w), in place; return where it is (h, w).

    `below` is how far below the chin a place is, in units.
    """
    stout, soft = float(rng.uniform(0.9, 1.12)), 0.05
    arms, waist, hips, crotch, feet = 3.35 * stout, 2.35 * stout, 8.0, 11.0, 23.2
    round_shoulder = np.square(np.maximum(aside - 0.7 * arms, 0) / (0.3 * arms)) * 0.9
    reach = smoothstep(arms - aside, -soft, soft) * smoothstep(below - round_shoulder, 0.2, 0.4)
    arm = reach * smoothstep(aside, waist - soft, waist + soft) * smoothstep(below, 10.9, 10.7)
    gap = bump(aside - waist, 0.09) * smoothstep(below, 2.0, 3.2)
    albedo *= 1 - 0.6 * gap
    hands = arm * smoothstep(below, 9.5, 9.6)
    trunk = reach * smoothstep(waist + 0.15 - aside, -soft, soft) * (below < crotch)
    legs = smoothstep(np.abs(aside - 0.53 * waist), 0.47 * waist, 0.47 * waist - 2 * soft)
    legs *= smoothstep(below, hips - 1, hips) * smoothstep(below, feet + 0.9, feet + 0.8)
    trousers = np.maximum(legs, trunk) * smoothstep(below, hips - soft, hips + soft) * (1 - hands)
    mix(albedo, trousers * (1 - arm), drawn_colour(rng, 0.5))
    mix(albedo, legs * smoothstep(below, feet, feet + 0.1), (0.03, 0.025, 0.02))
    mix(albedo, hands, skin)
    return np.maximum(np.maximum(arm, trunk), legs)
