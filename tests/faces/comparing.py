"""Faces found, against faces expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.faces import Faces
from npfacenet.faces.boxes import overlaps


@dataclass(frozen=True)
class Limits:
    """How much a face may differ: IoU at least, landmarks in shares of the box, score."""

    overlap: float
    landmarks: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class Pair:
    """A face that was expected, and how far the one that was found is from it."""

    overlap: float
    landmarks: float
    score: float

    def within(self, limits: Limits) -> bool:
        return (
            self.overlap >= limits.overlap
            and (limits.landmarks is None or self.landmarks <= limits.landmarks)
            and (limits.score is None or self.score <= limits.score)
        )


def faces_of(entries: Iterable[dict[str, object]]) -> Faces:
    """The faces of a reference file, the surest first."""
    ordered = sorted(entries, key=lambda face: -float(str(face["score"])))
    return Faces(
        np.array([face["box"] for face in ordered], np.float32).reshape(-1, 4),
        np.array([face["landmarks"] for face in ordered], np.float32).reshape(-1, 5, 2),
        np.array([face["score"] for face in ordered], np.float32),
    )


def pairs(found: Faces, expected: Faces) -> list[Pair]:
    """Each expected face beside the one found that overlaps it most."""
    matched = []
    for box, points, score in zip(expected.boxes, expected.landmarks, expected.scores, strict=True):
        shared = overlaps(box, found.boxes)
        if not len(shared):
            matched.append(Pair(0, np.inf, 1))
            continue
        best = int(shared.argmax())
        side = max(box[2] - box[0], box[3] - box[1])
        away = np.abs(found.landmarks[best] - points).max() / side
        apart = abs(float(found.scores[best] - score))
        matched.append(Pair(float(shared[best]), float(away), apart))
    return matched


def unlike(found: Faces, expected: Faces, limits: Limits) -> list[str]:
    """What differs between two sets of faces, in words; nothing if they are the same."""
    told = [str(pair) for pair in pairs(found, expected) if not pair.within(limits)]
    if len(found) != len(expected):
        told.append(f"{len(found)} faces instead of {len(expected)}")
    return told


def missing(found: Faces, expected: Faces, overlap: float) -> list[str]:
    """The expected faces of which none was found, in words."""
    return [str(pair) for pair in pairs(found, expected) if pair.overlap < overlap]


def sure(faces: Faces, least: float = 0.9) -> Faces:
    """The faces with at least this score."""
    rows = np.flatnonzero(faces.scores >= least)
    return Faces(faces.boxes[rows], faces.landmarks[rows], faces.scores[rows])


def mirrored(faces: Faces, width: int) -> Faces:
    """The faces of a mirrored picture: eyes and mouth corners change sides."""
    boxes = faces.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0)
    points = faces.landmarks[:, [1, 0, 2, 4, 3]] * (-1, 1) + (width, 0)
    return Faces(boxes, points, faces.scores)


def moved(faces: Faces, right: float, down: float, factor: float = 1) -> Faces:
    """The faces of a picture that was enlarged, then moved."""
    boxes = faces.boxes * factor + np.array([right, down] * 2)
    return Faces(boxes, faces.landmarks * factor + np.array([right, down]), faces.scores)


def cut(faces: Faces, frame: tuple[float, float, float, float]) -> Faces:
    """The faces, with only what lies in left, top, right, bottom left of their boxes."""
    corners = np.array(frame)
    boxes = np.clip(faces.boxes, np.tile(corners[:2], 2), np.tile(corners[2:], 2))
    return Faces(boxes, faces.landmarks, faces.scores)


def whole(faces: Faces, frame: tuple[float, float, float, float]) -> Faces:
    """The faces whose boxes lie in this frame altogether."""
    rows = np.flatnonzero((cut(faces, frame).boxes == faces.boxes).all(axis=1))
    return Faces(faces.boxes[rows], faces.landmarks[rows], faces.scores[rows])


Picture = npt.NDArray[np.uint8]
