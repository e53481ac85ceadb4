"""What the tables of a gallery's file are, and how files of earlier versions become such."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from npfacenet.errors import GalleryError

APPLICATION = 0x6E706667  # "npfg", SQLite's application_id
VERSION = 1
PAGE = 16384  # bytes; long BLOBs are read in fewer steps than with SQLite's 4096

TABLES = (
    """CREATE TABLE model (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        numbers INTEGER NOT NULL,
        fingerprint TEXT,
        threshold TEXT,
        preparation TEXT,
        card TEXT
    ) STRICT""",
    """CREATE TABLE person (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE
    ) STRICT""",
    """CREATE TABLE other_name (
        key TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE
    ) STRICT""",
    """CREATE TABLE reference (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        person INTEGER NOT NULL REFERENCES person,
        block INTEGER NOT NULL,
        place INTEGER NOT NULL,
        added REAL NOT NULL,
        source TEXT,
        face TEXT,
        quality TEXT,
        digest TEXT,
        UNIQUE (block, place)
    ) STRICT""",
    "CREATE INDEX reference_person ON reference (person)",
    """CREATE TABLE picture (
        reference INTEGER PRIMARY KEY REFERENCES reference ON DELETE CASCADE,
        content BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE correction (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
        made REAL NOT NULL,
        source TEXT,
        digest TEXT,
        vector BLOB NOT NULL,
        content BLOB
    ) STRICT""",
    "CREATE INDEX correction_person ON correction (person)",
    """CREATE TABLE block (
        id INTEGER PRIMARY KEY,
        places INTEGER NOT NULL,
        used INTEGER NOT NULL,
        changed INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE block_vectors (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT",
    "CREATE TABLE block_people (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT",
    """CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        changes INTEGER NOT NULL,
        erasure_pending INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO state VALUES (1, 0, 0)",
)

MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType({})
"""By the version that a file has: what makes it one of the next version, in one transaction."""


def new_database() -> bytes:
    """Return the content of an empty gallery's file."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        create(memory)
        return memory.serialize()
    finally:
        memory.close()


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("BEGIN")
    for statement in TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def objects(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    """Return the form of a database, and all that its schema holds: kind, name, columns and so on.

    Not their definitions, which a migration writes in other words than `TABLES`. What `ANALYZE`
    has counted is left out.
    """
    found = connection.execute(
        "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' "
        "ESCAPE '\\'"
    ).fetchall()
    form = tuple(
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("encoding", "page_size")
    )
    return {form, *((*one, *_parts(connection, one[1])) for one in found)}


def _parts(connection: sqlite3.Connection, name: str) -> Iterator[tuple[object, ...]]:
    """Yield what is known of a table or an index, some of it for tables only."""
    for about in (
        "* FROM pragma_table_xinfo(?)",
        'type, wr, "strict" FROM pragma_table_list(?)',
        "* FROM pragma_foreign_key_list(?)",
        'name, "unique", origin, partial FROM pragma_index_list(?)',
        "* FROM pragma_index_xinfo(?)",
    ):
        yield tuple(connection.execute(f"SELECT {about} ORDER BY 1", (name,)).fetchall())


def migrate(connection: sqlite3.Connection, version: int, name: str) -> None:
    """Bring a database of an earlier version to this one, or leave it as it is.

    Raises GalleryError for a newer version, and for one that nothing leads on from.
    """
    if version > VERSION:
        raise GalleryError(
            f"{name} was written by a newer npfacenet (version {version} of its tables, this one "
            f"knows {VERSION}): install a newer npfacenet; it was not touched"
        )
    while version < VERSION:
        if version not in MIGRATIONS:
            raise GalleryError(f"{name} has tables of the unknown version {version}")
        MIGRATIONS[version](connection)
        version += 1
        connection.execute(f"PRAGMA user_version = {version}")
