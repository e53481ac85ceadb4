"""Galleries: known people with their embeddings, in a file or in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.errors import ArgumentError, GalleryError, listed, quoted
from npfacenet.files.paths import checked_path
from npfacenet.gallery import checking, corrections, made_by, people, vector_blocks
from npfacenet.gallery.database import Database
from npfacenet.gallery.people import Reference
from npfacenet.gallery.searchable import Searchable
from npfacenet.gallery.vector_blocks import LoadedBlocks
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.models.json_ready import JSON, JsonReady, as_json
from npfacenet.recognition.names import checked_name

WAIT = 5.0
"""Seconds for which a removal waits for readers that still see the person."""


@dataclass(frozen=True)
class Removal(JsonReady):
    """What a removal did: how many `embeddings` are gone, and whether all traces are.

    `erased` is False while another process still reads an earlier state of the file: then parts of
    it hold the data until that reader ends and the gallery is opened again. It is the truth value.
    """

    name: str
    embeddings: int
    erased: bool

    def __bool__(self) -> bool:
        return self.erased


class Gallery(JsonReady):
    """Known people, each with one or several embeddings of one model.

    It is a mapping of names to Embeddings: `name in gallery`, `gallery[name]`, `len(gallery)`
    people, and their names in the order of enrolment. Names that differ only in their Unicode form
    ("é" as one character or two) are one person's, spelt as they were first given.

    >>> gallery = Gallery.of({"anna": [1.0, 0.0], "bert": [[0.0, 1.0], [0.6, 0.8]]})
    >>> gallery.people, len(gallery["bert"]), "carl" in gallery
    (('anna', 'bert'), 2, False)

    `Gallery()` is in memory; `Gallery.open(path)` keeps everything in a file. `passed_over` lists
    what `enrol` found in a folder and could not use.
    """

    def __init__(self) -> None:
        self._database = Database(None)
        self._blocks = LoadedBlocks.none()
        self.passed_over: tuple[Skipped, ...] = ()

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, create: bool = True, read_only: bool = False
    ) -> Self:
        """Open the gallery in a file, which is made if it is missing and `create` is true.

        Only its owner may read a new file. What is changed is in the file when the call returns;
        several processes may use it at once. Raises GalleryError for a file that is not a gallery,
        is damaged, or was written by a newer npfacenet; OutputError where it cannot be made.
        """
        gallery = cls.__new__(cls)
        file = checked_path(path, "a gallery", GalleryError)
        gallery._database = Database(file, create=create, read_only=read_only)
        gallery._blocks = LoadedBlocks.none()
        gallery.passed_over = ()
        gallery._finish_erasure()
        return gallery

    @classmethod
    def of(cls, known: Mapping[str, Embeddings | npt.ArrayLike]) -> Self:
        """Make a gallery in memory from a mapping of names to one or several embeddings each.

        Raises what `add` raises, and GalleryError for anything but a mapping.
        """
        if not isinstance(known, Mapping):
            raise GalleryError(f"a gallery is made of names with embeddings, not {quoted(known)}")
        gallery = cls()
        for name, embeddings in known.items():
            gallery.add(name, embeddings)
        return gallery

    @classmethod
    def of_rows(cls, names: Sequence[str], embeddings: Embeddings | npt.ArrayLike) -> Self:
        """Make a gallery in memory from embeddings (N, D) with a name for each.

        Raises what `add` raises, and GalleryError if there are more of one than of the other.
        """
        if not isinstance(names, (list, tuple)):
            raise GalleryError(f"the names of a gallery are a list, not {quoted(names)}")
        several = Embeddings.of(embeddings)
        if len(names) != len(several):
            raise GalleryError(f"{len(names)} names for {len(several)} embeddings")
        gallery, rows = cls(), dict[str, list[int]]()
        for i, name in enumerate(names):
            rows.setdefault(checked_name(name), []).append(i)
        for name, its in rows.items():
            gallery.add(name, several[its])
        return gallery

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

    def references(self, name: str) -> tuple[Reference, ...]:
        """Return what is known of each of a person's embeddings, in the order of `gallery[name]`.

        Raises GalleryError if nobody has this name.
        """
        with self._database.reading() as connection:
            person = people.require_number(connection, name)
            return tuple(known for _, known, _ in people.references(connection, person))

    def add(
        self, name: str, embeddings: Embeddings | npt.ArrayLike | Sequence[Embeddings]
    ) -> tuple[Reference, ...]:
        """Enrol embeddings of a person, who may have some already; return what is kept of each.

        Raises GalleryError for a name that is not text or is blank, for no embeddings, and for a
        model's embeddings beside bare arrays; FingerprintError for embeddings of another model,
        or of pictures prepared in another way; EmbeddingError for anything but embeddings.
        """
        checked_name(name)
        several = made_by.one_set(embeddings)
        if not len(several):
            raise GalleryError(f"there are no embeddings of {quoted(name)}")
        with self._database.writing() as connection:
            made_by.agree(connection, several)
            person = people.number_of(connection, name) or people.new_person(connection, name)
            added = set(people.add_references(connection, person, several))
            known = people.references(connection, person)
        return tuple(reference for _, reference, _ in known if reference.id in added)

    def remove(self, name: str, *, wait: float = WAIT) -> Removal:
        """Remove a person and every trace of them: name, numbers and pictures.

        Where another process still reads an earlier state, it waits for up to `wait` seconds; then
        the result says that erasure is pending, and whoever opens the gallery next finishes it.
        Raises GalleryError if nobody has this name.
        """
        if not is_real(wait, 0, 1e6):
            raise ArgumentError(f"wait is a number of seconds >= 0, not {quoted(wait)}")
        with self._database.writing() as connection:
            person = people.require_number(connection, name)
            ((spelt, numbers),) = connection.execute(
                "SELECT name, numbers FROM person, model WHERE person.id = ?", (person,)
            ).fetchall()
            count = sum(1 for _ in vector_blocks.places_of(connection, person))
            people.remove_person(connection, person, numbers)
            if connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is None:
                made_by.forget(connection)
            connection.execute("UPDATE state SET erasure_pending = 1")
        return Removal(spelt, count, self._finish_erasure(wait))

    def rename(self, name: str, new: str) -> None:
        """Give a person another name; raise GalleryError if it is somebody else's."""
        checked_name(new)
        with self._database.writing() as connection:
            people.rename_person(connection, people.require_number(connection, name), new)
            connection.execute("UPDATE state SET erasure_pending = 1")
        self._finish_erasure()

    def merge(self, name: str, into: str) -> None:
        """Record that two names are one person's: the embeddings of `name` become those of `into`.

        Whoever is enrolled as `name` afterwards is enrolled as `into`. Raises GalleryError if
        nobody has one of these names, or both are one person's already.
        """
        with self._database.writing() as connection:
            first, other = (people.require_number(connection, n) for n in (name, into))
            if first == other:
                raise GalleryError(f"{quoted(name)} and {quoted(into)} are one person already")
            people.merge_people(connection, first, other)

    def not_this_person(self, name: str, embeddings: Embeddings | npt.ArrayLike) -> None:
        """Record that pictures do not show a person for whom they were taken.

        A probe that is nearer to one of them than to all of the person's embeddings is not taken
        for that person any more. Raises GalleryError if nobody has this name, and what `add` raises
        for embeddings that cannot be compared.
        """
        several = made_by.one_set(embeddings)
        with self._database.writing() as connection:
            person = people.require_number(connection, name)
            made_by.agree(connection, several)
            corrections.deny(connection, person, several)

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
        return tuple(names[number] for number in whose), embeddings

    def without(self, name: str) -> Gallery:
        """Return a gallery in memory with everybody else; raise GalleryError as `remove` does."""
        others = self.copy()
        others.remove(name)
        return others

    def copy(self) -> Gallery:
        """Return a gallery in memory with the same people."""
        other = Gallery()
        self._database.copy_to(other._database)
        return other

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
        return {
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
            denied = corrections.denied(connection)
        return Searchable(made, list(blocks.blocks.values()), self._names_of, denied)

    def _names_of(self, numbers: Sequence[int]) -> Mapping[int, str]:
        with self._database.reading() as connection:
            return people.names_of(connection, numbers)

    def _finish_erasure(self, patience: float = 0.0) -> bool:
        """Erase what removals have left in the log; return whether that is done."""
        if self._database.read_only:
            return False
        with self._database.reading() as connection:
            (pending,) = connection.execute("SELECT erasure_pending FROM state").fetchone()
        if not pending:
            return True
        if not self._database.erase_traces(patience):
            return False
        with self._database.writing() as connection:
            connection.execute("UPDATE state SET erasure_pending = 0")
        return True
