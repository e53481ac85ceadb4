"""Galleries as arrays: the embeddings of people with their names, in a file of embeddings.

`Embeddings.load` and `numpy.load` open it too. It holds names, embeddings and what made them, and
sources and faces if all are known; not other names, corrections and pictures, as JSON lines do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from npfacenet.errors import GalleryError, quoted
from npfacenet.gallery import made_by, people
from npfacenet.gallery.faults import interpreting
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.embeddings_file import read_named, write_fields
from npfacenet.recognition.names import rows_by_name

SUFFIX = ".npz"


def write(connection: sqlite3.Connection, path: Path, names: Sequence[str] | None = None) -> int:
    """Write these people, or everybody, to a file; return how many there are.

    Raises GalleryError for a name that nobody has, and if nobody is enrolled; OutputError if the
    file cannot be written.
    """
    numbers = people.numbers_of(connection, names)
    whose, embeddings = people.embeddings_of(connection, made_by.require(connection))
    rows = np.flatnonzero(np.isin(whose, numbers)).tolist()
    spelt = people.names_of(connection, numbers)
    with interpreting("whose its embeddings are"):
        whose_each = [spelt[whose[i]] for i in rows]
    write_fields(path, embeddings[rows].fields, whose_each)
    return len(numbers)


def enrol_all(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """Enrol all people of an exported gallery; return their names.

    Raises EmbeddingError for a file that `Embeddings.load` does not open, and GalleryError for
    one without names.
    """
    fields, names = read_named(path)
    if not names:
        raise GalleryError(
            f"{quoted(str(path))} does not say whose its embeddings are: only an exported gallery "
            "does (npfacenet gallery export)"
        )
    embeddings, rows = Embeddings(**fields), rows_by_name(names)
    for name, its in rows.items():
        people.add_missing(connection, name, [(embeddings[its], ())])
    return tuple(rows)
