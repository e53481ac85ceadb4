"""Locks on a gallery's file that neither a fork nor another use of the file in this process ends.

SQLite keeps the log of a file that others use, which it knows by their locks. Those locks belong to
a process: a forked child has none, and closing the file anywhere in the process, as after copying
it, ends all of them. Then the next process that closes the gallery removes a log that is in use,
and what is committed to that is lost. So each open gallery holds locks of its own on the same bytes
that SQLite locks. They belong to an open file, not to a process; Linux has them.
"""

from __future__ import annotations

import os
import struct
import sys
import weakref
from contextlib import suppress
from pathlib import Path

from npfacenet.errors import GalleryError, quoted

_SHARED = (0x40000002, 510)  # where SQLite's readers lock a database, and how many bytes
_IN_USE = (128, 1)  # the same of a log's index: UNIX_SHM_DMS


class Held:
    """Locks a database in use until `owner` is gone, or it is released.

    `descriptor` is the open file of the database, for whoever writes to it. Where there are no such
    locks, nothing is locked.
    """

    def __init__(self, path: Path, owner: object, *, read_only: bool) -> None:
        real, flags = (
            os.path.realpath(path),
            getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0),
        )
        writes = os.access(real, os.W_OK) and not read_only
        try:
            self.descriptor = os.open(real, flags | (os.O_RDWR if writes else os.O_RDONLY))
        except OSError as error:  # too many files are open, or it is gone
            raise GalleryError(
                f"{quoted(str(path))} cannot be opened: {error.strerror or error}"
            ) from error
        held = [self.descriptor]
        self.release = weakref.finalize(owner, _close, held)
        with suppress(OSError):
            _lock(self.descriptor, *_SHARED)
        with suppress(OSError):  # there is none if nobody may write to the folder
            held.append(os.open(f"{real}-shm", flags | os.O_RDONLY))
            _lock(held[-1], *_IN_USE)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


if sys.platform == "linux":
    import fcntl

    def _lock(descriptor: int, start: int, length: int) -> None:
        lock = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, start, length, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)

else:

    def _lock(descriptor: int, start: int, length: int) -> None:
        pass
