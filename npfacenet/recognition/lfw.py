"""The pairs of Labeled Faces in the Wild, and the pictures they name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import whole_number
from npfacenet.errors import ArgumentError, EvaluationError, quoted
from npfacenet.files import read_text
from npfacenet.images import MAX_PIXELS, centre_crop, read
from npfacenet.models import Embeddings, Model
from npfacenet.progress import Progress, silent
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.labelled_pairs import Distances, Flags, listed_folds
from npfacenet.recognition.names import name_key
from npfacenet.recognition.paths import checked_path

MOST_PICTURES = 999_999  # of one person
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class Pair:
    """Two pictures, each as (person, number).

    Raises EvaluationError unless each is a text and a whole number from 0 to 999,999.
    """

    a: tuple[str, int]
    b: tuple[str, int]

    def __post_init__(self) -> None:
        pictures: tuple[object, ...] = (self.a, self.b)
        for picture in pictures:
            name, number = picture if isinstance(picture, tuple) and len(picture) == 2 else (0, 0)
            is_name = isinstance(name, str) and bool(name.strip())
            if not is_name or whole_number(number, 0, MOST_PICTURES) is None:
                raise EvaluationError(f"a picture is (person, number), not {quoted(picture)}")

    @property
    def genuine(self) -> bool:
        """Whether both pictures show the same person; if not, they are an impostor pair."""
        return name_key(self.a[0]) == name_key(self.b[0])


Fold = tuple[Pair, ...]


def read_pairs(path: str | os.PathLike[str]) -> tuple[Fold, ...]:
    """Read a file in the format of LFW's `pairs.txt`.

    The first line has the number of folds and the number of pairs of each kind in a fold;
    `NAME 1 4` is a pair of one person's pictures, `NAME 1 OTHER 2` one of two people. Raises
    EvaluationError, naming the file and the line that is wrong.
    """
    file = checked_path(path, "a file of pairs", EvaluationError)
    lines = read_text(file, what="a file of pairs", error=EvaluationError).splitlines()
    name, first = quoted(str(file)), (lines[0].split() if lines else [])
    if len(first) != 2 or not all(map(_NUMBER.fullmatch, first)):
        raise EvaluationError(
            f"{name}, line 1: must be 'FOLDS PAIRS' as in LFW's pairs.txt, e.g. '10 300'"
        )
    folds, each = map(int, first)
    numbered = [(number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    if folds < 1 or each < 1 or len(numbered) != folds * 2 * each:
        raise EvaluationError(
            f"{name}: line 1 announces {folds} folds of 2 x {each} pairs, but {len(numbered)} "
            "follow"
        )
    pairs = [_pair(f"{name}, line {number}", line.split()) for number, line in numbered]
    return tuple(tuple(pairs[i * 2 * each : (i + 1) * 2 * each]) for i in range(folds))


def picture_path(images: Path, picture: tuple[str, int]) -> Path:
    """Return the path of a picture: IMAGES/NAME/NAME_0001.jpg.

    >>> picture_path(Path("lfw"), ("Ada_Lovelace", 2)).as_posix()
    'lfw/Ada_Lovelace/Ada_Lovelace_0002.jpg'
    """
    name, number = picture
    return images / name / f"{name}_{number:04d}.jpg"


def choose_folds(folds: Sequence[Fold], numbers: Sequence[int] | None) -> tuple[Fold, ...]:
    """Return the folds with these numbers, counted from 1; all folds for None.

    Raises EvaluationError for a number that does not exist, and for fewer than two folds, because
    the threshold for each is chosen on the others.
    """
    chosen = range(1, len(folds) + 1) if numbers is None else numbers
    if not isinstance(chosen, (list, tuple, range)):
        raise EvaluationError(f"numbers of folds are a list, not {quoted(chosen)}")
    if unknown := [number for number in chosen if whole_number(number, 1, len(folds)) is None]:
        raise EvaluationError(
            f"there is no fold {quoted(unknown[0])}; the file has 1 to {len(folds)}"
        )
    chosen = tuple(dict.fromkeys(chosen))
    if len(chosen) < 2:
        raise EvaluationError("at least two folds are needed: a threshold is chosen on the others")
    return tuple(folds[number - 1] for number in chosen)


def genuine_flags(folds: Sequence[Fold]) -> list[Flags]:
    """Return which pairs are genuine, fold by fold, as `evaluate` takes them.

    Raises EvaluationError for anything but folds of pairs.
    """
    return [np.array([pair.genuine for pair in fold]) for fold in _checked(folds)]


def _checked(folds: Sequence[Fold]) -> list[Fold]:
    checked = [tuple(listed_folds(fold, "pairs")) for fold in listed_folds(folds, "pairs")]
    for pair in (pair for fold in checked for pair in fold):
        if not isinstance(pair, Pair):
            raise EvaluationError(f"a fold holds pairs, as read_pairs gives them: {quoted(pair)}")
    return checked


def _pair(where: str, words: list[str]) -> Pair:
    match words:
        case [name, a, b]:
            pictures = [(name, a), (name, b)]
        case [name, a, other, b]:
            pictures = [(name, a), (other, b)]
        case _:
            pictures = []
    if not pictures or not all(_NUMBER.fullmatch(number) for _, number in pictures):
        raise EvaluationError(
            f"{where}: {quoted(' '.join(words))} is neither 'NAME N N' nor 'NAME N NAME N', with "
            f"numbers of pictures from 0 to {MOST_PICTURES:,}"
        )
    for name, _ in pictures:
        if (
            name in (".", "..") or Path(name).name != name
        ):  # "../x" would be read outside the folder of pictures
            raise EvaluationError(f"{where}: {quoted(name)} is not the name of a person's folder")
    first, second = ((name, int(number)) for name, number in pictures)
    return Pair(first, second)


def pair_distances(
    model: Model,
    images: str | os.PathLike[str],
    folds: Sequence[Fold],
    *,
    crop: int | None = None,
    progress: Progress | None = None,
) -> list[Distances]:
    """Return the distances of all pairs, fold by fold; arguments as of `pair_embeddings`."""
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
    """Return the embeddings of both sides of all pairs, fold by fold; embed each picture once.

    `crop` is the side in pixels of the central square that is used of each picture (LFW's are 250
    wide, and a face fills about 150). `progress` counts pictures. Raises EvaluationError for
    missing pictures, ImageError for those that cannot be read.
    """
    root = checked_path(images, "the folder of pictures", EvaluationError)
    if crop is not None and whole_number(crop, 1, MAX_PIXELS) is None:
        raise ArgumentError(f"crop is a whole number of pixels, at least 1, not {quoted(crop)}")
    if not isinstance(model, Model):
        raise ArgumentError(f"pairs are embedded by a model, npfacenet.load(), not {quoted(model)}")
    folds = _checked(folds)
    pictures = list(dict.fromkeys(p for fold in folds for pair in fold for p in (pair.a, pair.b)))
    paths = [picture_path(root, picture) for picture in pictures]
    # os.path, because Path.is_file raises for names that are too long.
    if missing := [path for path in paths if not os.path.isfile(path)]:
        raise EvaluationError(
            f"{len(missing)} of {len(pictures)} pictures are missing, the first: "
            f"{quoted(str(missing[0]))}"
        )

    report = silent if progress is None else progress

    def faces() -> Iterator[npt.NDArray[np.uint8]]:
        for done, path in enumerate(paths):
            whole = read(path)
            yield whole if crop is None else centre_crop(whole, crop)
            report("embedding", done + 1, len(pictures))

    embeddings = model.embed(faces())
    index = {picture: i for i, picture in enumerate(pictures)}
    return [
        (embeddings[[index[pair.a] for pair in fold]], embeddings[[index[pair.b] for pair in fold]])
        for fold in folds
    ]
