"""The pairs of Labeled Faces in the Wild, and the pictures they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EvaluationError
from npfacenet.images import centre_crop, read
from npfacenet.models import Embeddings, Model
from npfacenet.models.model import Progress
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, Flags

LARGEST_FILE = 1 << 26


@dataclass(frozen=True)
class Pair:
    """Two pictures, each as (person, number), and whether they show one person."""

    a: tuple[str, int]
    b: tuple[str, int]

    @property
    def genuine(self) -> bool:
        """Whether both show the same person; else they are an impostor pair."""
        return self.a[0] == self.b[0]


Fold = tuple[Pair, ...]


def read_pairs(path: str | os.PathLike[str]) -> tuple[Fold, ...]:
    """Read a file in the format of LFW's `pairs.txt`.

    The first line says how many folds there are and how many pairs of each kind a fold
    has; `NAME 1 4` is a pair of one person's pictures, `NAME 1 OTHER 2` one of two people.
    Raises EvaluationError naming the file and the line that is wrong.
    """
    try:
        if not Path(path).is_file() or Path(path).stat().st_size > LARGEST_FILE:
            raise EvaluationError(f"{path} is no file of pairs; it should be LFW's pairs.txt")
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read as a file of pairs: {error}") from error
    try:
        folds, each = map(int, lines[0].split())
    except (IndexError, ValueError):
        raise EvaluationError(
            f"{path}, line 1: must be 'FOLDS PAIRS' as in LFW's pairs.txt, e.g. '10 300'"
        ) from None
    rows = [line for line in lines[1:] if line.strip()]
    if folds < 1 or each < 1 or len(rows) != folds * 2 * each:
        raise EvaluationError(
            f"{path}: line 1 announces {folds} folds of 2 x {each} pairs, but {len(rows)} follow"
        )
    pairs = [_pair(path, number, row.split()) for number, row in enumerate(rows, start=2)]
    return tuple(tuple(pairs[i * 2 * each : (i + 1) * 2 * each]) for i in range(folds))


def picture_path(images: Path, picture: tuple[str, int]) -> Path:
    """Where a picture lies: IMAGES/NAME/NAME_0001.jpg.

    >>> picture_path(Path("lfw"), ("Ada_Lovelace", 2)).as_posix()
    'lfw/Ada_Lovelace/Ada_Lovelace_0002.jpg'
    """
    name, number = picture
    return images / name / f"{name}_{number:04d}.jpg"


def choose_folds(folds: Sequence[Fold], numbers: Sequence[int] | None) -> tuple[Fold, ...]:
    """The folds with these numbers, from 1; all of them for None.

    Raises EvaluationError for a number that there is not, or fewer than two folds, because
    the threshold for one is chosen on the others.
    """
    chosen = tuple(range(1, len(folds) + 1)) if numbers is None else tuple(dict.fromkeys(numbers))
    if unknown := [number for number in chosen if not 1 <= number <= len(folds)]:
        raise EvaluationError(f"there is no fold {unknown[0]}; the file has 1 to {len(folds)}")
    if len(chosen) < 2:
        raise EvaluationError("at least two folds are needed: a threshold is chosen on the others")
    return tuple(folds[number - 1] for number in chosen)


def genuine_flags(folds: Sequence[Fold]) -> list[Flags]:
    """Which pairs are genuine, fold by fold, as `evaluate` takes them."""
    return [np.array([pair.genuine for pair in fold]) for fold in folds]


def _pair(path: str | os.PathLike[str], number: int, words: list[str]) -> Pair:
    try:
        if len(words) == 3:
            return Pair((words[0], int(words[1])), (words[0], int(words[2])))
        if len(words) == 4:
            return Pair((words[0], int(words[1])), (words[2], int(words[3])))
    except ValueError:
        pass
    raise EvaluationError(
        f"{path}, line {number}: {' '.join(words)!r} is neither 'NAME N N' nor 'NAME N NAME N'"
    )


def pair_distances(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    crop: int | None = None,
    progress: Progress | None = None,
) -> list[Distances]:
    """The distances of all pairs, fold by fold, as `pair_embeddings` embeds them."""
    pairs = pair_embeddings(model, images, folds, crop=crop, progress=progress)
    return [paired_distances(a, b) for a, b in pairs]


def pair_embeddings(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    crop: int | None = None,
    progress: Progress | None = None,
) -> list[tuple[Embeddings, Embeddings]]:
    """The embeddings of both sides of all pairs, fold by fold; every picture is embedded once.

    `crop` takes so many pixels a side from the centre of each picture (LFW's are 250 wide,
    and a face fills about 150). Raises EvaluationError for pictures that are missing, and
    ImageError for those that cannot be read.
    """
    root = Path(images)
    pictures = list(dict.fromkeys(p for fold in folds for pair in fold for p in (pair.a, pair.b)))
    missing = [path for path in (picture_path(root, p) for p in pictures) if not path.is_file()]
    if missing:
        raise EvaluationError(
            f"{len(missing)} of {len(pictures)} pictures are missing, the first: {missing[0]}"
        )

    def faces() -> Iterator[npt.NDArray[np.uint8]]:
        for done, picture in enumerate(pictures):
            whole = read(picture_path(root, picture))
            yield whole if crop is None else centre_crop(whole, crop)
            if progress is not None:
                progress("embedding", done + 1, len(pictures))

    embeddings = model.embed(faces())
    row = {picture: i for i, picture in enumerate(pictures)}
    return [
        (embeddings[[row[pair.a] for pair in fold]], embeddings[[row[pair.b] for pair in fold]])
        for fold in folds
    ]
