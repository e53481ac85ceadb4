"""From light to pixel values: a camera's sharpness, exposure, colours and noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.pixel_planes import Floats, product

_LUMINANCE = (0.299, 0.587, 0.114)


def developed(light: Floats, now: Conditions, size: int) -> npt.NDArray[np.uint8]:
    """Average and blur linear light (3, n, n) to a picture, uint8 (size, size, 3)."""
    return exposed(through_lens(light, size, size, now.blur * size / 112), now)


def through_lens(light: Floats, height: int, width: int, blur: float) -> Floats:
    """Average or spread linear light (3, h, w) to (3, height, width) pixels.

    `blur` is the standard deviation of the lens in pixels of the result.
    """
    rays = light.shape[2]
    across = product(
        light.reshape(-1, rays), np.ascontiguousarray(_lens(rays, width, blur).T)
    ).reshape(3, -1, width)
    lens = _lens(light.shape[1], height, blur)
    return np.stack([product(lens, plane) for plane in across])


def metered(now: Conditions) -> float:
    """Return the light that falls on the face, for which the camera is set."""
    return 0.62 * now.light + 0.62 * now.ambient + 0.1


def exposed(light: Floats, now: Conditions) -> npt.NDArray[np.uint8]:
    """Turn linear light (3, h, w) into pixel values, uint8 (h, w, 3)."""
    # The camera meters the light that falls on the face, not how dark the face is.
    values = np.maximum(light * np.float32(0.98 * 2**now.exposure / metered(now)), 0)
    np.sqrt(values, out=values)
    # A shoulder: highlights are compressed instead of clipped.
    values = np.where(values > 0.75, 0.75 + 0.35 * np.tanh((values - 0.75) / 0.35), values)
    values = 0.45 + np.float32(now.contrast) * (values - 0.45)
    grey = sum(weight * plane for weight, plane in zip(_LUMINANCE, values, strict=True))
    values = grey + np.float32(now.saturation) * (values - grey)
    rng = np.random.default_rng([now.noise_seed, 6])
    noise = rng.standard_normal((*values.shape[1:], 3), np.float32)
    levels = 255 * values.transpose(1, 2, 0) + np.float32(now.noise) * noise
    return np.asarray(np.rint(levels).clip(0, 255), np.uint8)


def _lens(rays: int, size: int, blur: float) -> Floats:
    """Return the weights (size, rays) of rays in pixels, which add up to 1 at the edges too."""
    spread = np.hypot(blur, 0.4)
    places = (np.arange(rays) + 0.5) * (size / rays)
    pixels = np.arange(size) + 0.5
    weights = np.exp(-0.5 * ((pixels[:, None] - places) / spread) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
