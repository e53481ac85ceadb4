"""The pictures that a gallery knows: of whom, what is said of each, and where their files are."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from npfacenet.errors import GalleryError, ImageError, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.files import open_regular
from npfacenet.gallery import corrections, made_by, people
from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.people import PictureFacts
from npfacenet.gallery.quality import Quality
from npfacenet.models.embeddings import Embeddings

LARGEST_FILE = 1 << 28
"""Bytes of a photograph, at most."""
CHANGED = "the gallery was changed in the meantime: reenrol it again"


@dataclass(frozen=True)
class StoredPicture:
    """A picture of a person, or one that does not show them (`denied`), without its content.

    `id` is the number of its row, `kept` whether the gallery has the file.
    """

    id: int
    person: int
    denied: bool
    source: str | None
    face: ChosenFace | None
    facts: PictureFacts
    kept: bool


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """All pictures of a gallery as it was after so many `changes`."""

    changes: int
    pictures: tuple[StoredPicture, ...]


@dataclass(frozen=True, eq=False)
class Renewed:
    """A picture with its new embedding (1, D), and the quality of what was embedded."""

    picture: StoredPicture
    embedding: Embeddings
    quality: Quality | None


@interpreting("its pictures")
def stored_pictures(connection: sqlite3.Connection) -> StoredPictures:
    """Return all pictures, those of a person before those that do not show them."""
    (changes,) = connection.execute("SELECT changes FROM state").fetchone()
    found = [
        StoredPicture(
            one.id, person, False, one.source, one.face,
            PictureFacts(one.added, one.quality, one.digest), one.kept,
        )
        for person, one, _ in people.references(connection)
    ]  # fmt: skip
    rows = connection.execute(
        "SELECT id, person, source, made, digest, content IS NOT NULL FROM correction ORDER BY id"
    )
    found += [
        StoredPicture(
            number, person, True, source, None, PictureFacts(made, None, digest), bool(kept)
        )
        for number, person, source, made, digest, kept in rows.fetchall()
    ]
    return StoredPictures(changes, tuple(found))


def content_of(connection: sqlite3.Connection, picture: StoredPicture) -> bytes | None:
    """Return the file of a picture, if the gallery keeps it."""
    if not picture.denied:
        return people.content_of(connection, picture.id)
    query = "SELECT content FROM correction WHERE id = ?"
    found = connection.execute(query, (picture.id,)).fetchone()
    return None if found is None else found[0]


@interpreting("its pictures")
def replace_all(
    connection: sqlite3.Connection, stored: StoredPictures, renewed: Sequence[Renewed]
) -> None:
    """Replace all embeddings; raise GalleryError if the gallery has changed in the meantime."""
    (changes,) = connection.execute("SELECT changes FROM state").fetchone()
    if changes != stored.changes:
        raise GalleryError(CHANGED)
    made_by.forget(connection)
    connection.execute("UPDATE reference SET block = -1, place = id")  # out of the way
    for one in renewed:
        made_by.agree(connection, one.embedding)
        if one.picture.denied:
            corrections.renew(connection, one.picture.id, one.embedding)
        else:
            people.renew_reference(
                connection, one.picture.person, one.picture.id, one.embedding, one.quality
            )


def files_by_digest(folder: Path) -> Mapping[str, Path]:
    """Return the files in a folder, and below it, by the SHA-256 of their content.

    Raises GalleryError for a folder that is missing; files that cannot be read are left out, and so
    are pipes and devices.
    """
    if not folder.is_dir():
        raise GalleryError(f"{quoted(str(folder))} is not a folder")
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(ImageError, OSError):
                found[hashlib.sha256(bytes_of(path)).hexdigest()] = path
    return found


def bytes_of(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a picture's file; raise ImageError for anything but a regular file."""
    with open_regular(path, what="a picture", largest=LARGEST_FILE, error=ImageError) as file:
        return file.read(LARGEST_FILE)
