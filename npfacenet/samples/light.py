"""Lamps, shading and shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.pixel_planes import Floats, smoothstep

# Light that enters skin leaves it reddened, and at some distance from where it entered.
_WRAP = (0.30, 0.15, 0.09)
_SHADOW_STEPS = (0.05, 0.1, 0.16, 0.23, 0.31, 0.4)  # units along the light


@dataclass(frozen=True)
class Lamp:
    """A lamp: its direction from the face, in the camera's coordinates, and colours (3,).

    `key` is the lamp's own light, `ambient` that of its surroundings.
    """

    x: float
    y: float
    z: float
    key: Floats
    ambient: Floats


def lamp(now: Conditions) -> Lamp:
    """Return the lamp of these conditions."""
    side, up, roll = (math.radians(a) for a in (now.light_side, now.light_height, now.roll))
    x, y, z = math.sin(side) * math.cos(up), -math.sin(up), math.cos(side) * math.cos(up)
    warm = np.array([1 + 0.22 * now.warmth, 1.0, 1 - 0.3 * now.warmth])
    cool = np.array([1 + 0.08 * now.warmth, 1.0, 1 - 0.12 * now.warmth])
    return Lamp(
        math.cos(roll) * x + math.sin(roll) * y,
        math.cos(roll) * y - math.sin(roll) * x,
        z,
        (now.light * warm).astype(np.float32),
        (now.ambient * cool).astype(np.float32),
    )


def lit(
    albedo: Floats,
    normal: tuple[Floats, Floats, Floats],
    source: Lamp,
    open_to_light: Floats,
    open_to_sky: Floats,
) -> Floats:
    """Shade a skin-like surface (3, h, w): wrapped Lambert, and a sky that is brighter above."""
    x, y, z = normal
    facing = x * np.float32(source.x) + y * np.float32(source.y) + z * np.float32(source.z)
    sky = (np.float32(0.58) + np.float32(0.36) * z - np.float32(0.24) * y) * open_to_sky
    shaded = open_to_light * np.minimum(np.float32(0.45) + np.float32(0.55) * open_to_sky, 1)
    result = np.empty_like(albedo)
    for channel, wrap in enumerate(_WRAP):
        key = np.maximum((facing + np.float32(wrap)) * np.float32(1 / (1 + wrap)), 0)
        key *= shaded
        result[channel] = albedo[channel] * (
            source.key[channel] * key + source.ambient[channel] * sky
        )
    return result


def gloss(normal: tuple[Floats, Floats, Floats], source: Lamp, sharpness: int) -> Floats:
    """Return Blinn's highlight (h, w), 0 to 1; `sharpness` is its exponent, a power of two."""
    x, y, z = normal
    length = math.sqrt(source.x**2 + source.y**2 + (source.z + 1) ** 2)
    shine = np.maximum(
        x * np.float32(source.x / length)
        + y * np.float32(source.y / length)
        + z * np.float32((source.z + 1) / length),
        0,
    )
    for _ in range(sharpness.bit_length() - 1):
        shine *= shine
    return np.asarray(shine)


def open_to(source: Lamp, depth: Floats, spacing: float) -> Floats:
    """Return how much of the lamp each point sees past the head (h, w): 1 all of it, 0 none."""
    blocked = np.zeros_like(depth)
    for reach in _SHADOW_STEPS:
        right, down = round(source.x * reach / spacing), round(source.y * reach / spacing)
        between = np.roll(depth, (-down, -right), axis=(0, 1)) - depth
        np.maximum(
            blocked, smoothstep(between - np.float32(source.z * reach), 0.0, 0.13), out=blocked
        )
    blur = max(1, round(0.025 / spacing))
    for axis in (0, 1):
        blocked = (
            np.roll(blocked, blur, axis) + 2 * blocked + np.roll(blocked, -blur, axis)
        ) * np.float32(0.25)
    return 1 - np.float32(0.75) * blocked
