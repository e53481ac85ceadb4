"""Galleries: known people with their embeddings, in a file or in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Self

import numpy.typing as npt

from npfacenet.arguments import is_real
from npfacenet.cards import Card
from npfacenet.errors import ArgumentError, GalleryError, quoted
from npfacenet.files.paths import checked_path
from npfacenet.gallery import (
    corrections,
    erasure,
    json_export,
    json_import,
    made_by,
    npz_exchange,
    people,
    stored_pictures,
    vector_blocks,
)
from npfacenet.gallery.database import Database
from npfacenet.gallery.erasure import WAIT, Removal
from npfacenet.gallery.gallery_file import require_no_gallery
from npfacenet.gallery.known_people import KnownPeople
from npfacenet.gallery.people import NewPicture, PictureFacts, Reference
from npfacenet.gallery.stored_pictures import Renewed, StoredPictures
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.recognition.names import checked_name, rows_by_name


class Gallery(KnownPeople):
    """Known people, each with one or several embeddings of one model.

    It is read like a mapping of names to Embeddings: `name in gallery`, `gallery[name]`,
    `len(gallery)` people, their names in the order of enrolment, and `dict(gallery)`. Names that
    differ only in their Unicode form ("é" as one character or two) are one person's, spelt as they
    were first given.

    >>> gallery = Gallery.of({"anna": [1.0, 0.0], "bert": [[0.0, 1.0], [0.6, 0.8]]})
    >>> gallery.people, len(gallery["bert"]), "carl" in gallery
    (('anna', 'bert'), 2, False)

    `Gallery()` is in memory; `Gallery.open(path)` keeps everything in a file. `passed_over` lists
    what `enrol` found in a folder and could not use.
    """

    def __init__(self) -> None:
        super().__init__(Database(None))

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, create: bool = True, read_only: bool = False
    ) -> Self:
        """Open the gallery in a file, which is made if it is missing and `create` is true.

        Only its owner may read a new file. What is changed is in the file when the call returns;
        several processes may use it at once. Raises GalleryError for a file that is not a gallery,
        is damaged, or was written by a newer npfacenet; OutputError where it cannot be made.
        """
        file = checked_path(path, "a gallery", GalleryError)
        gallery = cls.__new__(cls)
        KnownPeople.__init__(gallery, Database(file, create=create, read_only=read_only))
        erasure.finish(gallery._database)
        return gallery

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle a gallery in memory with everybody in it, and one in a file by its path."""
        if self.path is not None:
            return _reopened, (type(self), str(self.path.absolute()), self._database.read_only)
        return _restored, (self._database.content(), self.passed_over)

    @classmethod
    def of(cls, known: Mapping[str, Embeddings | npt.ArrayLike] | KnownPeople) -> Self:
        """Make a gallery in memory from a mapping of names to one or several embeddings each.

        Of another gallery it takes names and embeddings, and `copy` everything. Raises what `add`
        raises, and GalleryError for anything but a mapping.
        """
        if not isinstance(known, (Mapping, KnownPeople)):
            raise GalleryError(f"a gallery is made of names with embeddings, not {quoted(known)}")
        gallery = cls()
        for name in known:
            gallery.add(name, known[name])
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
        gallery = cls()
        for name, its in rows_by_name(names).items():
            gallery.add(name, several[its])
        return gallery

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

    def add_pictures(self, pictures: Sequence[NewPicture], card: Card | None = None) -> None:
        """Enrol several pictures of any people, all of them or none.

        `card` is that of the model. Raises what `add` raises.
        """
        with self._database.writing() as connection:
            for picture in pictures:
                made_by.agree(connection, picture.embedding)
                person = people.number_of(connection, picture.name)
                if person is None:
                    person = people.new_person(connection, picture.name)
                people.add_references(connection, person, picture.embedding, [picture.facts])
            if card is not None:
                made_by.remember(connection, card)

    def remove(self, name: str, *, wait: float = WAIT) -> Removal:
        """Remove a person and every trace of them: name, numbers and pictures.

        That includes pictures of them that were recorded as not showing another person. Where
        another process still reads an earlier state, it waits for up to `wait` seconds; then the
        result says that erasure is pending, and whoever opens the gallery next finishes it. Raises
        GalleryError if nobody has this name.
        """
        if not is_real(wait, 0, 1e6):
            raise ArgumentError(f"wait is a number of seconds >= 0, not {quoted(wait)}")
        with self._database.writing() as connection:
            person = people.require_number(connection, name)
            spelt = people.names_of(connection, [person]).get(person, name)
            numbers = made_by.require(connection).numbers
            count = sum(1 for _ in vector_blocks.places_of(connection, person))
            corrections.forget_pictures_of(connection, person, numbers)
            people.remove_person(connection, person, numbers)
            if connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is None:
                made_by.forget(connection)
            erasure.announce(connection)
        return Removal(spelt, count, erasure.finish(self._database, wait))

    def rename(self, name: str, new: str) -> None:
        """Give a person another name; raise GalleryError if it is somebody else's."""
        checked_name(new)
        with self._database.writing() as connection:
            people.rename_person(connection, people.require_number(connection, name), new)
            erasure.announce(connection)
        erasure.finish(self._database, WAIT)

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

    def not_this_person(
        self,
        name: str,
        embeddings: Embeddings | npt.ArrayLike,
        facts: Sequence[PictureFacts] = (),
    ) -> None:
        """Record that pictures do not show a person for whom they were taken.

        A probe that is nearer to one of them than to all of the person's embeddings is not taken
        for that person any more. Pictures that are enrolled as this person are taken away from
        them. `facts` are those of each picture, if they are known. Raises GalleryError if nobody
        has this name, and for all pictures of a person; what `add` raises for embeddings that
        cannot be compared.
        """
        several = made_by.one_set(embeddings)
        with self._database.writing() as connection:
            person = people.require_number(connection, name)
            made_by.agree(connection, several)
            removed = corrections.deny(connection, person, several, facts)
            if removed:
                erasure.announce(connection)
        if removed:
            erasure.finish(self._database)

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

    def replace_all(self, stored: StoredPictures, renewed: Sequence[Renewed], card: Card) -> None:
        """Replace all embeddings by those of another model, which has this card, or none of them.

        Raises GalleryError if the gallery has changed since its pictures were `stored`.
        """
        with self._database.writing() as connection:
            stored_pictures.replace_all(connection, stored, renewed)
            made_by.remember(connection, card)
            erasure.announce(connection)
        erasure.finish(self._database, WAIT)

    def export(self, path: str | os.PathLike[str], names: Sequence[str] | None = None) -> int:
        """Write people, or everybody, to a file; return how many there are.

        JSON lines hold everything that is known of them, kept pictures included. A file that is
        called NAME.npz gets arrays, which `Embeddings.load` and `numpy.load` open: names,
        embeddings and what made them, and sources and faces if all are known. Only its owner may
        read the file. Raises GalleryError for a name that nobody has, and for arrays of nobody;
        OutputError if the file cannot be written, or is a gallery.
        """
        file = checked_path(path, "an exported gallery", GalleryError)
        if isinstance(names, str):
            raise GalleryError(f"the names of people are a list, not {quoted(names)}")
        self._database.require_another(file)
        require_no_gallery(file)
        with self._database.reading() as connection:
            if file.suffix == npz_exchange.SUFFIX:
                return npz_exchange.write(connection, file, names)
            return json_export.write(connection, file, names)

    def take_in(self, path: str | os.PathLike[str]) -> tuple[str, ...]:
        """Enrol everybody whom `export` wrote to a file, or nobody; return their names.

        Embeddings that a person has already are not added again. Raises GalleryError, naming the
        line, for a file that `export` did not write (EmbeddingError for a damaged one of arrays),
        and what `add` raises for embeddings of another model.
        """
        file = checked_path(path, "an exported gallery", GalleryError)
        with self._database.writing() as connection:
            if file.suffix == npz_exchange.SUFFIX:
                return npz_exchange.enrol_all(connection, file)
            return json_import.enrol_all(connection, file)


def _reopened(kind: type[Gallery], path: str, read_only: bool) -> Gallery:
    return kind.open(path, create=False, read_only=read_only)


def _restored(content: bytes, passed_over: tuple[Skipped, ...]) -> Gallery:
    gallery = Gallery()
    gallery._database.restore(content)
    gallery.passed_over = passed_over
    return gallery
