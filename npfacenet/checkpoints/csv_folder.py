"""A folder of CSV files, each the numbers of one array in a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.signature import open_weights
from npfacenet.errors import WeightsError

LONGEST_NUMBER = 32  # characters of a number in text, the comma included
NUMBER_CHARACTERS = b"0123456789+-.eE, \t\r\nnaifNAIF"


class CsvFolder(Container):
    """A folder of CSV files; an entry is called as its file is, and has no shape before reading."""

    kind: ClassVar[str] = "a folder of CSV files"

    def __init__(self, folder: Path) -> None:
        from npfacenet.checkpoints.other_formats import folder_advice, visible  # as in signature.py

        self.path = folder
        try:
            self._files = {path.name: path for path in visible(folder, "*.csv")}
            strange = [path for path in self._files.values() if not path.is_file()]
            instead = "" if self._files else folder_advice(folder)
        except OSError as error:
            raise WeightsError(f"{folder} cannot be read: {error.strerror or error}") from error
        if strange:  # opening a pipe would block
            raise WeightsError(f"{strange[0]} is not a regular file")
        if not self._files:
            raise WeightsError(f"{folder} is a folder without CSV files; {instead}")

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether it is a folder; one without CSV files is refused with advice."""
        try:
            return path.is_dir()
        except OSError as error:
            raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[CsvFolder]:
        """List the folder's CSV files."""
        yield cls(path)

    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Entry]:
        """Return every CSV file, sorted by name; there are no groups."""
        return [
            Entry(name, None, np.dtype(np.float64), partial(_read, path))
            for name, path in self._files.items()
            if not within and not (skip is not None and skip(name))
        ]

    def has_entry(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self._files


def _read(path: Path, output: npt.NDArray[np.generic]) -> None:
    """Fill an array with the numbers of a file, which must have exactly as many."""
    count = output.size
    try:
        with open_weights(path) as file:
            text = file.read(count * LONGEST_NUMBER + LONGEST_NUMBER + 1)
    except OSError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    text = text.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"<":
        raise WeightsError(f"{path} is a web page, not numbers; download the file itself")
    if strange := text.translate(None, NUMBER_CHARACTERS):
        raise WeightsError(f"{path} holds {strange[:8]!r}, which is not a number")
    words = text.replace(b",", b" ").split()
    if len(words) != count:
        raise WeightsError(f"{path} holds {len(words):,} numbers instead of {count:,}")
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise WeightsError(f"{path} holds what is not a number: {error}") from error
    output[...] = numbers.reshape(output.shape)
