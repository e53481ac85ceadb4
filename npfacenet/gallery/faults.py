"""SQLite's errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from npfacenet.errors import GalleryError, NpfacenetError, OutputError, shortened

_PRIMARY = 0xFF  # the lowest byte of SQLite's extended codes
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


class Damage(sqlite3.DatabaseError):
    """What is stored cannot be what this library wrote there."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@contextmanager
def interpreting(what: str) -> Iterator[None]:
    """Turn errors of making sense of what is stored into Damage; `what` says what is read.

    A GalleryError is of somebody who asks for the wrong thing, and stays.
    """
    try:
        yield
    except (TypeError, ValueError, LookupError, OverflowError, RecursionError) as error:
        if isinstance(error, GalleryError):
            raise
        raise Damage(f"{what}: {shortened(str(error))}") from error


@contextmanager
def named(name: str) -> Iterator[None]:
    """Turn SQLite's errors in this block into GalleryError or OutputError, which name the file."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise fault(error, name) from error
    except UnicodeDecodeError as error:  # of text, or of SQLite's own message that repeats it
        raise fault(Damage(str(error)), name) from error


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was at work for longer than one waits."""
    return code(error) in _BUSY


def code(error: sqlite3.Error | sqlite3.Warning) -> int:
    """Return SQLite's primary result code of an error; 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY


def fault(error: sqlite3.Error | sqlite3.Warning, name: str) -> NpfacenetError:
    """Return the error that says what happened to the gallery `name`."""
    found = code(error)
    if found in _BUSY:
        return GalleryError(f"{name} is in use by another process that writes: try again")
    if found == sqlite3.SQLITE_FULL:
        return OutputError(f"{name} was not changed: its disk is full; make room there")
    if found in _DAMAGED:
        return GalleryError(
            f"{name} is damaged ({error}): restore it from a copy, and remove what lies beside it "
            "under its name with -wal and -shm; or enrol its people anew"
        )
    if found in _REFUSED:
        return OutputError(
            f"{name} was not changed: it or its folder cannot be written ({error}); change the "
            "permissions, or copy it to another folder"
        )
    if found == sqlite3.SQLITE_IOERR:
        return OutputError(f"{name} cannot be read or written: {error}; see to its disk")
    if found == sqlite3.SQLITE_TOOBIG:
        return GalleryError(f"{name} was not changed: a picture or text is too large ({error})")
    return GalleryError(f"{name} cannot be used: {error}")
