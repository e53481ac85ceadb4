"""What the teachers of the finder see in each training picture, found once and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from picture_archives import pictures_in
from remembered_faces import arrays_of, faces_of

from npfacenet import faces
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import TrainingError
from npfacenet.faces import Faces
from npfacenet.faces.boxes import overlaps
from npfacenet.files.atomic import atomic_file
from npfacenet.images import read
from npfacenet.training import IdentityFolder
from npfacenet.training.people import read_people

Picture = npt.NDArray[np.uint8]

TEACHERS = {"mtcnn": "weights/mtcnn", "yunet": "weights/yunet_n.onnx"}
TOGETHER = 256  # pictures whose answers are one file
BORDER = 56  # pixels around a crop of 112, so that teachers see a whole face
SAME = 0.5
"""Intersection over union from which on two teachers mean one face."""
SURE = {"mtcnn": 0.9, "yunet": 0.6}
"""The least scores of an agreed face."""


@dataclass(frozen=True)
class Labels:
    """The faces of a picture: those to learn (N, 4) and (N, 5, 2), and regions to ignore (M, 4)."""

    boxes: npt.NDArray[np.float32]
    landmarks: npt.NDArray[np.float32]
    ignored: npt.NDArray[np.float32]

    @classmethod
    def none(cls) -> Labels:
        """Return the labels of a picture without a face."""
        return cls(*(np.zeros(shape, np.float32) for shape in ((0, 4), (0, 5, 2), (0, 4))))


@dataclass(frozen=True)
class Material:
    """Pictures with faces: paths of LFW's training people, and crops of `faces.zip` as bytes."""

    photographs: tuple[Path, ...]
    crops: tuple[bytes, ...]

    @classmethod
    def of(cls, shared: Path) -> Material:
        """Open what the finder may learn from; the reference pictures are not among them.

        Raises TrainingError for an archive or list that cannot be read.
        """
        reference = json.loads((shared / "reference/mtcnn_facenet_pytorch.json").read_text("utf-8"))
        kept_out = {(shared / name).resolve() for name in reference["pictures"]}
        people = read_people(shared / "lfw/train_people.txt")
        paths = IdentityFolder.of(shared / "lfw/images", people).paths
        crops = pictures_in(shared / "faces.zip", TrainingError)
        return cls(tuple(path for path in paths if path.resolve() not in kept_out), crops)

    def photograph(self, number: int) -> Picture:
        """Return a photograph of LFW, uint8 (250, 250, 3)."""
        return read(self.photographs[number])

    def crop(self, number: int) -> Picture:
        """Return a crop with a border of repeated pixels: uint8 (224, 224, 3)."""
        border = ((BORDER, BORDER), (BORDER, BORDER), (0, 0))
        return np.pad(read(self.crops[number]), border, mode="edge")


def answer(shared: Path, run: Path) -> None:
    """Ask both teachers about every picture; an interrupted search continues."""
    material = Material.of(shared)
    with ProgressBar() as bar:
        for name, path in TEACHERS.items():
            teacher = faces.load(shared / path)
            folder = run / "answers" / name

            def photographs(some: Sequence[int], teacher: faces.Detector = teacher) -> list[Faces]:
                return teacher.detect([material.photograph(i) for i in some])

            def crops(some: Sequence[int], teacher: faces.Detector = teacher) -> list[Faces]:
                return teacher.detect([material.crop(i) for i in some], smallest_face=44)

            _ask(folder / "photographs", len(material.photographs), photographs, bar)
            _ask(folder / "crops", len(material.crops), crops, bar)


def labels(run: Path, kind: str) -> list[Labels]:
    """Return the labels of all photographs or crops: where both teachers see a face.

    Raises TrainingError if the teachers have not answered yet.
    """
    first, second = (list(_answers(run / "answers" / name / kind)) for name in TEACHERS)
    if not first or len(first) != len(second):
        raise TrainingError(f"{run / 'answers'} is not complete: run train_finder.py answers")
    return [labels_of(a, b) for a, b in zip(first, second, strict=True)]


def labels_of(mtcnn: Faces, yunet: Faces) -> Labels:
    """Return the means of what both teachers see; what one alone sees is to be ignored."""
    shared = overlaps(mtcnn.boxes, yunet.boxes)
    boxes, landmarks, lonely = [], [], []
    used: set[int] = set()
    for i in range(len(mtcnn)):
        best = int(shared[i].argmax()) if len(yunet) else -1
        if best < 0 or shared[i, best] < SAME or best in used:
            lonely.append(mtcnn.boxes[i])
            continue
        used.add(best)
        sure = mtcnn.scores[i] >= SURE["mtcnn"] and yunet.scores[best] >= SURE["yunet"]
        box = (mtcnn.boxes[i] + yunet.boxes[best]) / 2
        if not sure:
            lonely.append(box)
            continue
        boxes.append(box)
        landmarks.append((mtcnn.landmarks[i] + yunet.landmarks[best]) / 2)
    alone = [yunet.boxes[k] for k in range(len(yunet)) if k not in used] + lonely
    return Labels(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(landmarks, np.float32).reshape(-1, 5, 2),
        np.array(alone, np.float32).reshape(-1, 4),
    )


def _ask(
    folder: Path, count: int, look: Callable[[Sequence[int]], list[Faces]], bar: ProgressBar
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, count, TOGETHER):
        file = folder / f"{start:06}.npz"
        if not file.exists():
            found = look(range(start, min(start + TOGETHER, count)))
            with atomic_file(file) as stream:
                np.savez(stream, allow_pickle=False, **arrays_of(found))
        bar("teachers", min(start + TOGETHER, count), count)


def _answers(folder: Path) -> Iterator[Faces]:
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as stored:
            yield from faces_of(stored)
