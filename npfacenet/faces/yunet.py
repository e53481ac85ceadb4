"""YuNet on photographs, as OpenCV runs it, and at several scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces.pyramid import PyramidDetector
from npfacenet.recipes.yunet import HEADS, STRIDES


@dataclass(frozen=True, eq=False)
class Yunet(PyramidDetector):
    """The detector YuNet; with `scales` (1.0,) it does what OpenCV's FaceDetectorYN does."""

    name: ClassVar[str] = "yunet"
    strides: ClassVar[tuple[int, ...]] = STRIDES
    heads: ClassVar[tuple[str, ...]] = tuple(HEADS)
    smallest_known: ClassVar[float] = 12.0
    largest_known: ClassVar[float] = 256.0
    sure_score: ClassVar[float] = 0.7
    """None of 251 photographs of BSDS500 without a face has a false one with more (0.661 at most).

    All 5,428 photographs of LFW at hand have a face with 0.888 or more, of 600 crops of UTKFace 599
    have one with 0.838 or more (`tools/experiments/detection.py --lfw 5428`).
    """

    @staticmethod
    def scaled(picture: npt.NDArray[np.generic], batch: npt.NDArray[np.float32]) -> None:
        """Write RGB (H, W, 3) as BGR, unscaled."""
        for channel in range(3):  # whole planes are copied faster than pixels turned round
            batch[..., channel] = picture[:, :, 2 - channel]
