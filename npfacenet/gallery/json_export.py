"""Galleries as text, for other programs and for people who ask for their data: JSON lines.

The first line states the format, what made the embeddings, and the model's card; every other line
is a person, or more pictures of one: name, other names, and all that is known of each embedding,
the kept picture included (base64).
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np

from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.gallery import corrections, made_by, people, vector_blocks
from npfacenet.gallery.faults import interpreting

FORMAT = "npfacenet gallery"
VERSION = 1
LONGEST_LINE = 1 << 29  # bytes: of a person with more kept pictures there are several lines


def write(connection: sqlite3.Connection, path: Path, names: Sequence[str] | None = None) -> int:
    """Write these people, or everybody, to a file of JSON lines; return how many there are.

    Only its owner may read it, like a gallery. Raises GalleryError for a name that nobody has,
    OutputError if the file cannot be written.
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
            for line in _lines(connection, number):
                file.write(line)
    return len(numbers)


@interpreting("its numbers")
def _line(document: Mapping[str, object]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _lines(connection: sqlite3.Connection, number: int) -> Iterator[bytes]:
    """Yield the lines of a person, of whom each has some pictures."""
    about = _about(connection, number)
    some: dict[str, list[object]] = {"references": [], "does_not_show": []}
    size = 0
    for kind, row in chain(_references(connection, number), _denials(connection, number)):
        length = len(row["picture"] or "")  # type: ignore[arg-type]  # it is text
        if size and size + length > LONGEST_LINE // 8:
            yield _line({**about, **some})
            some, size = {"references": [], "does_not_show": []}, 0
        some[kind].append(row)
        size += length
    yield _line({**about, **some})


@interpreting("a person")
def _about(connection: sqlite3.Connection, number: int) -> dict[str, object]:
    return {
        "name": people.names_of(connection, [number])[number],
        "other_names": list(corrections.other_names(connection, number)),
    }


def _references(
    connection: sqlite3.Connection, number: int
) -> Iterator[tuple[str, dict[str, object]]]:
    known = people.references(connection, number)
    numbers = made_by.require(connection).numbers
    vectors = vector_blocks.vectors_at(connection, [place for *_, place in known], numbers)
    for (_, reference, _), row in zip(known, vectors, strict=True):
        yield (
            "references",
            {
                "added": reference.added,
                "source": reference.source,
                "face": None if reference.face is None else asdict(reference.face),
                "quality": None if reference.quality is None else asdict(reference.quality),
                "digest": reference.digest,
                "embedding": row.tolist(),
                "picture": _picture(connection, reference.id),
            },
        )


def _denials(
    connection: sqlite3.Connection, number: int
) -> Iterator[tuple[str, dict[str, object]]]:
    rows = connection.execute(
        "SELECT made, source, digest, vector, content FROM correction WHERE person = ? ORDER BY id",
        (number,),
    )
    for made, source, digest, vector, content in rows:
        with interpreting("its corrections"):
            embedding = np.frombuffer(vector, "<f4").tolist()
        yield (
            "does_not_show",
            {
                "added": made,
                "source": source,
                "digest": digest,
                "embedding": embedding,
                "picture": None if content is None else base64.b64encode(content).decode(),
            },
        )


def _picture(connection: sqlite3.Connection, reference: int) -> str | None:
    content = people.content_of(connection, reference)
    return None if content is None else base64.b64encode(content).decode()
