"""Training pictures on disk: made once, in order, and read at random."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from finder_answers import Labels
from finder_material import SIDE, Sample
from remembered_faces import MIRRORED

from npfacenet.errors import TrainingError
from npfacenet.files.atomic import atomic_file
from npfacenet.progress import Progress

EACH = 512  # pictures in a file
FIELDS = ("boxes", "landmarks", "ignored")


class NotMadeYetError(Exception):
    """Pictures that another process may be making."""


@dataclass(frozen=True)
class Pool:
    """Numbered training pictures in files of `EACH`: `000.npy`, and their labels, `000.npz`."""

    folder: Path

    def make(self, sample: Callable[[int], Sample], files: int, progress: Progress) -> None:
        """Make the files that are not there yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(files):
            if not self._labels(number).exists():
                self._write(number, [sample(number * EACH + i) for i in range(EACH)])
            progress("pictures", (number + 1) * EACH, files * EACH)

    def batch(self, numbers: npt.NDArray[np.intp], flips: npt.NDArray[np.bool_]) -> Batch:
        """Return the pictures of these numbers, some of them mirrored.

        Raises NotMadeYetError if the file of one is not there, TrainingError if it is damaged.
        """
        pictures = np.empty((len(numbers), SIDE, SIDE, 3), np.uint8)
        labels = []
        for row, (number, flip) in enumerate(zip(numbers.tolist(), flips.tolist(), strict=True)):
            file, place = divmod(number, EACH)
            stored, every = _opened(self._pictures(file), self._labels(file))
            pictures[row] = stored[place, :, ::-1] if flip else stored[place]
            labels.append(mirrored(every[place]) if flip else every[place])
        return Batch(pictures, tuple(labels))

    def _write(self, number: int, samples: list[Sample]) -> None:
        with atomic_file(self._pictures(number)) as stream:
            np.save(stream, np.stack([each.picture for each in samples]))
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for name in FIELDS:
            some = [getattr(each.labels, name) for each in samples]
            arrays[name] = np.concatenate(some)
            arrays[f"{name}_count"] = np.array([len(each) for each in some])
        with atomic_file(self._labels(number)) as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    def _pictures(self, number: int) -> Path:
        return self.folder / f"{number:03}.npy"

    def _labels(self, number: int) -> Path:
        return self.folder / f"{number:03}.npz"


@dataclass(frozen=True)
class Batch:
    """Pictures, uint8 (N, SIDE, SIDE, 3), and the labels of each."""

    pictures: npt.NDArray[np.uint8]
    labels: tuple[Labels, ...]


@cache
def _opened(pictures: Path, labels: Path) -> tuple[npt.NDArray[np.uint8], list[Labels]]:
    if not labels.exists():  # written after the pictures
        raise NotMadeYetError(f"{pictures} is not made yet")
    try:
        with labels.open("rb") as stream, np.load(stream) as stored:
            parts = [
                np.split(stored[name], np.cumsum(stored[f"{name}_count"])[:-1]) for name in FIELDS
            ]
        every = [Labels(*each) for each in zip(*parts, strict=True)]
        return np.load(pictures, mmap_mode="r"), every
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{pictures} or {labels.name} is damaged ({error}): remove both and make them again"
        ) from error


def mirrored(labels: Labels) -> Labels:
    """Return the labels of a mirrored picture."""

    def boxes(old: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        new = old[:, [2, 1, 0, 3]].copy()
        new[:, [0, 2]] = SIDE - new[:, [0, 2]]
        return new

    points = labels.landmarks[:, MIRRORED].copy()
    points[..., 0] = SIDE - points[..., 0]
    return Labels(boxes(labels.boxes), points, boxes(labels.ignored))
