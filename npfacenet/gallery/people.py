"""The people of a gallery in its database: names, and what is known of each of their embeddings."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from npfacenet.errors import GalleryError, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery import made_by, vector_blocks
from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.quality import Quality
from npfacenet.gallery.texts import face_of_text, quality_of_text, text_of_face, text_of_quality
from npfacenet.gallery.vector_blocks import Place
from npfacenet.models.embeddings import Embeddings
from npfacenet.models.json_ready import JsonReady
from npfacenet.models.made_by import MadeBy
from npfacenet.recognition.names import checked_name, name_key


@dataclass(frozen=True)
class Reference(JsonReady):
    """What a gallery knows of one of a person's embeddings beside its numbers.

    `id` is its number in the gallery, `added` the time of enrolment in seconds since 1970 (UTC),
    `source` the picture's name, `face` which face of the picture it is, `quality` its
    measures, `digest` the SHA-256 of its file, and `kept` whether the gallery holds it.
    """

    id: int
    added: float
    source: str | None = None
    face: ChosenFace | None = None
    quality: Quality | None = None
    digest: str | None = None
    kept: bool = False


def encoded(text: str) -> bytes:
    """Return text as SQLite holds it; file names may have parts that are not Unicode."""
    return text.encode("utf-8", "surrogatepass")


@interpreting("its names")
def number_of(connection: sqlite3.Connection, name: object) -> int | None:
    """Return the number of the person of this name, or of this other name; None for nobody."""
    key = (encoded(name_key(checked_name(name))),)
    found = connection.execute("SELECT id FROM person WHERE key = CAST(? AS TEXT)", key).fetchone()
    if found is None:
        found = connection.execute(
            "SELECT person FROM other_name WHERE key = CAST(? AS TEXT)", key
        ).fetchone()
    return None if found is None else int(found[0])


def require_number(connection: sqlite3.Connection, name: object) -> int:
    """Return the number of a person; raise GalleryError if nobody has this name."""
    number = number_of(connection, name)
    if number is None:
        raise GalleryError(f"nobody in the gallery is called {quoted(name)}")
    return number


def new_person(connection: sqlite3.Connection, name: str) -> int:
    """Add a person without embeddings; return their number."""
    added = connection.execute(
        "INSERT INTO person (name, key) VALUES (CAST(? AS TEXT), CAST(? AS TEXT))",
        (encoded(name), encoded(name_key(name))),
    )
    return int(added.lastrowid or 0)


def names(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return number and name of everybody, in the order of enrolment."""
    return connection.execute("SELECT id, name FROM person ORDER BY id").fetchall()


def numbers_of(connection: sqlite3.Connection, some: Sequence[str] | None) -> list[int]:
    """Return the number of each of these people once, or of everybody.

    Raises GalleryError for a name that nobody has.
    """
    if some is None:
        return [number for number, _ in names(connection)]
    return list(dict.fromkeys(require_number(connection, name) for name in some))


def names_of(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the names of these people by their numbers."""
    found = {}
    for number in set(numbers):
        row = connection.execute("SELECT name FROM person WHERE id = ?", (number,)).fetchone()
        if row is not None:
            found[number] = str(row[0])
    return found


@dataclass(frozen=True)
class PictureFacts:
    """What is known of the picture of an embedding beside name and face.

    `added` is the time of enrolment (None: now), `quality` its measures, `digest` the
    SHA-256 of the picture's file, and `content` that file if the gallery is to keep it.
    """

    added: float | None = None
    quality: Quality | None = None
    digest: str | None = None
    content: bytes | None = None


Described: TypeAlias = tuple[Embeddings, Sequence[PictureFacts]]
"""Embeddings (N, D), and what is known of each one's picture: N facts, or none."""


@dataclass(frozen=True, eq=False)
class NewPicture:
    """A picture that is to be enrolled: whom it shows, its embedding (1, D), and what is known."""

    name: str
    embedding: Embeddings
    facts: PictureFacts


def add_references(
    connection: sqlite3.Connection,
    person: int,
    embeddings: Embeddings,
    facts: Sequence[PictureFacts] = (),
) -> list[int]:
    """Write embeddings (N, D) of a person; return their numbers in the gallery.

    `facts` are those of each picture, if they are known.
    """
    places = vector_blocks.put(connection, embeddings.values, person)
    now, numbers = time.time(), []
    for i, place in enumerate(places):
        of_it = facts[i] if facts else PictureFacts()
        row = connection.execute(
            "INSERT INTO reference (person, block, place, added, source, face, quality, digest) "
            "VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?)",
            (
                person, place.block, place.place, now if of_it.added is None else of_it.added,
                encoded(embeddings.sources[i]) if embeddings.sources else None,
                text_of_face(embeddings.faces[i]) if embeddings.faces else None,
                text_of_quality(of_it.quality), of_it.digest,
            ),
        )  # fmt: skip
        numbers.append(int(row.lastrowid or 0))
        if of_it.content is not None:
            connection.execute("INSERT INTO picture VALUES (?, ?)", (numbers[-1], of_it.content))
    return numbers


def add_missing(connection: sqlite3.Connection, name: str, pictures: Sequence[Described]) -> int:
    """Write those embeddings of a person that they do not have; return the person's number.

    `pictures` are embeddings (N, D) with the facts of each, none if they are not known. Raises what
    `made_by.agree` raises.
    """
    for embeddings, _ in pictures:
        made_by.agree(connection, embeddings)
    person = number_of(connection, name) or new_person(connection, name)
    made = made_by.require(connection)
    known = {row.tobytes() for row in embeddings_of(connection, made, person)[1].values}
    for embeddings, facts in pictures:
        new = [i for i, row in enumerate(embeddings.values) if row.tobytes() not in known]
        if new:
            add_references(connection, person, embeddings[new], [facts[i] for i in new if facts])
    return person


def renew_reference(
    connection: sqlite3.Connection,
    person: int,
    number: int,
    embedding: Embeddings,
    quality: Quality | None,
) -> None:
    """Write another model's embedding (1, D) for a picture that is enrolled already."""
    (place,) = vector_blocks.put(connection, embedding.values, person)
    connection.execute(
        "UPDATE reference SET block = ?, place = ?, face = ?, quality = ? WHERE id = ?",
        (
            place.block, place.place,
            text_of_face(embedding.faces[0]) if embedding.faces else None,
            text_of_quality(quality), number,
        ),
    )  # fmt: skip


@interpreting("what is known of its pictures")
def references(
    connection: sqlite3.Connection, person: int | None = None
) -> list[tuple[int, Reference, Place]]:
    """Return a person's number, what is known of an embedding, and its place, for each of them.

    They are in the order of people and of enrolment; those of everybody without `person`.
    """
    rows = connection.execute(
        "SELECT r.person, r.id, r.added, r.source, r.face, r.quality, r.digest, "
        "p.reference IS NOT NULL, r.block, r.place "
        "FROM reference r LEFT JOIN picture p ON p.reference = r.id "
        "WHERE ?1 IS NULL OR r.person = ?1 ORDER BY r.person, r.id",
        (person,),
    )
    return [
        (
            whose,
            Reference(
                number, added, source,
                None if face is None else face_of_text(face),
                None if quality is None else quality_of_text(quality), digest, bool(kept),
            ),
            Place(block, place),
        )
        for whose, number, added, source, face, quality, digest, kept, block, place in rows
    ]  # fmt: skip


def content_of(connection: sqlite3.Connection, reference: int) -> bytes | None:
    """Return the file of a reference's picture, if the gallery keeps it."""
    query = "SELECT content FROM picture WHERE reference = ?"
    found = connection.execute(query, (reference,)).fetchone()
    return None if found is None else found[0]


def digests(connection: sqlite3.Connection, name: str) -> set[str]:
    """Return the SHA-256 of the files of a person's pictures, as far as they are known."""
    person = number_of(connection, name)
    found = connection.execute("SELECT digest FROM reference WHERE person = ?", (person,))
    return {digest for (digest,) in found.fetchall() if digest is not None}


@interpreting("its embeddings")
def embeddings_of(
    connection: sqlite3.Connection, made: MadeBy, person: int | None = None
) -> tuple[list[int], Embeddings]:
    """Return whose each embedding is, and the embeddings: of a person, or of everybody."""
    known = references(connection, person)
    values = vector_blocks.vectors_at(connection, [place for *_, place in known], made.numbers)
    sources = tuple(r.source for _, r, _ in known if r.source is not None)
    faces = tuple(r.face for _, r, _ in known if r.face is not None)
    found = Embeddings(
        values, made.fingerprint, made.threshold,
        sources=sources if len(sources) == len(known) else (),
        faces=faces if len(faces) == len(known) else (),
        preparation=made.preparation,
    )  # fmt: skip
    return [whose for whose, *_ in known], found


def remove_person(connection: sqlite3.Connection, person: int, numbers: int) -> None:
    """Remove a person with everything that is known of them.

    `corrections.forget_pictures_of` removes what corrections of others hold of them.
    """
    places = list(vector_blocks.places_of(connection, person))
    vector_blocks.clear(connection, places, numbers)
    connection.execute("DELETE FROM reference WHERE person = ?", (person,))
    connection.execute("DELETE FROM person WHERE id = ?", (person,))


def rename_person(connection: sqlite3.Connection, person: int, name: str) -> None:
    """Give a person another name; raise GalleryError if it is somebody else's."""
    other = number_of(connection, name)
    if other is not None and other != person:
        raise GalleryError(
            f"somebody else is called {quoted(name)} already: merge the two if they are one person"
        )
    key = encoded(name_key(name))
    connection.execute("DELETE FROM other_name WHERE key = CAST(? AS TEXT)", (key,))
    connection.execute(
        "UPDATE person SET name = CAST(? AS TEXT), key = CAST(? AS TEXT) WHERE id = ?",
        (encoded(name), key, person),
    )


@interpreting("its names")
def merge_people(connection: sqlite3.Connection, person: int, into: int) -> None:
    """Make all that belongs to one person another's, whose other name the first one's becomes."""
    vector_blocks.give(connection, list(vector_blocks.places_of(connection, person)), into)
    (name,) = connection.execute("SELECT name FROM person WHERE id = ?", (person,)).fetchone()
    connection.execute("UPDATE reference SET person = ? WHERE person = ?", (into, person))
    connection.execute("UPDATE other_name SET person = ? WHERE person = ?", (into, person))
    connection.execute("UPDATE correction SET person = ? WHERE person = ?", (into, person))
    connection.execute("DELETE FROM person WHERE id = ?", (person,))
    add_name(connection, into, name)


def add_name(connection: sqlite3.Connection, person: int, name: str) -> None:
    """Record that a person has another name too."""
    connection.execute(
        "INSERT INTO other_name VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?)",
        (encoded(name_key(name)), encoded(name), person),
    )
