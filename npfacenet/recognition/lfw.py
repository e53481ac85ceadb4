"""The pairs of Labeled Faces in the Wild, and the pictures that they name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npfacenet.arguments import whole_number
from npfacenet.errors import EvaluationError, quoted
from npfacenet.files import read_text
from npfacenet.files.paths import checked_path
from npfacenet.recognition.labelled_pairs import Flags, listed_folds
from npfacenet.recognition.names import name_key

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
    return [np.array([pair.genuine for pair in fold]) for fold in checked_folds(folds)]


def checked_folds(folds: Sequence[Fold]) -> list[Fold]:
    """Return the folds as tuples of pairs; raise EvaluationError for anything else."""
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
