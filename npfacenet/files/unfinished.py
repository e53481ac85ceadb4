"""Hidden files that are being written, and removing those whose writer was killed.

A writer holds a lock on its file. The system releases it when the process ends, however it ends,
so a file that can be locked has no writer. Where files cannot be locked (Windows, some network
disks), the file of a killed writer stays.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

MOST_WRITERS = 64  # of one file at a time, whose hidden names the next writer can find
_KEPT_OUT = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def new_partial(target: Path) -> BinaryIO:
    """Make a new file beside `target`, `.HEX.part`, open for writing and locked.

    Its name follows from the target's, so that the next writer of the same target finds the file
    of a killed one, and removes it. Raises OSError if no file can be made there.
    """
    file = None
    for number in range(MOST_WRITERS):
        path = _name(target, number)
        remove_abandoned(path)
        if file is None:
            file = _made(path)
        elif not os.path.lexists(path):
            break
    if file is None:
        file = target.with_name(f".{secrets.token_hex(8)}.part").open("xb")
        _lock(file.fileno())
    return file


def remove_abandoned(path: Path) -> None:
    """Remove a file that has no writer any more; leave any other, and what cannot be removed."""
    if sys.platform == "win32" or not os.path.lexists(path):
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | _KEPT_OUT)
        try:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode) or opened.st_uid != os.geteuid():
                return
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have removed that file, and a writer made this one.
            if os.path.samestat(opened, os.lstat(path)):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _name(target: Path, number: int) -> Path:
    text = os.fsencode(target.name) + b"/%d" % number
    return target.with_name(f".{hashlib.sha256(text).hexdigest()[:16]}.part")


def _made(path: Path) -> BinaryIO | None:
    """Make a new locked file; None if another writer has that name."""
    while True:
        try:
            # mkstemp would make it private, and the folder may be for others to read.
            file = path.open("xb")
        except FileExistsError:
            return None
        _lock(file.fileno())
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), os.lstat(path)):
                return file
        file.close()  # another writer took it for abandoned before it was locked


def _lock(descriptor: int) -> None:
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def closing(file: BinaryIO) -> Iterator[None]:
    """Close a file at the end; an error of closing does not hide an earlier one."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()
