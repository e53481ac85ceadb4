"""Fresh parameters, and a random generator for each name."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array, ParameterSpec


def derived_generator(seed: Sequence[int], name: str) -> np.random.Generator:
    """Return a generator that depends only on the seed and this name."""
    return np.random.default_rng([*seed, crc32(name.encode())])


def initial(spec: ParameterSpec, rng: np.random.Generator) -> Array:
    """Return the initial float32 values of a parameter.

    Kernels are drawn with variance 2 / fan in (He et al. 2015, "Delving Deep into Rectifiers",
    section 2.2). Raises ArgumentError for an unknown initialiser.
    """
    match spec.initialiser:
        case "zeros":
            return np.zeros(spec.shape, np.float32)
        case "ones":
            return np.ones(spec.shape, np.float32)
        case "quarter":
            return np.full(spec.shape, 0.25, np.float32)
        case "he_normal" | "he_normal_depthwise":
            axes = 2 if spec.initialiser == "he_normal_depthwise" else -1  # a channel sees itself
            fan_in = np.prod(spec.shape[:axes], dtype=np.int64)
            drawn = rng.standard_normal(spec.shape, np.float32)
            return drawn * np.float32(np.sqrt(2 / fan_in))
    raise ArgumentError(f"no initialiser is called {spec.initialiser!r}")
