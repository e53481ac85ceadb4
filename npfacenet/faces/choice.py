"""Which of several faces in a picture is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, SeveralFacesError, quoted
from npfacenet.faces.boxes import sides
from npfacenet.faces.faces import Faces

OneOf: TypeAlias = Literal["largest", "central", "only"]
"""Choices of one face."""
Choice: TypeAlias = OneOf | Literal["all"]
ONE_OF: Final[tuple[OneOf, ...]] = ("largest", "central", "only")
CHOICES: Final[tuple[Choice, ...]] = (*ONE_OF, "all")


@dataclass(frozen=True)
class ChosenFace:
    """A face that was chosen among all that a detector found in a picture.

    `box` (left, top, right, bottom) and `landmarks` (x, y; in the order of `LANDMARKS`) are in
    pixels of the upright picture; `score` is the detector's. `index` is its place among the
    `count` faces of the picture, of which 0 has the best score.
    """

    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    score: float
    index: int
    count: int

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    def as_json(self) -> dict[str, object]:
        """Return box, size, score, index and count, rounded as `Faces.as_json` rounds them."""
        return {
            "box": [round(edge, 2) for edge in self.box],
            "size": round(self.size, 2),
            "score": round(self.score, 4),
            "index": self.index,
            "count": self.count,
        }


def require_choice(choose: object) -> None:
    """Raise ArgumentError unless it is one of `CHOICES`."""
    if not is_one_of(choose, *CHOICES):
        raise ArgumentError(f"choose is one of {', '.join(CHOICES)}, not {quoted(choose)}")


def chosen(
    faces: Faces, choose: Choice, width: int, height: int, name: str
) -> tuple[ChosenFace, ...]:
    """Choose among the faces of a picture of width x height pixels: none of none.

    - "largest": the one whose box has the largest area within the picture, times the part of the
      box that is within: of two, rather the one that is not cut off
    - "central": the one whose box has its centre nearest to the picture's
    - "only": the only one; raises SeveralFacesError, naming the picture `name`, if there are more
    - "all": every one, best score first

    Of equally good ones the first is taken, which has the better score.

    >>> box, landmarks = [10, 20, 50, 70], [[22, 40], [38, 40], [30, 48], [24, 58], [36, 58]]
    >>> [face.size for face in chosen(Faces([box], [landmarks], [1]), "only", 90, 90, "me.jpg")]
    [50.0]
    """
    require_choice(choose)
    if not faces:
        return ()
    if choose == "only" and len(faces) > 1:
        raise SeveralFacesError(
            f"{name} shows {len(faces)} faces, and one is expected: crop the picture, or choose "
            "the largest or the central one (choose=, --choose)"
        )
    match choose:
        case "all":
            indices = range(len(faces))
        case "central":
            centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
            off = np.hypot(*(centres - (width / 2, height / 2)).T)
            indices = range(first := int(np.argmin(off)), first + 1)
        case _:
            whole = np.multiply(*sides(faces.boxes))
            within = np.multiply(*sides(np.clip(faces.boxes, 0, [width, height] * 2)))
            best = int(np.argmax(within * within / np.maximum(whole, np.finfo(whole.dtype).tiny)))
            indices = range(best, best + 1)
    return tuple(_at(faces, index) for index in indices)


def _at(faces: Faces, index: int) -> ChosenFace:
    left, top, right, bottom = faces.boxes[index].tolist()
    points = tuple((x, y) for x, y in faces.landmarks[index].tolist())
    score = float(faces.scores[index])
    return ChosenFace((left, top, right, bottom), points, score, index, len(faces))
