"""Pictures that are read smaller than they are, where fewer pixels are enough.

JPEG stores frequencies, so a decoder computes a half, a fourth or an eighth of each side directly,
in less time and memory (Pillow's `draft`). All other pictures are averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    import PIL.Image

Reduction: TypeAlias = Callable[[int, int], int]
"""Takes width and height of a picture as stored; returns the factor by which to divide both."""
FACTORS = (8, 4, 2, 1)
_STRIP = 256  # rows; a multiple of all factors


@dataclass(frozen=True, eq=False)
class Reduced:
    """A picture (h, w, 3), each pixel of which stands for `factor` x `factor` of the whole one.

    The pixels at its edge may stand for fewer. `origin` is x and y of the whole picture's top left
    corner, in its own pixels, from that of the first block; it is not (0, 0) where the incomplete
    blocks are at the left or at the top.
    """

    pixels: npt.NDArray[np.uint8]
    factor: int = 1
    origin: tuple[int, int] = (0, 0)

    def whole(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return points (..., 2) of this picture in pixels of the whole one.

        >>> Reduced(np.zeros((2, 2, 3), np.uint8), 4, (1, 0)).whole(np.ones(2, np.float32))
        array([3., 4.], dtype=float32)
        """
        return points * np.float32(self.factor) - np.array(self.origin, np.float32)


def unreduced(_width: int, _height: int) -> int:
    """Leave a picture as it is."""
    return 1


def possible(factor: int, width: int, height: int) -> int:
    """Return the largest of `FACTORS` up to `factor` that leaves a pixel of each whole block.

    >>> possible(5, 100, 100), possible(8, 100, 3)
    (4, 2)
    """
    return next(one for one in FACTORS if one <= max(1, min(factor, width, height)))


def draft(image: PIL.Image.Image, factor: int) -> bool:
    """Have a JPEG that is not loaded yet decoded smaller; return whether it will be."""
    if factor == 1 or image.format not in ("JPEG", "MPO"):
        return False
    width, height = image.size
    image.draft(None, (width // factor, height // factor))
    return image.size == (-(-width // factor), -(-height // factor))


def averaged(pixels: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    """Return the means of blocks of (H, W, 3) pixels; those at the right and at the bottom may be
    incomplete.

    >>> averaged(np.array([[[0] * 3, [4] * 3, [9] * 3]], np.uint8), 2)[..., 0]
    array([[2, 9]], dtype=uint8)
    """
    if factor == 1:
        return pixels
    import_pillow()
    from PIL import Image

    height, width = (-(-side // factor) for side in pixels.shape[:2])
    means = np.empty((height, width, 3), np.uint8)
    for top in range(0, len(pixels), _STRIP):  # a copy of the whole would be twice as slow
        strip = np.ascontiguousarray(pixels[top : top + _STRIP])
        reduced = np.asarray(Image.fromarray(strip).reduce(factor))
        means[top // factor : top // factor + len(reduced)] = reduced
    return means
