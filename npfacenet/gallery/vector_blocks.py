"""The embeddings of a gallery in its database: blocks of vectors, and whose each one is.

A block is two BLOBs of equally many places: `block_vectors`, float32 (N, D), and `block_people`,
int64 (N,), both little-endian. They are read whole and written place by place, so that enrolling
one person changes a few pages. An empty place holds zeros. Blocks grow with the gallery, from 64
places to 4,096.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import GalleryError
from npfacenet.gallery.blocks import NOBODY, Block
from npfacenet.gallery.faults import interpreting

SMALLEST, LARGEST, GROWTH = 64, 4096, 4
LONGEST = 1 << 27  # bytes of the vectors of a block
_VECTORS, _PEOPLE = np.dtype("<f4"), np.dtype("<i8")
WHERE = "its blocks of embeddings"


@dataclass(frozen=True)
class Place:
    """Where an embedding lies: the number of its block, and its place there, from 0."""

    block: int
    place: int


@interpreting(WHERE)
def put(
    connection: sqlite3.Connection, vectors: npt.NDArray[np.float32], person: int
) -> list[Place]:
    """Write embeddings (N, D) of a person into empty places; return these."""
    places: list[Place] = []
    number = next_change(connection)
    while len(places) < len(vectors):
        block, free = _with_room(connection, vectors.shape[1], len(vectors) - len(places))
        rows = vectors[len(places) : len(places) + len(free)].astype(_VECTORS, copy=False)
        with (
            connection.blobopen("block_vectors", "content", block) as content,
            connection.blobopen("block_people", "content", block) as people,
        ):
            for start, end in _runs(free):
                _write(content, free[start], rows[start:end])
                _write(people, free[start], np.full(end - start, person, _PEOPLE))
        connection.execute(
            "UPDATE block SET used = used + ?, changed = ? WHERE id = ?",
            (len(free), number, block),
        )
        places += [Place(block, place) for place in free]
    return places


@interpreting(WHERE)
def clear(connection: sqlite3.Connection, places: Iterable[Place], numbers: int) -> None:
    """Overwrite places with zeros; `numbers` is how many an embedding has."""
    change = next_change(connection)
    for place in places:
        _overwrite(connection, "block_vectors", place, bytes(numbers * _VECTORS.itemsize))
        _overwrite(connection, "block_people", place, bytes(_PEOPLE.itemsize))
        connection.execute(
            "UPDATE block SET used = used - 1, changed = ? WHERE id = ?", (change, place.block)
        )


@interpreting(WHERE)
def give(connection: sqlite3.Connection, places: Iterable[Place], person: int) -> None:
    """Make embeddings those of another person."""
    change = next_change(connection)
    for place in places:
        _overwrite(connection, "block_people", place, person.to_bytes(8, "little"))
        connection.execute("UPDATE block SET changed = ? WHERE id = ?", (change, place.block))


def remove_all(connection: sqlite3.Connection) -> None:
    """Remove all blocks, as for embeddings of another length."""
    next_change(connection)
    connection.execute("DELETE FROM block")
    connection.execute("DELETE FROM block_vectors")
    connection.execute("DELETE FROM block_people")


@interpreting(WHERE)
def vectors_at(
    connection: sqlite3.Connection, places: Sequence[Place], numbers: int
) -> npt.NDArray[np.float32]:
    """Return the embeddings in these places, float32 (N, D)."""
    size = numbers * _VECTORS.itemsize
    found = np.empty((len(places), numbers), _VECTORS)
    blocks = np.array([place.block for place in places], np.int64)
    for block in np.unique(blocks).tolist():
        with connection.blobopen("block_vectors", "content", block, readonly=True) as content:
            for i in np.flatnonzero(blocks == block).tolist():
                content.seek(places[i].place * size)
                found[i] = np.frombuffer(content.read(size), _VECTORS)
    return found.astype(np.float32, copy=False)


@dataclass(frozen=True)
class LoadedBlocks:
    """The blocks as they were after so many `changes`, for searching."""

    changes: int
    blocks: dict[int, Block]

    @classmethod
    def none(cls) -> LoadedBlocks:
        """Return the blocks of a gallery that was not read yet."""
        return cls(-1, {})

    @interpreting(WHERE)
    def refreshed(self, connection: sqlite3.Connection, name: str) -> LoadedBlocks:
        """Return the blocks as they are now; only those that changed are read."""
        (changes,) = connection.execute("SELECT changes FROM state").fetchone()
        if changes == self.changes:
            return self
        numbers = connection.execute("SELECT numbers FROM model").fetchone()
        blocks = {}
        for block, changed in connection.execute("SELECT id, changed FROM block ORDER BY id"):
            if block in self.blocks and changed <= self.changes:
                blocks[block] = self.blocks[block]
            else:
                blocks[block] = _read(connection, block, numbers[0], name)
        return LoadedBlocks(changes, blocks)


def _read(connection: sqlite3.Connection, block: int, numbers: int, name: str) -> Block:
    vectors, people = connection.execute(
        "SELECT v.content, p.content FROM block_vectors v JOIN block_people p USING (id) "
        "WHERE id = ?",
        (block,),
    ).fetchone()
    whose = np.frombuffer(people, _PEOPLE)
    if len(vectors) != len(whose) * numbers * _VECTORS.itemsize:
        raise GalleryError(f"{name} is damaged: its block {block} has another size than it states")
    rows = np.frombuffer(vectors, _VECTORS).reshape(len(whose), numbers)
    read = Block(rows.astype(np.float32, copy=False), whose.astype(np.int64, copy=False))
    if not np.isfinite(read.longest):
        raise GalleryError(f"{name} is damaged: its block {block} holds NaN or infinity")
    return read


def _with_room(connection: sqlite3.Connection, numbers: int, wanted: int) -> tuple[int, list[int]]:
    """Return a block with empty places, and up to `wanted` of these; a new one if all are full."""
    found = connection.execute(
        "SELECT id, used FROM block WHERE used < places ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if found is not None:
        block, used = found
        with connection.blobopen("block_people", "content", block, readonly=True) as people:
            # Unless somebody was removed, the first `used` places are taken.
            ahead = _empty_places(people, used, wanted)
            empty = ahead if len(ahead) else _empty_places(people, 0, len(people))
        if len(empty):
            return block, empty[:wanted].tolist()
    (places,) = connection.execute("SELECT coalesce(sum(places), 0) FROM block").fetchone()
    size = min(LARGEST, max(SMALLEST, places * (GROWTH - 1)), LONGEST // (numbers * 4))
    added = connection.execute("INSERT INTO block VALUES (NULL, ?, 0, 0)", (size,)).lastrowid
    vectors, people = size * numbers * _VECTORS.itemsize, size * _PEOPLE.itemsize
    connection.execute("INSERT INTO block_vectors VALUES (?, zeroblob(?))", (added, vectors))
    connection.execute("INSERT INTO block_people VALUES (?, zeroblob(?))", (added, people))
    return int(added or 0), list(range(min(size, wanted)))


def _empty_places(people: sqlite3.Blob, start: int, count: int) -> npt.NDArray[np.int64]:
    """Return which of so many places from `start` are empty."""
    people.seek(max(0, min(start * _PEOPLE.itemsize, len(people))))
    whose = np.frombuffer(people.read(count * _PEOPLE.itemsize), _PEOPLE)
    return np.flatnonzero(whose == NOBODY) + start


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where each run of consecutive places starts and ends, as positions in `places`."""
    ends = [*(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
    yield from zip([0, *ends], ends, strict=False)


def _overwrite(connection: sqlite3.Connection, table: str, place: Place, content: bytes) -> None:
    with connection.blobopen(table, "content", place.block) as blob:
        blob.seek(place.place * len(content))
        blob.write(content)


def _write(blob: sqlite3.Blob, place: int, rows: npt.NDArray[np.generic]) -> None:
    """Write to consecutive places, from `place`."""
    blob.seek(place * rows[0].nbytes)
    blob.write(rows.tobytes())


def next_change(connection: sqlite3.Connection) -> int:
    """Count a change of embeddings or corrections; return its number."""
    connection.execute("UPDATE state SET changes = changes + 1")
    return int(connection.execute("SELECT changes FROM state").fetchone()[0])


def places_of(connection: sqlite3.Connection, person: int) -> Iterator[Place]:
    """Yield where the embeddings of a person lie, in the order of enrolment."""
    for block, place in connection.execute(
        "SELECT block, place FROM reference WHERE person = ? ORDER BY id", (person,)
    ).fetchall():
        yield Place(block, place)
