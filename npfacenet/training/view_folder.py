"""A folder of prepared views: the files in it, and reading them.

- `record.json`: the number of views, their sizes, and what they were made from
- `pictures.u8` (count, size, size, 3): uint8
- `embeddings.f16` (count, outputs): little-endian float16, the teacher's, of unit length
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.files import read_text
from npfacenet.files.atomic import writing_in
from npfacenet.files.paths import checked_path
from npfacenet.images import resize
from npfacenet.training.teacher_views import Views, unit_vectors

ROUNDING = 1e-2  # of an embedding's length, by float16
RECORD, PICTURES, EMBEDDINGS = "record.json", "pictures.u8", "embeddings.f16"


@dataclass(frozen=True)
class ViewFiles:
    """The pictures and embeddings files of a folder of views.

    `size` is the side of a picture in pixels, `outputs` the length of an embedding.
    """

    path: Path
    size: int
    outputs: int

    @property
    def bytes_per_view(self) -> dict[Path, int]:
        """The number of bytes that one view takes in each file."""
        return {
            self.path / PICTURES: self.size * self.size * 3,
            self.path / EMBEDDINGS: self.outputs * 2,
        }

    def count(self) -> int:
        """The number of views that both files hold; an interrupt may leave one file longer."""
        return min(
            file.stat().st_size // each if file.exists() else 0
            for file, each in self.bytes_per_view.items()
        )

    def truncate(self, count: int) -> None:
        """Shorten both files to `count` views; raises OutputError if they cannot be written."""
        with writing_in(self.path):
            for path, each in self.bytes_per_view.items():
                with path.open("ab") as file:
                    file.truncate(count * each)

    def append(self, pictures: npt.NDArray[np.uint8], embeddings: npt.NDArray[np.float16]) -> None:
        """Append views with their embeddings; raises OutputError if they cannot be written."""
        with writing_in(self.path):
            for path, content in zip(
                self.bytes_per_view, (pictures.tobytes(), embeddings.tobytes()), strict=True
            ):
                with path.open("ab") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())

    def require_drawn(self, number: int, view: npt.NDArray[np.uint8]) -> None:
        """Raise TrainingError unless the stored view `number` is this picture, resized."""
        length = self.size * self.size * 3
        stored = np.fromfile(self.path / PICTURES, np.uint8, length, offset=number * length)
        if not np.array_equal(stored, resize(view, self.size, "bilinear").reshape(-1)):
            raise TrainingError(
                f"{self.path}: view {number} differs from what is drawn now: remove the folder, "
                "or choose another"
            )


def open_views(folder: str | os.PathLike[str]) -> Views:
    """Open a folder of views; the pictures are memory-mapped.

    Raises TrainingError if the folder holds no views, is damaged, or is not finished yet.
    """
    path = checked_path(folder, "the folder of views", ArgumentError)
    record = read_view_record(path)
    sizes = [record.get(name) for name in ("count", "size", "outputs")]
    count, size, outputs = (value if type(value) is int else 0 for value in sizes)
    if min(count, size, outputs) < 1:
        raise TrainingError(f"{path / RECORD} is malformed: prepare the views again")
    files = ViewFiles(path, size, outputs)
    if (done := files.count()) < count:
        raise TrainingError(f"{path} holds {done} of {count} views: go on preparing them first")
    if any(file.stat().st_size != count * each for file, each in files.bytes_per_view.items()):
        raise TrainingError(f"{path} holds more than its {count} views: prepare them again")
    pictures = np.memmap(path / PICTURES, np.uint8, "r", shape=(count, size, size, 3))
    stored = np.fromfile(path / EMBEDDINGS, "<f2", count * outputs).astype(np.float32)
    stored = stored.reshape(count, outputs)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(stored, axis=1)
    if not (np.abs(lengths - 1) < ROUNDING).all():
        raise TrainingError(
            f"{path / EMBEDDINGS} is damaged: some of its rows are not unit vectors; prepare the "
            "views again"
        )
    return Views(pictures, unit_vectors(stored))


def read_view_record(path: Path) -> dict[str, object]:
    """Read the record of a folder of views; raises TrainingError if it cannot be used."""
    try:
        text = read_text(path / RECORD, what="the record of views", error=TrainingError)
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TrainingError(
            f"{path} holds no views that can be used: {error}; prepare them, or remove it"
        ) from error
    if not isinstance(record, dict):
        raise TrainingError(f"{path / RECORD} is not a JSON object")
    return record
