"""A gallery's database: opened safely, one transaction at a time, and erased without traces.

The file is in SQLite's write-ahead mode: processes read while another writes, and what is committed
survives a killed process. Removed rows are overwritten with zeros (`secure_delete`), and the log is
written back and truncated, so that nothing of them stays in the file or beside it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from npfacenet.errors import GalleryError, OutputError, quoted
from npfacenet.files.atomic import writing_in
from npfacenet.gallery import schema
from npfacenet.gallery.faults import is_busy, named
from npfacenet.gallery.file_locks import Held
from npfacenet.gallery.gallery_file import make_file, require_gallery
from npfacenet.gallery.unused_bytes import erase_unused
from npfacenet.threads.forks import forks, without_forks

PATIENCE = 10.0
"""Seconds for which one waits for another process that writes."""
OLDEST_SQLITE = (3, 37, 0)  # with STRICT tables
_FORMAT_AT = 18  # of the file's header, two bytes
_LONGEST_VALUE = 1 << 28  # bytes of a picture or a block
_kept_for_parents: list[tuple[sqlite3.Connection, object]] = []
"""Connections and locks of a parent: a child neither uses nor closes them, which could do harm."""


class Database:
    """The database in a file, or in memory if `path` is None.

    Several threads may use it; their transactions take turns. A forked child opens the file anew,
    and has a copy of what is in memory. Raises GalleryError for a file that is not a gallery,
    damaged, or written by a newer npfacenet, and OutputError where it cannot be made.
    """

    def __init__(self, path: Path | None, *, create: bool = True, read_only: bool = False) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise GalleryError(
                f"galleries need SQLite 3.37 or newer, and this Python has {sqlite3.sqlite_version}"
            )
        self.path, self.read_only = path, read_only
        self.name = "the gallery" if path is None else quoted(str(path))
        if path is not None and create and not read_only and not os.path.lexists(path):
            make_file(path)
        self._held: Held | None = None
        self._connection, self._forks = self._open(), forks()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the gallery throughout this block."""
        with without_forks(), named(self.name):
            connection = self._own()
            try:
                self._begin(connection, "BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes all count at the end of this block, or none of them."""
        if self.read_only:
            raise GalleryError(f"{self.name} was opened for reading only: open it without that")
        with without_forks(), named(self.name):
            connection = self._own()
            try:
                self._begin(connection, "BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back itself after some errors
                    connection.execute("ROLLBACK")
                raise

    def _begin(self, connection: sqlite3.Connection, statement: str) -> None:
        """Begin a transaction; none is within another, so one that is open is an interrupt's."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute(f"PRAGMA busy_timeout = {round(PATIENCE * 1000)}")
        connection.execute(statement)

    def content(self) -> bytes:
        """Return all that is in the database, as the bytes of a file."""
        with without_forks(), named(self.name):
            return self._own().serialize()

    def restore(self, content: bytes) -> None:
        """Replace what is in a database in memory by what `content` returned."""
        # The versions of the format, of a database without a log: in memory there is none.
        unlogged = content[:_FORMAT_AT] + b"\1\1" + content[_FORMAT_AT + 2 :]
        with without_forks(), named(self.name):
            self._own().deserialize(unlogged)

    def copy_to(self, other: Database) -> None:
        """Replace what is in another database by what is in this one."""
        with without_forks(), named(self.name):
            self._own().backup(other._own())

    def erase_traces(self, patience: float) -> bool:
        """Write the log back, truncate it, and erase unused bytes; return whether that is done.

        Then nothing removed is left in any file, and no erasure is pending. A reader in another
        process that still sees the state before makes it wait for up to `patience` seconds.
        """
        end = time.monotonic() + patience
        with without_forks(), named(self.name):
            connection = self._own()
            connection.execute("PRAGMA busy_timeout = 0")  # until the next transaction
            while True:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy and self._erased_unused():
                    return True
                if time.monotonic() >= end:
                    return False
                time.sleep(0.05)

    def _erased_unused(self) -> bool:
        """Erase unused bytes unless another process writes; return whether that is done."""
        if self._held is None or self.path is None:  # in memory
            self._connection.execute("UPDATE state SET erasure_pending = 0")
            return True
        # Another connection's change has all others read their pages anew.
        with closing(self._connected_to_file(self.path)) as other:
            try:
                other.execute("PRAGMA busy_timeout = 0")
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    return False
                raise
            log = f"{os.path.realpath(self.path)}-wal"
            if os.path.exists(log) and os.path.getsize(log):
                return False
            roots = other.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage").fetchall()
            with writing_in(self.path.parent):
                erase_unused(self._held.descriptor, [root for (root,) in roots], schema.PAGE)
                os.fsync(self._held.descriptor)
            other.execute("UPDATE state SET erasure_pending = 0")
            other.execute("COMMIT")
        return True

    def require_another(self, file: Path) -> None:
        """Raise OutputError for this database's own file, or one that belongs to it."""
        if self.path is None:
            return
        own = [Path(f"{os.path.realpath(self.path)}{end}") for end in ("", "-wal", "-shm")]
        if Path(os.path.realpath(file)) in own or (file.exists() and file.samefile(self.path)):
            raise OutputError(
                f"{quoted(str(file))} is the gallery itself, and would be overwritten: choose "
                "another name"
            )

    def close(self) -> None:
        """Close the file; SQLite then removes its log."""
        with without_forks(), named(self.name):
            if self._forks == forks():
                if self._held is not None:
                    self._held.release()
                self._connection.close()

    def _own(self) -> sqlite3.Connection:
        """Return the connection of this process."""
        if self._forks != forks() and self.path is not None:
            _kept_for_parents.append((self._connection, self._held))
            self._connection, self._forks = self._open(), forks()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        with without_forks(), named(self.name):
            if self.path is None:
                connection = _connected(":memory:")
                schema.create(connection)
                return connection
            require_gallery(self.path)
            connection = self._connected_to_file(self.path)
            try:
                self._prepare(connection)
                self._held = Held(self.path, self, read_only=self.read_only)
            except BaseException:
                connection.close()
                raise
            return connection

    def _connected_to_file(self, path: Path) -> sqlite3.Connection:
        place = f"file:{quote(os.fsencode(path.absolute()))}"
        if not self.read_only:
            return _connected(f"{place}?mode=rw")
        connection = _connected(f"{place}?mode=ro")
        try:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            # In a folder that cannot be written there is no place for the log's index.
            if os.path.exists(f"{path}-wal"):
                raise
            connection.close()
            return _connected(f"{place}?mode=ro&immutable=1")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Bring a file to this version, check its tables, and finish what an erasure left."""
        if _version(connection) != schema.VERSION:
            connection.execute("BEGIN IMMEDIATE" if not self.read_only else "BEGIN")
            # Read again: another process may have migrated it while this one waited.
            schema.migrate(connection, _version(connection), self.name)
            connection.execute("COMMIT")
        expected = sqlite3.connect(":memory:", isolation_level=None)
        schema.create(expected)
        if schema.objects(connection) != schema.objects(expected):
            raise GalleryError(
                f"{self.name} is not a gallery as npfacenet writes it: its tables are others"
            )
        expected.close()
        if not self.read_only:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise GalleryError(
                    f"{self.name} lies on a disk on which processes cannot share memory, as some "
                    "network disks: nothing could be erased there; move it to another disk"
                )


def _connected(place: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        place, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=True
    )
    connection.text_factory = _decoded
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    for setting in (
        "secure_delete = ON", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY",
        "trusted_schema = OFF", "cell_size_check = ON",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {setting}")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")
