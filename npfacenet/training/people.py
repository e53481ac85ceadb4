"""The people in a folder, and lists of people's names."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from npfacenet.errors import GalleryError, TrainingError, quoted
from npfacenet.files import read_text
from npfacenet.models.embeddings import Skipped
from npfacenet.recognition.names import name_key
from npfacenet.recognition.people_folder import people_in
from npfacenet.training.checks import require_kind


def people_of(
    folder: str | os.PathLike[str],
) -> tuple[Mapping[str, Sequence[Path]], tuple[Skipped, ...]]:
    """Return the pictures of each person in a folder, and what was passed over.

    Raises TrainingError for a folder that is missing or holds no picture.
    """
    try:
        found = people_in(folder)
    except GalleryError as error:
        raise TrainingError(f"{error}; to train, it should hold NAME/*.jpg") from error
    return found.people, found.passed_over


def read_people(
    path: str | os.PathLike[str], among: Collection[str] | None = None
) -> tuple[str, ...]:
    """Read a list of people's names from a file, one per line.

    A line that equals one of the names in `among`, in Unicode's composed form, is that name. In
    other lines, a number at the end is dropped: LFW's lists have the number of pictures there. A
    line that is only a number, like those above LFW's sets, is skipped if it counts the lines up to
    the next such line (or, at the top, counts such lines). Empty lines, and lines that begin with
    "#", are skipped.

    Raises TrainingError for a file that cannot be read as text, or holds no name.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TrainingError(f"a list of people is a file, not {quoted(path)}")
    if among is None:
        among = ()
    require_kind("the people that there are", among, Collection)
    for name in among:
        require_kind("a name", name, str)
    there = {name_key(name) for name in among}
    text = read_text(path, what="a list of people", error=TrainingError)
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and (line[0] != "#" or _is_in(line, there))]
    names = tuple(
        line if _is_in(line, there) else _without_count(line)
        for line in _without_sizes(lines, there)
    )
    if not names:
        raise TrainingError(f"{quoted(os.fsdecode(path))} names nobody; write one name per line")
    return names


def _is_in(line: str, there: Collection[str]) -> bool:
    return name_key(line) in there


def _without_count(line: str) -> str:
    """Return the name in "NAME 3"."""
    words = line.rsplit(maxsplit=1)
    return words[0] if len(words) == 2 and _is_count(words[1]) else line


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _without_sizes(lines: list[str], there: Collection[str]) -> list[str]:
    """Return the lines without those that count others."""
    numbers = [i for i, line in enumerate(lines) if _is_count(line) and not _is_in(line, there)]
    ends = [*numbers[1:], len(lines)][: len(numbers)]
    sizes = {i for i, end in zip(numbers, ends, strict=True) if lines[i] == str(end - i - 1)}
    if numbers[:1] == [0] and lines[0] == str(len(numbers) - 1):
        sizes.add(0)
    return [line for i, line in enumerate(lines) if i not in sizes]
