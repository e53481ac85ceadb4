"""Galleries as text, for other programs and for people who ask for their data: JSON lines.

The first line states the format, what made the embeddings, and the model's card; every other line
is a person: name, other names, and all that is known of each embedding, the kept picture included
(base64).
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from npfacenet.errors import GalleryError, quoted
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.gallery import corrections, made_by, people, vector_blocks

FORMAT = "npfacenet gallery"
VERSION = 1
LONGEST_LINE = 1 << 32
"""Bytes of a line, at most: a person with many kept pictures."""


def write(connection: sqlite3.Connection, path: Path, names: Sequence[str] | None = None) -> int:
    """Write these people, or everybody, to a file of JSON lines; return how many there are.

    Only its owner may read it, like a gallery. Raises GalleryError for a name that nobody has, and
    for a person whose line is too long to be read again; OutputError if the file cannot be written.
    """
    numbers = people.numbers_of(connection, names)
    made, card = made_by.read(connection), made_by.card_of(connection, "the gallery")
    header = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": None if made is None else asdict(made),
        "card": None if card is None else asdict(card),
    }
    with atomic_file(path, private=True) as file, writing_in(path.parent):
        file.write(_line(header))
        for number in numbers:
            file.write(_line(_person(connection, number)))
    return len(numbers)


def _line(document: Mapping[str, object]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    line = text.encode("utf-8", "surrogatepass") + b"\n"
    if len(line) > LONGEST_LINE:
        raise GalleryError(
            f"{quoted(document.get('name'))} has {len(line):,} bytes of data, with the kept "
            f"pictures, and a line may have {LONGEST_LINE:,}; arrays have room (NAME.npz)"
        )
    return line


def _person(connection: sqlite3.Connection, number: int) -> dict[str, object]:
    known = people.references(connection, number)
    made = made_by.require(connection)
    vectors = vector_blocks.vectors_at(connection, [place for *_, place in known], made.numbers)
    return {
        "name": people.names_of(connection, [number])[number],
        "other_names": list(corrections.other_names(connection, number)),
        "references": [
            {
                "added": reference.added,
                "source": reference.source,
                "face": None if reference.face is None else asdict(reference.face),
                "quality": None if reference.quality is None else asdict(reference.quality),
                "digest": reference.digest,
                "embedding": row.tolist(),
                "picture": _picture(connection, reference.id),
            }
            for (_, reference, _), row in zip(known, vectors, strict=True)
        ],
        "does_not_show": [
            {
                "added": added,
                "source": source,
                "digest": digest,
                "embedding": np.frombuffer(vector, "<f4").tolist(),
                "picture": None if content is None else base64.b64encode(content).decode(),
            }
            for added, source, digest, vector, content in connection.execute(
                "SELECT made, source, digest, vector, content FROM correction WHERE person = ? "
                "ORDER BY id",
                (number,),
            ).fetchall()
        ],
    }


def _picture(connection: sqlite3.Connection, reference: int) -> str | None:
    found = connection.execute(
        "SELECT content FROM picture WHERE reference = ?", (reference,)
    ).fetchone()
    return None if found is None else base64.b64encode(found[0]).decode()
