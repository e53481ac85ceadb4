"""The detector that comes with the package: npfacenet-finder on photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces.pyramid import PyramidDetector
from npfacenet.recipes.finder import HEADS, STRIDES


@dataclass(frozen=True, eq=False)
class Finder(PyramidDetector):
    """The detector npfacenet-finder."""

    name: ClassVar[str] = "finder"
    strides: ClassVar[tuple[int, ...]] = STRIDES
    heads: ClassVar[tuple[str, ...]] = tuple(HEADS)
    smallest_known: ClassVar[float] = 20.0
    largest_known: ClassVar[float] = 256.0
    sure_score: ClassVar[float] = 0.7

    @staticmethod
    def scaled(picture: npt.NDArray[np.generic], batch: npt.NDArray[np.float32]) -> None:
        """Write RGB (H, W, 3) as (x - 127.5) / 128."""
        np.subtract(picture, np.float32(127.5), out=batch, dtype=np.float32)
        batch *= np.float32(1 / 128)
