"""From light to pixel values: a camera's sharpness, exposure, colours and noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.samples.conditions import Conditions
from npfacenet.samples.pixel_planes import Floats, product

_LUMINANCE = (0.299, 0.587, 0.114)


def developed(light: Floats, now: Conditions, size: int) -> npt.NDArray[np.uint8]:
    """Average and blur linear light (3, n, n) to a picture, uint8 (size, size, 3)."""
    lens = _lens(light.shape[1], size, now.blur * size / 112)
    rays = light.shape[1]
    across = product(light.reshape(-1, rays), np.ascontiguousarray(lens.T))
    sharp = np.stack([product(lens, plane) for plane in across.reshape(3, rays, size)])
    # The camera meters the light that falls on the face, not how dark the face is.
    metered = 0.62 * now.light + 0.62 * now.ambient + 0.1
    sharp *= np.float32(0.98 * 2**now.exposure / metered)
    values = np.sqrt(np.maximum(sharp, 0))
    # A shoulder: highlights are compressed instead of clipped.
    values = np.where(values > 0.75, 0.75 + 0.35 * np.tanh((values - 0.75) / 0.35), values)
    values = 0.45 + np.float32(now.contrast) * (values - 0.45)
    grey = sum(weight * plane for weight, plane in zip(_LUMINANCE, values, strict=True))
    values = grey + np.float32(now.saturation) * (values - grey)
    rng = np.random.default_rng([now.noise_seed, 6])
    noise = rng.standard_normal((size, size, 3), np.float32)
    levels = 255 * values.transpose(1, 2, 0) + np.float32(now.noise) * noise
    return np.asarray(np.rint(levels).clip(0, 255), np.uint8)


def _lens(rays: int, size: int, blur: float) -> Floats:
    """Return the weights (size, rays) of rays in pixels, which add up to 1 at the edges too."""
    spread = np.hypot(blur, 0.4)
    places = (np.arange(rays) + 0.5) * (size / rays)
    pixels = np.arange(size) + 0.5
    weights = np.exp(-0.5 * ((pixels[:, None] - places) / spread) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
