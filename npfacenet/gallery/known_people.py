"""What a gallery tells of its people: reading, without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import listed, quoted
from npfacenet.gallery import checking, corrections, made_by, people, stored_pictures
from npfacenet.gallery.database import Database
from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.people import Reference
from npfacenet.gallery.searchable import Searchable
from npfacenet.gallery.stored_pictures import StoredPicture, StoredPictures
from npfacenet.gallery.vector_blocks import LoadedBlocks
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.models.json_ready import JSON, JsonReady, as_json


class KnownPeople(JsonReady):
    """A mapping of names to Embeddings in a database; `Gallery` adds what changes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks = LoadedBlocks.none()
        self.passed_over: tuple[Skipped, ...] = ()

    @property
    def path(self) -> Path | None:
        """The gallery's file; None in memory."""
        return self._database.path

    def close(self) -> None:
        """Close the file; the gallery cannot be used any more."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def people(self) -> tuple[str, ...]:
        """The name of everybody, in the order of enrolment."""
        with self._database.reading() as connection:
            return tuple(name for _, name in people.names(connection))

    def keys(self) -> tuple[str, ...]:
        """Return `people`, as `dict(gallery)` needs them."""
        return self.people

    def __iter__(self) -> Iterator[str]:
        return iter(self.people)

    def __len__(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM person").fetchone()[0])

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or not name.strip():
            return False
        with self._database.reading() as connection:
            return people.number_of(connection, name) is not None

    def __getitem__(self, name: str) -> Embeddings:
        """Return a person's embeddings (N, D); raise GalleryError if nobody has this name."""
        with self._database.reading() as connection:
            person = people.require_number(connection, name)
            return people.embeddings_of(connection, made_by.require(connection), person)[1]

    def denied(self, name: str) -> npt.NDArray[np.float32]:
        """Return the embeddings, float32 (N, D), of pictures that do not show a person.

        Raises GalleryError if nobody has this name.
        """
        with self._database.reading() as connection:
            person = people.require_number(connection, name)
            numbers = made_by.require(connection).numbers
            none = np.empty((0, numbers), np.float32)
            return corrections.denied(connection, numbers).get(person, none)

    def spelling(self, name: str) -> str:
        """Return the name of the person who has this name, or this other name.

        The name itself if nobody has it. Raises GalleryError for a name that is not text or blank.
        """
        with self._database.reading() as connection:
            person = people.number_of(connection, name)
            return name if person is None else people.names_of(connection, [person])[person]

    def require_same_model(self, embeddings: Embeddings) -> None:
        """Raise what `Gallery.add` raises, unless these embeddings could be enrolled."""
        with self._database.reading() as connection:
            made_by.shared_with(connection, embeddings)

    def stored_pictures(self) -> StoredPictures:
        """Return all pictures that the gallery knows, without their content."""
        with self._database.reading() as connection:
            return stored_pictures.stored_pictures(connection)

    def content_of(self, picture: StoredPicture) -> bytes | None:
        """Return the file of a picture, if the gallery keeps it."""
        with self._database.reading() as connection:
            return stored_pictures.content_of(connection, picture)

    def digests(self, name: str) -> set[str]:
        """Return the SHA-256 of the files of a person's pictures, as far as they are known."""
        with self._database.reading() as connection:
            return people.digests(connection, name)

    def references(self, name: str) -> tuple[Reference, ...]:
        """Return what is known of each of a person's embeddings, in the order of `gallery[name]`.

        Raises GalleryError if nobody has this name.
        """
        with self._database.reading() as connection:
            person = people.require_number(connection, name)
            return tuple(known for _, known, _ in people.references(connection, person))

    def other_names(self, name: str) -> tuple[str, ...]:
        """Return the other names of a person: of those who were merged into them.

        Raises GalleryError if nobody has this name.
        """
        with self._database.reading() as connection:
            return corrections.other_names(connection, people.require_number(connection, name))

    def denied_pictures(self, name: str) -> tuple[StoredPicture, ...]:
        """Return the pictures of which somebody said that they do not show a person.

        Raises GalleryError if nobody has this name.
        """
        with self._database.reading() as connection:
            person = people.require_number(connection, name)
            known = stored_pictures.stored_pictures(connection).pictures
            return tuple(one for one in known if one.denied and one.person == person)

    @property
    def names(self) -> tuple[str, ...]:
        """The person of each of `embeddings`."""
        return self._rows()[0]

    @property
    def embeddings(self) -> Embeddings | None:
        """All embeddings, in the order of people and of enrolment; None if nobody is enrolled."""
        return self._rows()[1]

    def _rows(self) -> tuple[tuple[str, ...], Embeddings | None]:
        with self._database.reading() as connection:
            made = made_by.read(connection)
            if made is None:
                return (), None
            whose, embeddings = people.embeddings_of(connection, made)
            names = dict(people.names(connection))
            with interpreting("whose its embeddings are"):
                return tuple(names[number] for number in whose), embeddings

    @property
    def card(self) -> Card | None:
        """The card of the model that made the embeddings, if photographs were enrolled with it."""
        with self._database.reading() as connection:
            return made_by.card_of(connection, self._database.name)

    def check(self) -> tuple[str, ...]:
        """Return what is wrong with the gallery's tables, each as a sentence; none if all agree.

        It reads everything: a second for a million embeddings or two.
        """
        with self._database.reading() as connection:
            return tuple(checking.faults(connection))

    def as_json(self) -> dict[str, JSON]:
        """Return the names and how many embeddings each has, but not the embeddings."""
        with self._database.reading() as connection:
            counts = connection.execute(
                "SELECT name, count(r.id) FROM person p LEFT JOIN reference r "
                "ON r.person = p.id GROUP BY p.id ORDER BY p.id"
            ).fetchall()
            made = made_by.read(connection)
            card = made_by.card_of(connection, self._database.name)
        return {
            "model": None if card is None else card.architecture,
            "variant": None if card is None else card.variant,
            "people": as_json(dict(counts)),
            "embeddings": sum(count for _, count in counts),
            "fingerprint": None if made is None else made.fingerprint,
            "threshold": as_json(None if made is None else made.threshold),
        }

    def __repr__(self) -> str:
        names = [quoted(name, 60) for name in self.people]
        where = "" if self._database.path is None else f" in {self._database.name}"
        return f"<Gallery of {len(names)} people{where}: {listed(names) or 'nobody'}>"

    def searchable(self) -> Searchable:
        """Return the embeddings as they are now, ready for a search."""
        with self._database.reading() as connection:
            self._blocks = blocks = self._blocks.refreshed(connection, self._database.name)
            made = made_by.read(connection)
            denied = {} if made is None else corrections.denied(connection, made.numbers)
        return Searchable(made, list(blocks.blocks.values()), self._names_of, denied)

    def _names_of(self, numbers: Sequence[int]) -> Mapping[int, str]:
        with self._database.reading() as connection:
            return people.names_of(connection, numbers)
