"""The detector that comes with the package: npfacenet-finder on photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces.cells import Detections, decoded
from npfacenet.faces.pyramid import PyramidDetector
from npfacenet.layers import Array
from npfacenet.recipes.finder import HEADS, STRIDES

LEAST_VOTE = 0.05
"""The score from which on a cell has a say in where a face lies."""
AGREEING = 0.8
"""Intersection over union with the best box from which on a cell means the same face.

On 249 pictures of LFW's folds 3-4, the median distance of landmarks from those of its teachers is,
in distances between the eyes, 5.5 % for the best cell alone, 4.9 % from 0.5 on, 4.8 % from 0.8 on.
"""


@dataclass(frozen=True, eq=False)
class Finder(PyramidDetector):
    """The detector npfacenet-finder."""

    name: ClassVar[str] = "finder"
    strides: ClassVar[tuple[int, ...]] = STRIDES
    heads: ClassVar[tuple[str, ...]] = tuple(HEADS)
    smallest_known: ClassVar[float] = 20.0
    largest_known: ClassVar[float] = 256.0
    oversampling: ClassVar[float] = 1.0
    sure_score: ClassVar[float] = 0.65
    """One of 50 photographs without a face that it has not learnt from has a false one with more.

    Its score is 0.71; the best places of the others have 0.56 or less. Of 1,491 photographs of
    LFW's folds 3-4, 1,490 have a face with this score (`tools/experiments/finding.py`).
    """

    threshold: float = 0.65

    def among(self, outputs: Mapping[str, Array]) -> Detections:
        """Return the faces that the cells see, each where several cells see it on average."""
        found = decoded(outputs, self.strides, min(self.threshold, LEAST_VOTE))
        return found.merged(self.threshold, self.most_shared, AGREEING)

    @staticmethod
    def scaled(picture: npt.NDArray[np.generic], batch: npt.NDArray[np.float32]) -> None:
        """Write RGB (H, W, 3) as (x - 127.5) / 128."""
        np.subtract(picture, np.float32(127.5), out=batch, dtype=np.float32)
        batch *= np.float32(1 / 128)
