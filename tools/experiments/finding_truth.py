"""Faces on which both teachers agree, and whether a detector finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from detection_rates import MIDDLE

from npfacenet.faces import Detector, Faces
from npfacenet.faces.boxes import overlaps
from npfacenet.recognition.lfw import picture_path, read_pairs

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

SAME = 0.4
"""Intersection over union from which on two boxes show the same face."""
FOLDS = (3, 4)  # nobody in them is trained on
TOGETHER = 64  # pictures that are decoded at a time


@dataclass(frozen=True, eq=False)
class Face:
    """A face that both teachers see: the mean of their boxes (4,), and the landmarks of each.

    `of_each` are those of MTCNN and of YuNet, (2, 5, 2).
    """

    box: Floats
    of_each: Floats

    @property
    def landmarks(self) -> Floats:
        """The means of the landmarks, (5, 2)."""
        means: Floats = self.of_each.mean(axis=0)
        return means

    @property
    def size(self) -> float:
        """The geometric mean of the sides, in pixels."""
        width, height = (self.box[2:] - self.box[:2]).tolist()
        return float(np.sqrt(width * height))

    @property
    def centre(self) -> Floats:
        """The middle of the box: x and y."""
        middle: Floats = (self.box[:2] + self.box[2:]) / 2
        return middle

    @property
    def between_the_eyes(self) -> float:
        """The distance of the eyes in pixels."""
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))


@dataclass(frozen=True)
class Teachers:
    """The two detectors whose agreement is the truth."""

    mtcnn: Detector
    yunet: Detector
    threads: int = 1

    def __call__(self, pictures: Sequence[Path | Picture]) -> Iterator[list[Face]]:
        """Yield the faces of each picture that both see."""
        for start in range(0, len(pictures), TOGETHER):
            some = pictures[start : start + TOGETHER]
            seen = (each.detect(some, threads=self.threads) for each in (self.mtcnn, self.yunet))
            yield from map(agreed, *seen)


def agreed(mtcnn: Faces, yunet: Faces) -> list[Face]:
    """Return the faces that both see, each of YuNet's at most once."""
    faces: list[Face] = []
    shared = overlaps(mtcnn.boxes, yunet.boxes).reshape(len(mtcnn), len(yunet)).copy()
    for i in range(len(mtcnn)):
        if shared[i].max(initial=0) < SAME:
            continue
        j = int(shared[i].argmax())
        shared[:, j] = 0
        landmarks = np.stack([mtcnn.landmarks[i], yunet.landmarks[j]])
        faces.append(Face((mtcnn.boxes[i] + yunet.boxes[j]) / 2, landmarks))
    return faces


def central(faces: Sequence[Face]) -> Face | None:
    """Return the face in the middle of a picture of LFW, None if none lies there."""
    there = [
        face for face in faces if (face.box[:2] < MIDDLE).all() and (face.box[2:] > MIDDLE).all()
    ]
    return min(there, key=lambda face: float(np.hypot(*(face.centre - MIDDLE))), default=None)


def best_overlap(found: Faces, box: Floats) -> tuple[float, int]:
    """Return the largest overlap of a face with a box, and which face that is; 0 and -1 of none."""
    shared = overlaps(box, found.boxes)
    return (float(shared.max()), int(shared.argmax())) if shared.size else (0.0, -1)


def landmark_errors(landmarks: Floats, face: Face) -> tuple[float, float, float]:
    """Return the mean distance of the landmarks from the mean, from MTCNN's and from YuNet's.

    They are shares of the distance of the eyes.
    """
    wanted = np.stack([face.landmarks, *face.of_each])
    away = np.sqrt(np.square(landmarks - wanted).sum(axis=2)).mean(axis=1) / face.between_the_eyes
    mean, mtcnn, yunet = away.tolist()
    return mean, mtcnn, yunet


def photographs(shared: Path, *, every: bool, most: int | None) -> list[Path]:
    """Return pictures of LFW in a random order: of folds 3 and 4, or `every` one.

    Raises EvaluationError for a list of pairs that cannot be read.
    """
    images = shared / "lfw/images"
    if every:
        paths = sorted(images.glob("*/*.jpg"))
    else:
        folds = read_pairs(shared / "lfw/pairs_dev.txt")
        pairs = [pair for number in FOLDS for pair in folds[number - 1]]
        names = sorted({picture for pair in pairs for picture in (pair.a, pair.b)})
        paths = [picture_path(images, name) for name in names]
    order = np.random.default_rng(0).permutation(len(paths))[:most]
    return [paths[i] for i in order]
