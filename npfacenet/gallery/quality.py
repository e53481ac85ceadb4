"""How good a picture of a face is: its size, sharpness, light and turn.

All measures but the size are taken of the face as `faces.aligned` cuts it out, from the brows to
the mouth, at one size for all: 64 pixels, with the eyes 27 apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_real, is_whole, real_array
from npfacenet.errors import ArgumentError, FaceError, ImageError, quoted
from npfacenet.faces.alignment import aligned
from npfacenet.faces.choice import ChosenFace
from npfacenet.faces.faces import FARTHEST
from npfacenet.images.affine import resampled
from npfacenet.images.array import picture
from npfacenet.models.json_ready import JsonReady
from npfacenet.recipes.alignment import ALIGNMENTS

SIDE: Final = 64
"""Pixels of the square in which a face is measured."""
PART_OF_CROP: Final = 2 / 3
"""Of the side of a crop without landmarks, in whose middle the face is measured."""
NOSE_AHEAD: Final = 0.48
"""How far the tip of the nose is ahead of the eyes and the mouth, in distances between the eyes.

Fitted to the exact landmarks of 300 drawn people who turn by up to 40 degrees; their turn is then
off by 1.3 degrees (median), at most by 7.8. `tests/gallery/test_quality.py` repeats it.
"""
LEAST_DETAIL: Final = 1e-6
"""Standard deviation of coarse detail, of 1, below which nothing could be sharp."""

_LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601
_TEMPLATE: Final = ALIGNMENTS["openface-similarity"]
_SCALES: Final = (1.0, 2.0, 4.0)  # standard deviations of the Gaussians, in pixels of SIDE

Floats: TypeAlias = npt.NDArray[np.float64]
Picture: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Quality(JsonReady):
    """Measures of one face in one photograph.

    - sharpness: how strong fine detail is beside that twice as coarse, 0 or more; a photograph in
      focus has about 0.7
    - brightness: the mean luminance of the face, 0 (black) to 1 (white)
    - contrast: the standard deviation of its luminance, 0 to 0.5
    - size: the distance between the eyes in pixels of the photograph
    - turn: about how many degrees the face is turned aside, -90 to 90; positive if the nose points
      to the right of the picture. See `turn_of`
    - faces: how many faces the photograph shows

    The last three are None for a crop that no detector has seen.

    Sharpness is the ratio of the deviations of two octaves of detail, in a face whose eyes are 27
    pixels apart: differences of Gaussians of 1 and 2 pixels, and of 2 and 4. Light cancels, noise
    and the blocks of JPEG are mostly finer, and the size of the photograph does not matter while
    its eyes are as far apart. On 54 pictures of LFW it tells blurred and enlarged ones, also with
    noise or compressed, from those in focus with an area under the ROC curve of 0.9996; the
    Laplacian relative to contrast does so with 0.914, one octave relative to contrast with 0.967
    (`tools/experiments/gate_sharpness.py ../shared`).

    Raises ArgumentError for other numbers.
    """

    sharpness: float
    brightness: float
    contrast: float
    size: float | None = None
    turn: float | None = None
    faces: int | None = None

    def __post_init__(self) -> None:
        ranges = {
            "sharpness": (0, math.inf),
            "brightness": (0, 1),
            "contrast": (0, 0.5),
            "size": (0, 4 * FARTHEST),
            "turn": (-90, 90),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is None and name in ("size", "turn"):
                continue
            if not is_real(value, low, high) or math.isinf(value):
                raise ArgumentError(f"{name} is a number from {low} to {high}, not {quoted(value)}")
        if self.faces is not None and not is_whole(self.faces, low=1):
            raise ArgumentError(f"faces is a whole number from 1, not {quoted(self.faces)}")


def quality_of(pixels: Picture, face: ChosenFace | None = None) -> Quality:
    """Measure a face in an upright photograph, uint8 (H, W, 3).

    Without a face the picture is a crop of one already, whose middle is measured. Raises ImageError
    if this is not a picture, FaceError for landmarks that are degenerate, ArgumentError for
    anything but a face.

    >>> halves = np.zeros((96, 96, 3), np.uint8)
    >>> halves[:48] = 255
    >>> seen = quality_of(halves)
    >>> round(seen.brightness, 3), round(seen.contrast, 3), seen.size, seen.turn, seen.faces
    (0.5, 0.5, None, None, None)
    """
    photograph = picture(pixels)
    if face is None:
        return _measured(_middle_of(photograph))
    if not isinstance(face, ChosenFace):
        raise ArgumentError(f"a face is a ChosenFace or None, not {quoted(face)}")
    box, landmarks = np.array(face.box), np.array(face.landmarks)
    try:
        seen = aligned(photograph, box, landmarks, _TEMPLATE, SIDE)
    except ImageError as error:
        raise FaceError(str(error)) from error
    light = _measured(seen)
    size = float(np.hypot(*(landmarks[1] - landmarks[0])))
    return Quality(
        light.sharpness, light.brightness, light.contrast, size, turn_of(landmarks), face.count
    )


def turn_of(landmarks: npt.NDArray[np.generic]) -> float:
    """Return about how many degrees a face is turned aside, from landmarks (5, 2).

    The nose of a face that is turned by an angle moves aside by the sine, while the eyes approach
    each other by the cosine; so the tangent is how far the nose is from the line between the middle
    of the eyes and that of the mouth, in distances between the eyes, over `NOSE_AHEAD`. Roll and
    size do not matter. Landmarks in one place give 0.

    Raises ArgumentError for anything but five points.

    >>> front = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]])
    >>> turn_of(front), round(turn_of(front + [[0, 0], [0, 0], [10, 0], [0, 0], [0, 0]]))
    (0.0, 28)
    """
    points = np.asarray(real_array(landmarks, "landmarks", ArgumentError), np.float64)
    if points.shape != (5, 2) or not (np.abs(points) <= FARTHEST).all():
        raise ArgumentError(
            f"landmarks are finite, of the shape (5, 2), not {points.shape}: {quoted(landmarks)}"
        )
    left, right, nose, *corners = points
    eyes, mouth = (left + right) / 2, (corners[0] + corners[1]) / 2
    down, across = mouth - eyes, right - left
    length = float(np.hypot(*down)) * float(np.hypot(*across))
    if not length:
        return 0.0
    away, along = nose - eyes, np.array([down[1], -down[0]])
    if along @ across < 0:  # a face upside down has its right on the other side
        along = -along
    aside = float(away @ along) / length
    return math.degrees(math.atan(aside / NOSE_AHEAD))


def _measured(face: Picture) -> Quality:
    luminance = face @ np.array(_LUMA) / 255
    mean, deviation = float(luminance.mean()), float(luminance.std())
    if not np.ptp(face, axis=(0, 1)).any():  # rounding alone would make a contrast
        deviation = 0.0
    return Quality(_sharpness(luminance), min(mean, 1.0), min(deviation, 0.5))


def _sharpness(luminance: Floats) -> float:
    """Return the ratio of two octaves of detail in a face of SIDE x SIDE pixels."""
    smooth = [kernel @ luminance @ kernel.T for kernel in map(_gaussian, _SCALES)]
    fine, coarse = (float(np.std(a - b)) for a, b in pairwise(smooth))
    return fine / coarse if coarse > LEAST_DETAIL else 0.0


def _middle_of(crop: Picture) -> Picture:
    height, width, _ = crop.shape
    side = PART_OF_CROP * min(height, width)
    step = side / SIDE
    matrix = np.array([[step, 0, (width - side) / 2], [0, step, (height - side) / 2]])
    return resampled(crop, matrix, SIDE)


def _gaussian(deviation: float) -> Floats:
    """Return the matrix (64, 64) that blurs a column; pixels beyond the edge do not count."""
    place = np.arange(SIDE)
    weights = np.exp(-((place[:, np.newaxis] - place) ** 2) / (2 * deviation**2))
    matrix: Floats = weights / weights.sum(axis=1, keepdims=True)
    return matrix
