"""The file of a gallery before SQLite opens it: made in one step, and refused if it is foreign."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from npfacenet.errors import GalleryError, OutputError, quoted
from npfacenet.files.atomic import require_possible, writing_in
from npfacenet.gallery import schema

_MAGIC = b"SQLite format 3\0"
_APPLICATION_AT = 68  # of the file's header, four bytes, the first is the highest


def require_gallery(path: Path) -> None:
    """Raise GalleryError unless the first bytes of a file are those of a gallery."""
    name = quoted(str(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise GalleryError(f"{name} is not a gallery, but a folder or a device")
        for beside in ("-wal", "-shm", "-journal"):  # SQLite would wait for a pipe for ever
            other = f"{os.path.realpath(path)}{beside}"
            if os.path.lexists(other) and not stat.S_ISREG(os.lstat(other).st_mode):
                raise GalleryError(f"{quoted(other)} is not a file of the gallery: remove it")
        with path.open("rb") as file:
            header, size = file.read(100), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        if path.is_symlink():
            raise GalleryError(f"{name} is a link to a file that is not there") from None
        raise GalleryError(f"there is no gallery {name}: enrol somebody into it first") from None
    except OSError as error:
        raise GalleryError(f"{name} cannot be read: {error.strerror or error}") from error
    if not _is_marked(header):
        raise GalleryError(f"{name} is not a gallery; it was not touched")
    # SQLite would read zeros instead. With a log, a process may be writing a page, or was killed
    # while it did: the log has that page whole.
    if size % schema.PAGE and not _has_log(path):
        raise GalleryError(f"{name} is damaged (it is cut off): restore it from a copy")


def _is_marked(header: bytes) -> bool:
    marked = header[_APPLICATION_AT : _APPLICATION_AT + 4]
    return header.startswith(_MAGIC) and marked == schema.APPLICATION.to_bytes(4, "big")


def require_no_gallery(path: Path) -> None:
    """Raise OutputError for a file that is a gallery, which nothing else may overwrite."""
    header = b""
    with suppress(OSError, ValueError):  # writing the file raises it again
        if path.is_file():
            with path.open("rb") as file:
                header = file.read(100)
    if _is_marked(header):
        raise OutputError(
            f"{quoted(str(path))} is a gallery, and would be overwritten: choose another name"
        )


def _has_log(path: Path) -> bool:
    try:
        return os.path.getsize(f"{os.path.realpath(path)}-wal") > 0
    except OSError:
        return False


def make_file(path: Path) -> None:
    """Make the file of an empty gallery, which only its owner may read, in one step.

    If another process makes it at the same time, that one stays. Raises OutputError if it cannot
    be made there.
    """
    require_possible(path)
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    with writing_in(path.parent):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(partial, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(schema.new_database())
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(partial, path)
            except FileExistsError:
                pass
            except OSError:  # a disk without hard links
                if not os.path.exists(path):
                    partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
