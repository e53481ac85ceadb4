"""Faces that were found once and are kept in a file, and a detector that recalls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.faces import Detector, Faces
from npfacenet.faces.boxes import overlaps
from npfacenet.files.atomic import atomic_file

SAME = 0.5
"""Intersection over union from which on two boxes show the same face."""
MIRRORED = [1, 0, 2, 4, 3]
"""The landmarks of a mirrored face, in their order."""


def arrays_of(some: Sequence[Faces]) -> dict[str, npt.NDArray[np.generic]]:
    """Return the faces of several pictures as arrays for one file, which `faces_of` reads."""
    nobody = Faces()
    return {
        "counts": np.array([len(each) for each in some], int),
        "boxes": np.concatenate([nobody.boxes, *(each.boxes for each in some)]),
        "landmarks": np.concatenate([nobody.landmarks, *(each.landmarks for each in some)]),
        "scores": np.concatenate([nobody.scores, *(each.scores for each in some)]),
    }


def faces_of(stored: Mapping[str, npt.NDArray[np.generic]]) -> list[Faces]:
    """Return the faces of each picture."""
    ends = np.cumsum(stored["counts"])[:-1]
    parts = (np.split(stored[name], ends) for name in ("boxes", "landmarks", "scores"))
    return [Faces(*each) for each in zip(*parts, strict=True)][: len(stored["counts"])]


@dataclass(frozen=True, eq=False)
class Remembered(Detector):
    """Finds faces as `inner` does, each picture once, at one smallest face.

    Several threads may use it.
    """

    name: ClassVar[str] = "remembered"

    inner: Detector
    known: dict[str, Faces] = field(default_factory=dict)

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3), or recall them."""
        key = sha256(picture.tobytes()).hexdigest()
        if key not in self.known:
            self.known[key] = self.inner.find(picture, smallest_face, threads)
        return self.known[key]

    def save(self, path: Path) -> None:
        """Write all faces to a file."""
        keys = np.array(list(self.known))
        with atomic_file(path) as file:
            np.savez(file, allow_pickle=False, keys=keys, **arrays_of(list(self.known.values())))

    def recall(self, path: Path) -> None:
        """Read the faces that `save` wrote, if there is such a file."""
        if not path.exists():
            return
        with np.load(path) as stored:
            self.known.update(zip(stored["keys"].tolist(), faces_of(stored), strict=True))


@dataclass(frozen=True, eq=False)
class WithMirrorImage(Detector):
    """Averages boxes and landmarks of a picture's faces with those in its mirror image.

    A face that is not found in the mirror image stays as it is. It takes twice the time.
    """

    name: ClassVar[str] = "mirror"

    inner: Detector

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        """Find the faces of one picture (H, W, 3)."""
        faces = self.inner.find(picture, smallest_face, threads)
        flipped = np.ascontiguousarray(picture[:, ::-1])
        other = self.inner.find(flipped, smallest_face, threads)
        if not (faces and other):
            return faces
        width = picture.shape[1]
        boxes = other.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0)
        landmarks = other.landmarks[:, MIRRORED] * (-1, 1) + (width, 0)
        shared = np.stack([overlaps(box, boxes) for box in faces.boxes])
        best = shared.argmax(axis=1)
        same = shared.max(axis=1) >= SAME
        return replace(
            faces,
            boxes=np.where(same[:, None], (faces.boxes + boxes[best]) / 2, faces.boxes),
            landmarks=np.where(
                same[:, None, None], (faces.landmarks + landmarks[best]) / 2, faces.landmarks
            ),
        )
