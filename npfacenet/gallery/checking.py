"""Whether a gallery's file is whole: SQLite's own checks, and that its tables agree."""

from __future__ import annotations

import sqlite3
from collections import Counter

import numpy as np

from npfacenet.errors import GalleryError
from npfacenet.gallery import corrections, made_by, people, stored_pictures
from npfacenet.gallery.blocks import NOBODY
from npfacenet.gallery.faults import interpreting
from npfacenet.gallery.vector_blocks import LoadedBlocks


@interpreting("its blocks of embeddings")
def faults(connection: sqlite3.Connection) -> list[str]:
    """Return what is wrong with a gallery's database, each as a sentence; none if it is whole."""
    found = [
        f"SQLite finds: {row[0]}"
        for row in connection.execute("PRAGMA integrity_check(20)").fetchall()
        if row[0] != "ok"
    ]
    if found:
        return found
    found += [
        f"row {row} of {table} refers to nothing in {parent}"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchall()
    ]
    stated = {
        (block, place): person
        for block, place, person in connection.execute(
            "SELECT block, place, person FROM reference"
        ).fetchall()
    }
    held: dict[tuple[int, int], int] = {}
    for block, content in connection.execute("SELECT id, content FROM block_people").fetchall():
        whose = np.frombuffer(content, "<i8")
        occupied = np.flatnonzero(whose != NOBODY).tolist()
        held |= {(block, place): int(whose[place]) for place in occupied}
    found += [
        f"place {place} of block {block} belongs to person {held.get((block, place))}, not {person}"
        for (block, place), person in stated.items()
        if held.get((block, place)) != person
    ]
    found += [
        f"place {place} of block {block} is nobody's reference"
        for block, place in held.keys() - stated.keys()
    ]
    counts = Counter(block for block, _ in held)
    found += [
        f"block {block} states {used} embeddings and holds {counts[block]}"
        for block, used in connection.execute("SELECT id, used FROM block").fetchall()
        if counts[block] != used
    ]
    return [*found, *_of_meaning(connection)]


def _of_meaning(connection: sqlite3.Connection) -> list[str]:
    """Return the first thing that cannot be made sense of, as whoever needs it would say it."""
    try:
        made = made_by.read(connection)
        people.names(connection)
        stored_pictures.stored_pictures(connection)
        LoadedBlocks.none().refreshed(connection, "it")
        made_by.card_of(connection, "it")
        if made is not None:
            corrections.denied(connection, made.numbers)
    except (sqlite3.Error, GalleryError) as fault:
        return [str(fault)]
    return []
