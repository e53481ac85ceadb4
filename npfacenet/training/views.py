"""Views of faces prepared ahead of a run, each with the embedding that is to be learnt for it.

A teacher takes several times as long for a face as a step of its pupil's training. So it is
asked once for each view, and the pupil sees every view many times.

A folder of views holds

- `record.json`: how many views there will be, their sizes, and what they were made from
- `pictures.u8` (count, size, size, 3): uint8
- `embeddings.f16` (count, outputs): little-endian float16, the teacher's, of unit length
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, ShapeError, TrainingError, quoted
from npfacenet.files import read_text
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.images import resize
from npfacenet.models import Model
from npfacenet.models.views import embed_views
from npfacenet.progress import Progress
from npfacenet.recognition.paths import checked_path
from npfacenet.training.checks import require_kind, require_whole
from npfacenet.training.folder_lock import locked

Picture: TypeAlias = npt.NDArray[np.uint8]
Draw: TypeAlias = Callable[[int], Picture]  # a view by its number, always the same

SMALLEST = 1e-6  # length of a person's mean less the mean of all
ROUNDING = 1e-2  # of an embedding's length, by float16
TOGETHER = 64  # views drawn, embedded and written at a time
RECORD, PICTURES, EMBEDDINGS = "record.json", "pictures.u8", "embeddings.f16"


@dataclass(frozen=True)
class Views:
    """`pictures`, uint8 (N, S, S, 3), and for each an embedding: `targets`, float32 (N, D).

    The pictures may be mapped from a file. Raises ShapeError for another shape or dtype,
    TrainingError where their numbers differ.
    """

    pictures: Picture
    targets: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        pictures, targets = self.pictures, self.targets
        for name in ("pictures", "targets"):
            require_kind(f"views: {name}", getattr(self, name), np.ndarray)
        square = pictures.ndim == 4 and pictures.shape[1:] == (pictures.shape[1],) * 2 + (3,)
        if pictures.dtype != np.uint8 or not square:
            raise ShapeError(
                f"views are uint8 (N, S, S, 3), received {pictures.dtype} {pictures.shape}"
            )
        if targets.dtype != np.float32 or targets.ndim != 2:
            raise ShapeError(
                f"targets are float32 (N, D), received {targets.dtype} {targets.shape}"
            )
        if len(self.pictures) != len(self.targets) or not len(self.pictures):
            raise TrainingError(
                f"{len(self.pictures)} views with {len(self.targets)} embeddings: each view has "
                "one, and there is at least one view"
            )

    def __len__(self) -> int:
        return len(self.pictures)


def prepare_views(
    folder: str | os.PathLike[str],
    draw: Draw,
    count: int,
    teacher: Model,
    size: int,
    *,
    about: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> None:
    """Draw `count` views and have the teacher embed them; goes on where it was interrupted.

    `draw(number)` gives a view as the teacher is shown it; `size` is the side that is kept for
    the pupil. `about` is written down, JSON, and must be the same to go on; so must the first and
    the last view that are there, which are drawn again. Raises ArgumentError for a count or size
    below 1, TrainingError for a folder of other views and for a teacher's embeddings that are not
    finite, OutputError for a folder that cannot be written.
    """
    for name, number in (("count", count), ("size", size)):
        if type(number) is not int or not 1 <= number <= 10**9:
            raise ArgumentError(f"{name} is a whole number of at least 1, not {quoted(number)}")
    require_kind("the teacher", teacher, Model)
    require_kind("about", about, Mapping, type(None))
    if not callable(draw):
        raise ArgumentError(f"views are drawn by a function of their number, not {quoted(draw)}")
    path = checked_path(folder, "the folder of views", ArgumentError)
    resize(draw(0), size, "bilinear")  # what cannot be drawn is told before anything is written
    record = {
        "count": count, "size": size, "outputs": teacher.card.outputs,
        "teacher": teacher.fingerprint, "about": dict(about or {}),
    }  # fmt: skip
    try:
        content = json.dumps(record, indent=2)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"about is written as JSON, which it cannot be: {error}") from error
    with writing_in(path):
        path.mkdir(parents=True, exist_ok=True)
    files = _Files(path, size, teacher.card.outputs)
    with locked(path, "preparing views"):
        if not (path / RECORD).exists():
            if files.whole_rows():
                raise TrainingError(f"{path} holds views of which nothing is known: remove it")
            with atomic_file(path / RECORD) as file:
                file.write(content.encode() + b"\n")
        elif _record(path) != json.loads(content):
            raise TrainingError(f"{path} holds other views: remove it, or choose another folder")
        _add_views(files, draw, range(files.keep(count), count), teacher, progress)


def _add_views(
    files: _Files, draw: Draw, numbers: range, teacher: Model, progress: Progress | None
) -> None:
    """Draw, embed and write the views with these numbers; those before are drawn as they were."""
    done, count = numbers.start, numbers.stop
    for number in {0, done - 1} if done else ():
        files.require_drawn(number, draw(number))
    for start in range(done, count, TOGETHER):
        views = [draw(number) for number in range(start, min(start + TOGETHER, count))]
        found = embed_views(teacher, views)
        if not np.isfinite(found).all():
            raise TrainingError(f"the teacher's embeddings of views from {start} on are not finite")
        small = np.stack([resize(view, files.size, "bilinear") for view in views])
        files.add(small, found.astype("<f2"))
        if progress is not None:
            progress("preparing views", start + len(views), count)


@dataclass(frozen=True)
class _Files:
    """The two files of a folder of views, and how long a row is in each."""

    path: Path
    size: int
    outputs: int

    @property
    def rows(self) -> dict[Path, int]:
        """Bytes of a view, and of an embedding."""
        return {
            self.path / PICTURES: self.size * self.size * 3,
            self.path / EMBEDDINGS: self.outputs * 2,
        }

    def whole_rows(self) -> int:
        """How many views both files hold; an interrupt can leave one of them ahead."""
        return min(
            file.stat().st_size // row if file.exists() else 0 for file, row in self.rows.items()
        )

    def keep(self, count: int) -> int:
        """Drop the rest, and of a batch that is not whole all; return how many views stay.

        Embeddings depend on their batch by rounding, so a batch is not begun in its midst.
        """
        done = self.whole_rows()
        done = done if done == count else done // TOGETHER * TOGETHER
        with writing_in(self.path):
            for path, row in self.rows.items():
                with path.open("ab") as file:
                    file.truncate(done * row)
        return done

    def add(self, *rows: npt.NDArray[np.generic]) -> None:
        """Views, and their embeddings."""
        with writing_in(self.path):
            for path, more in zip(self.rows, rows, strict=True):
                with path.open("ab") as file:
                    file.write(more.tobytes())
                    file.flush()
                    os.fsync(file.fileno())

    def require_drawn(self, number: int, view: Picture) -> None:
        """Raise TrainingError unless this is the view with that number."""
        length = self.size * self.size * 3
        there = np.fromfile(self.path / PICTURES, np.uint8, length, offset=number * length)
        if not np.array_equal(there, resize(view, self.size, "bilinear").reshape(-1)):
            raise TrainingError(
                f"{self.path}: view {number} is not what is drawn now: remove the folder, or "
                "choose another"
            )


def open_views(folder: str | os.PathLike[str]) -> Views:
    """The views of a folder, the pictures mapped and not read.

    Raises TrainingError for a folder that holds no views, is damaged, or is not finished yet.
    """
    path = checked_path(folder, "the folder of views", ArgumentError)
    record = _record(path)
    sizes = [record.get(name) for name in ("count", "size", "outputs")]
    count, size, outputs = (value if type(value) is int else 0 for value in sizes)
    if min(count, size, outputs) < 1:
        raise TrainingError(f"{path / RECORD} is malformed: prepare the views again")
    files = _Files(path, size, outputs)
    if (done := files.whole_rows()) < count:
        raise TrainingError(f"{path} holds {done} of {count} views: go on preparing them first")
    if any(file.stat().st_size != count * row for file, row in files.rows.items()):
        raise TrainingError(f"{path} holds more than its {count} views: prepare them again")
    pictures = np.memmap(path / PICTURES, np.uint8, "r", shape=(count, size, size, 3))
    stored = np.fromfile(path / EMBEDDINGS, "<f2", count * outputs).astype(np.float32)
    stored = stored.reshape(count, outputs)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(stored, axis=1)
    if not (np.abs(lengths - 1) < ROUNDING).all():
        raise TrainingError(
            f"{path / EMBEDDINGS} is damaged: some of its rows hold no embeddings; prepare again"
        )
    return Views(pictures, _unit(stored))


def codes(embeddings: npt.NDArray[np.float32], pictures: int) -> npt.NDArray[np.float32]:
    """What to learn of drawn people: one code for all views of a person.

    `embeddings` (N, D) are a teacher's, those of each person side by side, `pictures` of them.
    A person's code is their mean less the mean of all, of unit length: what a teacher that
    knows photographs sees in all drawings alike is left out. Returns (N, D). Raises
    ArgumentError where the views are not `pictures` of each of at least two people, or where
    somebody's mean is that of all, which is not a direction.
    """
    require_kind("embeddings", embeddings, np.ndarray)
    require_whole("the number of pictures of a person", pictures, -(2**31), 2**31)
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise ShapeError(f"embeddings are finite numbers (N, D), received {embeddings.shape}")
    people, rest = divmod(len(embeddings), pictures) if pictures > 0 else (0, 1)
    if rest or people < 2:
        raise ArgumentError(f"{len(embeddings)} views are not {pictures} of two people or more")
    means = embeddings.reshape(people, pictures, -1).mean(axis=1)
    own = means - means.mean(axis=0)
    if not (np.linalg.norm(own, axis=1) > SMALLEST).all():
        raise ArgumentError(
            "somebody's embeddings are those of all people on average: no direction"
        )
    return np.repeat(_unit(own), pictures, axis=0)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def _record(path: Path) -> dict[str, object]:
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
