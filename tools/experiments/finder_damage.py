"""What cameras, light and files do to the finder's training pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.images import resize
from npfacenet.images.degradation import blurred, jpeg_compressed

Picture = npt.NDArray[np.uint8]

LEVELS = np.arange(256) / 255
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def recoloured(pixels: Picture, rng: np.random.Generator) -> Picture:
    """Change the light of a picture that is pasted into another."""
    if rng.random() < 0.5:
        return pixels
    return _curve(pixels, rng.uniform(0.7, 1.3), rng.uniform(0.75, 1.3), rng.normal(0, 0.05, 3))


def damaged(pixels: Picture, rng: np.random.Generator) -> Picture:
    """Change the light, blur, add noise, compress, or take the colour away."""
    chances = rng.random(8)
    if chances[0] < 0.6:
        dark = rng.uniform(0.18, 0.6) if chances[1] < 0.25 else rng.uniform(0.6, 1.45)
        gamma = float(np.exp(rng.normal(0, 0.25)))
        pixels = _curve(pixels, dark, gamma, rng.normal(0, 0.08, 3) * (chances[2] < 0.5))
    if chances[3] < 0.12:
        pixels = grey(pixels)
    if chances[4] < 0.2:
        pixels = blurred(pixels, float(rng.uniform(0.4, 2.2)))
    elif chances[4] < 0.3:
        side = len(pixels)
        pixels = resize(
            resize(pixels, int(side * rng.uniform(0.35, 0.8)), "bilinear"), side, "bilinear"
        )
    if chances[5] < 0.25:
        strength = rng.uniform(2, 22)
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(strength)
        pixels = np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
    if chances[6] < 0.3:
        pixels = jpeg_compressed(pixels, int(rng.integers(15, 90)))
    return pixels


def grey(pixels: Picture) -> Picture:
    """Take the colour away."""
    luma = np.rint(pixels @ LUMA).astype(np.uint8)
    return np.repeat(luma[..., np.newaxis], 3, axis=2)


def _curve(
    pixels: Picture, brightness: float, gamma: float, tint: npt.NDArray[np.float64]
) -> Picture:
    """Return pixels after a curve of each channel: brightness * x ** gamma * (1 + tint)."""
    changed = np.empty_like(pixels)
    for channel in range(3):
        curve = 255 * brightness * (1 + tint[channel]) * LEVELS**gamma
        changed[..., channel] = np.clip(np.rint(curve), 0, 255).astype(np.uint8)[
            pixels[..., channel]
        ]
    return changed
