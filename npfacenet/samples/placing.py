"""Where people stand in a drawn photograph, so that enough of every face is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.samples.location import Location
from npfacenet.samples.pixel_planes import Floats

_SAMPLES = 16  # of a box, each way, to estimate how much of it is seen


@dataclass(frozen=True, eq=False)
class Placed:
    """A face in a picture, and the pixels of a unit there; a printed one has no body."""

    location: Location
    unit: float
    printed: bool = False

    def moved(self, x: float, y: float, by: float) -> Placed:
        """Return the face made larger by a factor about (0, 0), and then moved by x and y."""
        box, landmarks = self.location.box, self.location.landmarks
        shift = np.array([x, y], np.float32)
        bounds = np.float32(by) * box.reshape(2, 2) + shift
        where = Location(bounds.reshape(4), np.float32(by) * landmarks + shift)
        return Placed(where, by * self.unit, self.printed)


def visible(placed: Sequence[Placed], width: int, height: int) -> npt.NDArray[np.float32]:
    """Estimate which share of each box is seen, (N,): not cut off, and behind nobody.

    People are in front of whoever is smaller, and all in front of what is printed.
    """
    shares = np.ones(len(placed), np.float32)
    for i, one in enumerate(placed):
        left, top, right, bottom = one.location.box
        x = left + (right - left) * (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        y = (top + (bottom - top) * (np.arange(_SAMPLES) + 0.5) / _SAMPLES)[:, None]
        seen = (x > 0) & (x < width) & (y > 0) & (y < height)
        for other in placed:
            if not other.printed and in_front(other, one):
                seen &= ~_behind(other, x, y)
        shares[i] = seen.mean()
    return shares


def in_front(other: Placed, one: Placed) -> bool:
    """Return whether a person stands in front of another, or of a poster."""
    return other is not one and (one.printed or other.unit > one.unit)


def _behind(other: Placed, x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
    """Return which places x (w,) and y (h, 1) are behind a person's head or body: (h, w)."""
    left, top, right, bottom = other.location.box
    unit = other.unit
    middle, chin = (left + right) / 2, bottom
    u = (x - middle) / (0.5 * (right - left) + 0.35 * unit)
    v = (y - (top + bottom) / 2 + 0.3 * unit) / (0.5 * (bottom - top) + 0.5 * unit)
    head = u * u + v * v < 1
    body = (np.abs(x - middle) < 3.6 * unit) & (y > chin + 0.3 * unit)
    neck = (np.abs(x - middle) < 1.2 * unit) & (y > chin)  # on either side: heads turn
    return np.asarray(head | body | neck)
