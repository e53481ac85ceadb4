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

from npfacenet.checkpoints.placing import Report, atomic_file, writing_in
from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.images import resize
from npfacenet.models import Model

Picture: TypeAlias = npt.NDArray[np.uint8]
Draw: TypeAlias = Callable[[int], Picture]  # a view by its number, always the same

TOGETHER = 64  # views drawn, embedded and written at a time
RECORD, PICTURES, EMBEDDINGS = "record.json", "pictures.u8", "embeddings.f16"


@dataclass(frozen=True)
class Views:
    """`pictures`, uint8 (N, S, S, 3), and for each an embedding: `targets`, float32 (N, D).

    The pictures may be mapped from a file. Raises TrainingError where their numbers differ.
    """

    pictures: Picture
    targets: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
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
    progress: Report | None = None,
) -> None:
    """Draw `count` views and have the teacher embed them; goes on where it was interrupted.

    `draw(number)` gives a view as the teacher is shown it; `size` is the side that is kept for
    the pupil. `about` is written down, and must be the same to go on. Raises TrainingError for
    a folder of other views, OutputError for one that cannot be written.
    """
    path = Path(folder)
    outputs = teacher.card.outputs
    record = {
        "count": count, "size": size, "outputs": outputs,
        "teacher": teacher.fingerprint, "about": dict(about or {}),
    }  # fmt: skip
    with writing_in(path):
        path.mkdir(parents=True, exist_ok=True)
    if (path / RECORD).exists():
        if _record(path) != json.loads(json.dumps(record)):
            raise TrainingError(f"{path} holds other views: remove it, or choose another folder")
    else:
        with atomic_file(path / RECORD) as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")
    done = _whole_rows(path, size, outputs)
    with (
        writing_in(path),
        (path / PICTURES).open("ab") as pictures,
        (path / EMBEDDINGS).open("ab") as embeddings,
    ):
        pictures.truncate(done * size * size * 3)
        embeddings.truncate(done * outputs * 2)
        for start in range(done, count, TOGETHER):
            views = [draw(number) for number in range(start, min(start + TOGETHER, count))]
            found = teacher.embed(views).values
            small = np.stack([resize(view, size, "bilinear") for view in views])
            pictures.write(small.tobytes())
            embeddings.write(found.astype("<f2").tobytes())
            if progress is not None:
                progress("preparing views", start + len(views), count)


def open_views(folder: str | os.PathLike[str]) -> Views:
    """The views of a folder, the pictures mapped and not read.

    Raises TrainingError for a folder that is none, is damaged, or is not finished yet.
    """
    path = Path(folder)
    record = _record(path)
    match record:
        case {"count": int(count), "size": int(size), "outputs": int(outputs)} if (
            min(count, size, outputs) > 0
        ):
            done = _whole_rows(path, size, outputs)
        case _:
            raise TrainingError(f"{path / RECORD} is malformed: prepare the views again")
    if done < count:
        raise TrainingError(f"{path} holds {done} of {count} views: go on preparing them first")
    pictures = np.memmap(path / PICTURES, np.uint8, "r", shape=(count, size, size, 3))
    stored = np.fromfile(path / EMBEDDINGS, "<f2", count * outputs).astype(np.float32)
    if not np.isfinite(stored).all():
        raise TrainingError(f"{path / EMBEDDINGS} is damaged: it holds numbers that are not finite")
    return Views(pictures, _unit(stored.reshape(count, outputs)))


def codes(embeddings: npt.NDArray[np.float32], pictures: int) -> npt.NDArray[np.float32]:
    """What to learn of drawn people: one code for all views of a person.

    `embeddings` (N, D) are a teacher's, those of each person side by side, `pictures` of them.
    A person's code is their mean less the mean of all, of unit length: what a teacher that
    knows photographs sees in all drawings alike is left out. Returns (N, D). Raises
    ArgumentError where the views are not `pictures` of each of at least two people.
    """
    people, rest = divmod(len(embeddings), pictures) if pictures > 0 else (0, 1)
    if rest or people < 2:
        raise ArgumentError(f"{len(embeddings)} views are not {pictures} of two people or more")
    means = embeddings.reshape(people, pictures, -1).mean(axis=1)
    return np.repeat(_unit(means - means.mean(axis=0)), pictures, axis=0)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def _whole_rows(path: Path, size: int, outputs: int) -> int:
    """How many views both files hold; an interrupt can leave one of them ahead."""
    each = {PICTURES: size * size * 3, EMBEDDINGS: outputs * 2}
    files = {path / name: row for name, row in each.items()}
    return min(file.stat().st_size // row if file.exists() else 0 for file, row in files.items())


def _record(path: Path) -> dict[str, object]:
    try:
        record = json.loads((path / RECORD).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} holds no views that can be used: {error}") from error
    if not isinstance(record, dict):
        raise TrainingError(f"{path / RECORD} is no JSON object")
    return record
