"""How a face is cut out of a photograph: by its five landmarks, or by its box.

The default network's template, "npfacenet", is symmetric, because the network learns from mirrored
faces too, and shows the chin and some hair: framed wider, its teachers were not measurably better
on LFW, and more of the tight crops that it learns from would have to be made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Point: TypeAlias = tuple[float, float]
Landmarks: TypeAlias = tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True)
class Template:
    """Where the five landmarks of a face come to lie in its crop.

    `points` are x and y as fractions of the crop's side, in the order of `faces.LANDMARKS`. `fit`
    says which map brings the landmarks there, by least squares: a "similarity" moves, turns and
    scales, an "affine" map also shears.
    """

    points: Landmarks
    fit: Literal["similarity", "affine"]


@dataclass(frozen=True)
class Margin:
    """A face's box with a margin, stretched to a square; landmarks do not matter.

    `fraction` is the part of the crop's side that is margin, half of it on each side: the 32 of
    160 pixels of facenet-pytorch's `extract_face` are 0.2.
    """

    fraction: float


Alignment: TypeAlias = Template | Margin

# Means of the 68-point mean face of OpenFace, dlib's: of each eye the six points around it, the
# tip of the nose, the corners of the mouth; in pixels of a crop of 96.
_OPENFACE: Final = (
    (26.628, 16.059), (67.790, 15.264), (47.241, 40.522), (29.483, 61.618), (66.760, 60.878),
)  # fmt: skip

# Medians of LFW's faces as YuNet sees them, in distances between the eyes from their middle, the
# left and right halves averaged; then placed for the crop.
_EYES_APART, _EYES_DOWN = 0.37, 0.36


def _framed(apart: float, down: float) -> Landmarks:
    """Return the mean face with its eyes `apart` and `down`, in fractions of the crop's side."""
    mouth = 0.435 * apart
    return (
        (0.5 - apart / 2, down),
        (0.5 + apart / 2, down),
        (0.5, down + 0.577 * apart),
        (0.5 - mouth, down + 1.034 * apart),
        (0.5 + mouth, down + 1.034 * apart),
    )


def _fractions(points: Landmarks, side: float) -> Landmarks:
    a, b, c, d, e = ((x / side, y / side) for x, y in points)
    return a, b, c, d, e


ALIGNMENTS: Mapping[str, Alignment] = MappingProxyType(
    {
        "openface-similarity": Template(_fractions(_OPENFACE, 96), "similarity"),
        "openface-affine": Template(_fractions(_OPENFACE, 96), "affine"),
        "npfacenet": Template(_framed(_EYES_APART, _EYES_DOWN), "similarity"),
        "margin-0": Margin(0.0),
        "margin-32": Margin(32 / 160),
    }
)
"""The known ones by name; "margin-32" means 32 of 160 pixels."""
