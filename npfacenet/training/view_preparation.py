"""Preparing a folder of views: each is drawn and embedded by a teacher once, before training.

A teacher takes several times as long for a face as a training step of its pupil. So the teacher
embeds each view once, and the pupil sees every view many times. `view_folder.py` describes the
folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.files.paths import checked_path
from npfacenet.images import resize
from npfacenet.models import Model
from npfacenet.models.view_embeddings import embed_views
from npfacenet.progress import Progress
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.training.checks import require_kind
from npfacenet.training.folder_lock import locked
from npfacenet.training.view_folder import RECORD, ViewFiles, read_view_record

Picture: TypeAlias = npt.NDArray[np.uint8]
Draw: TypeAlias = Callable[[int], Picture]  # a view by its number, always the same

TOGETHER = 64  # views drawn, embedded and written at a time


def prepare_views(
    folder: str | os.PathLike[str],
    draw: Draw,
    count: int,
    teacher: Model | Sequence[Model],
    size: int,
    *,
    about: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> None:
    """Draw `count` views and have the teacher embed them; an interrupted call can be repeated.

    `draw(number)` returns a view, uint8 (H, W, 3), as the teacher is shown it, whatever
    preparation the teacher's card states; it is stored for the pupil at `size` pixels a side.
    Several teachers are shown the same view; their embeddings are stored one after the other, as
    one of unit length (`joined`).
    `about` (JSON) is stored in the record. A repeated call continues where the last one stopped if
    the record is the same, and if the first and the last stored view are what `draw` returns now.
    `progress` counts views.

    Raises ArgumentError for a count or size below 1; TrainingError for a folder of other views
    and for a teacher whose embeddings are not finite; OutputError for a folder that cannot be
    written.
    """
    _require_choices(draw, count, size, about)
    teachers = _teachers(teacher)
    outputs = sum(each.card.outputs for each in teachers)
    made_by = "+".join(each.fingerprint_of(CENTRAL_SQUARE) for each in teachers)
    path = checked_path(folder, "the folder of views", ArgumentError)
    resize(draw(0), size, "bilinear")  # raises what `draw` raises before anything is written
    record = {
        "count": count, "size": size, "outputs": outputs,
        "teacher": made_by, "about": dict(about or {}),
    }  # fmt: skip
    try:
        content = json.dumps(record, indent=2)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"about is written as JSON, which it cannot be: {error}") from error
    with writing_in(path):
        path.mkdir(parents=True, exist_ok=True)
    files = ViewFiles(path, size, outputs)
    with locked(path, "preparing views"):
        _require_own(path, files, content)
        _add_views(files, draw, range(_kept(files, count), count), teachers, progress)


def joined(embeddings: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Join the embeddings (N, D), (N, E), ... of several teachers to one (N, D + E + ...).

    Each is divided by the square root of their number. Of unit vectors it makes unit vectors, and
    the product of two of these is the mean of the teachers' products.
    """
    return np.asarray(np.concatenate(embeddings, axis=1) / np.sqrt(len(embeddings)), np.float32)


def _teachers(given: object) -> tuple[Model, ...]:
    """Return one or several teachers; raise ArgumentError for anything else."""
    teachers = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not teachers:
        raise ArgumentError("views need a teacher")
    for each in teachers:
        require_kind("the teacher", each, Model)
    return teachers


def _require_choices(draw: object, count: object, size: object, about: object) -> None:
    for name, number in (("count", count), ("size", size)):
        if type(number) is not int or not 1 <= number <= 10**9:
            raise ArgumentError(f"{name} is a whole number of at least 1, not {quoted(number)}")
    require_kind("about", about, Mapping, type(None))
    if not callable(draw):
        raise ArgumentError(f"draw is a function of a view's number, not {quoted(draw)}")


def _require_own(path: Path, files: ViewFiles, content: str) -> None:
    """Write the record of a new folder; raise TrainingError for a folder of other views."""
    if not (path / RECORD).exists():
        if files.count():
            raise TrainingError(f"{path} holds views without a record: remove it")
        with atomic_file(path / RECORD) as file:
            file.write(content.encode() + b"\n")
    elif read_view_record(path) != json.loads(content):
        raise TrainingError(f"{path} holds other views: remove it, or choose another folder")


def _kept(files: ViewFiles, count: int) -> int:
    """Truncate the files to whole batches, or to all `count` views; return how many stay.

    Embeddings depend on their batch by rounding, so an incomplete batch is embedded again.
    """
    done = files.count()
    done = done if done == count else done // TOGETHER * TOGETHER
    files.truncate(done)
    return done


def _add_views(
    files: ViewFiles,
    draw: Draw,
    numbers: range,
    teachers: Sequence[Model],
    progress: Progress | None,
) -> None:
    """Draw, embed and write the views with these numbers, after checking the stored ones."""
    done, count = numbers.start, numbers.stop
    for number in {0, done - 1} if done else ():
        files.require_drawn(number, draw(number))
    for start in range(done, count, TOGETHER):
        views = [draw(number) for number in range(start, min(start + TOGETHER, count))]
        found = joined([embed_views(teacher, views) for teacher in teachers])
        if not np.isfinite(found).all():
            raise TrainingError(f"the teacher's embeddings of views from {start} on are not finite")
        small = np.stack([resize(view, files.size, "bilinear") for view in views])
        files.append(small, found.astype("<f2"))
        if progress is not None:
            progress("preparing views", start + len(views), count)
