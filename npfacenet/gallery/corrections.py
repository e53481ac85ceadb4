"""What people have corrected: pictures that do not show whom they were taken for, and names."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from npfacenet.errors import GalleryError, quoted
from npfacenet.gallery import people, vector_blocks
from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.people import PictureFacts, encoded
from npfacenet.gallery.vector_blocks import Place
from npfacenet.models.embeddings import Embeddings
from npfacenet.recognition.distance import distances

SAME_PICTURE = 1e-3
"""Embeddings that differ by less, relative to their length, are of one face of one picture."""
Vectors = npt.NDArray[np.float32]
_VECTOR = np.dtype("<f4")


def deny(
    connection: sqlite3.Connection,
    person: int,
    embeddings: Embeddings,
    facts: Sequence[PictureFacts] = (),
) -> bool:
    """Record that pictures do not show a person; `facts` are those of each, if they are known.

    Those that are enrolled as this person are taken away from them; returns whether there were any.
    Raises GalleryError if the person has no others.
    """
    enrolled = _enrolled(connection, person, embeddings)
    _remove(connection, person, enrolled)
    record(connection, person, embeddings, facts, enrolled)
    return bool(enrolled)


def record(
    connection: sqlite3.Connection,
    person: int,
    embeddings: Embeddings,
    facts: Sequence[PictureFacts] = (),
    enrolled: Mapping[int, Sequence[Enrolled]] = MappingProxyType({}),
) -> None:
    """Record pictures as `deny` does, but take none away.

    `enrolled` are those that were taken away before, by row of `embeddings`.
    """
    vector_blocks.next_change(connection)
    now = time.time()
    known = connection.execute("SELECT vector FROM correction WHERE person = ?", (person,))
    vectors = {vector for (vector,) in known.fetchall()}
    for i, row in enumerate(embeddings.values):
        vector = row.astype(_VECTOR).tobytes()
        if vector in vectors:
            continue
        of_it = facts[i] if facts else PictureFacts()
        same = enrolled[i][0] if i in enrolled else _UNKNOWN
        source = embeddings.sources[i] if embeddings.sources else same.source
        connection.execute(
            "INSERT INTO correction (person, made, source, digest, vector, content) "
            "VALUES (?, ?, CAST(? AS TEXT), ?, ?, ?)",
            (
                person, now if of_it.added is None else of_it.added,
                None if source is None else encoded(source),
                of_it.digest or same.digest, vector,
                of_it.content or same.content,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Enrolled:
    """A picture that is enrolled, though it does not show the person."""

    id: int
    place: Place
    source: str | None
    digest: str | None
    content: bytes | None


_UNKNOWN = Enrolled(0, Place(0, 0), None, None, None)


def _enrolled(
    connection: sqlite3.Connection, person: int, embeddings: Embeddings
) -> dict[int, list[Enrolled]]:
    """Return those of the pictures that are enrolled as this person, by their rows."""
    own = people.references(connection, person)
    vectors = vector_blocks.vectors_at(
        connection, [place for *_, place in own], embeddings.values.shape[1]
    )
    found: dict[int, list[Enrolled]] = {}
    for i, row in enumerate(embeddings.values):
        for j in np.flatnonzero(_same(vectors, row)).tolist():
            _, reference, place = own[j]
            content = people.content_of(connection, reference.id)
            one = Enrolled(reference.id, place, reference.source, reference.digest, content)
            found.setdefault(i, []).append(one)
    return found


def _same(vectors: Vectors, row: Vectors) -> npt.NDArray[np.bool_]:
    """Return which embeddings (N, D) are of the same face of the same picture as one (D,)."""
    apart = np.subtract(vectors, row, dtype=np.float64)
    return np.asarray(np.linalg.norm(apart, axis=1) <= SAME_PICTURE * np.linalg.norm(row))


def _remove(
    connection: sqlite3.Connection, person: int, enrolled: Mapping[int, Sequence[Enrolled]]
) -> None:
    """Remove pictures from those of a person; raise GalleryError if there are no others."""
    wrong = {one.id: one.place for several in enrolled.values() for one in several}
    if not wrong:
        return
    (count,) = connection.execute(
        "SELECT count(*) FROM reference WHERE person = ?", (person,)
    ).fetchone()
    if len(wrong) == count:
        name = people.names_of(connection, [person])[person]
        raise GalleryError(
            f"{quoted(name)} has no other picture: rename the person if it shows somebody else, or "
            "remove the person"
        )
    (numbers,) = connection.execute("SELECT numbers FROM model").fetchone()
    vector_blocks.clear(connection, wrong.values(), numbers)
    connection.executemany("DELETE FROM reference WHERE id = ?", [(id_,) for id_ in wrong])


def forget_pictures_of(connection: sqlite3.Connection, person: int, numbers: int) -> None:
    """Remove the corrections of other people that hold a picture of this person.

    A picture of Bert that does not show Anna is kept with Bert's embedding. `numbers` is the length
    of an embedding.
    """
    own = people.references(connection, person)
    vectors = vector_blocks.vectors_at(connection, [place for *_, place in own], numbers)
    digests = {reference.digest for _, reference, _ in own} - {None}
    rows = connection.execute(
        "SELECT id, digest, vector FROM correction WHERE person != ?", (person,)
    )
    shown = [
        (id_,)
        for id_, digest, vector in rows.fetchall()
        if digest in digests or _same(vectors, np.frombuffer(vector, _VECTOR)).any()
    ]
    connection.executemany("DELETE FROM correction WHERE id = ?", shown)


def renew(connection: sqlite3.Connection, number: int, embedding: Embeddings) -> None:
    """Replace the embedding (1, D) of a correction by another model's."""
    vector = embedding.values[0].astype(_VECTOR).tobytes()
    connection.execute("UPDATE correction SET vector = ? WHERE id = ?", (vector, number))


def is_denied(probe: Vectors, denied: Vectors | None, distance: float) -> bool:
    """Whether a picture that does not show a person is nearer to a probe than all that do.

    `probe` is float32 (D,), `denied` float32 (N, D), None without any; `distance` is that from the
    person.
    """
    return denied is not None and bool(distances(probe, denied).min(initial=np.inf) < distance)


@interpreting("its corrections")
def denied(connection: sqlite3.Connection, numbers: int) -> dict[int, Vectors]:
    """Return the embeddings (N, numbers) of what does not show a person, by their number."""
    found: dict[int, list[Vectors]] = {}
    for person, vector in connection.execute("SELECT person, vector FROM correction ORDER BY id"):
        row = np.frombuffer(vector, _VECTOR).astype(np.float32)
        if len(row) != numbers or not np.isfinite(row).all():
            raise ValueError(f"a vector of person {person} is not one of {numbers} numbers")
        found.setdefault(person, []).append(row)
    return {person: np.stack(rows) for person, rows in found.items()}


def other_names(connection: sqlite3.Connection, person: int) -> tuple[str, ...]:
    """Return the names of those who were merged into a person."""
    found = connection.execute(
        "SELECT name FROM other_name WHERE person = ? ORDER BY key", (person,)
    )
    return tuple(name for (name,) in found.fetchall())
