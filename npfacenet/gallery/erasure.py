"""Erasing what was removed from a gallery's file and its log."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from npfacenet.gallery.database import Database
from npfacenet.gallery.faults import interpreting
from npfacenet.models.json_ready import JsonReady

WAIT = 5.0
"""Seconds for which a removal waits for readers that still see the person."""

WHILE_OPENING = 0.2
"""The same for whoever opens a gallery, from which an earlier removal is to be erased."""


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


def announce(connection: sqlite3.Connection) -> None:
    """Record that something was removed, in the transaction that removes it."""
    connection.execute("UPDATE state SET changes = changes + 1, erasure_pending = 1")


def finish(database: Database, patience: float = WHILE_OPENING) -> bool:
    """Erase what removals have left in the file and its log; return whether that is done."""
    if database.read_only:
        return False
    with database.reading() as connection, interpreting("its state"):
        (pending,) = connection.execute("SELECT erasure_pending FROM state").fetchone()
    return not pending or database.erase_traces(patience)
