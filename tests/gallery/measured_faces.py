"""Drawn portraits with the place of the face in them, as a detector would give it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from npfacenet.faces import ChosenFace
from npfacenet.samples import Conditions, conditions, draw, face_of, identity

SIDE = 128
OTHER_SIDE = [1, 0, 2, 4, 3]
"""The landmarks of a mirrored face, by those of the face."""

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture (SIDE, SIDE, 3), and the landmarks (5, 2) of the face in it."""

    pixels: Picture
    landmarks: Floats

    @property
    def face(self) -> ChosenFace:
        return face_at(self.landmarks)

    @property
    def mirrored(self) -> Portrait:
        points = self.landmarks[OTHER_SIDE] * (-1, 1) + (self.pixels.shape[1], 0)
        return Portrait(np.ascontiguousarray(self.pixels[:, ::-1]), points)


def face_at(landmarks: Floats, count: int = 1) -> ChosenFace:
    """Return a face with these landmarks, in a box around them."""
    left, top = landmarks.min(axis=0).tolist()
    right, bottom = landmarks.max(axis=0).tolist()
    points = tuple((x, y) for x, y in landmarks.tolist())
    return ChosenFace((left, top, right, bottom), points, 0.9, 0, count)


@cache
def portrait(person: int, picture: int) -> Portrait:
    """Draw somebody in focus and in usual light."""
    now = replace(conditions(picture), blur=0.3, noise=2.0)
    return drawn(person, now)


def drawn(person: int, now: Conditions) -> Portrait:
    """Draw somebody under these conditions."""
    who = identity(person)
    place = face_of(who, now, SIDE).landmarks.astype(np.float64)
    return Portrait(draw(who, now, SIDE), place)


portraits = st.builds(portrait, st.integers(0, 11), st.integers(0, 11))
