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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SHARED = (0x40000002, 510)  # where SQLite's readers lock a database, and how many bytes
_IN_USE = (128, 1)  # the same of a log's index: UNIX_SHM_DMS


def hold(path: Path, owner: object) -> Callable[[], object]:
    """Lock a database in use until `owner` is gone or what is returned is called.

    Where there are no such locks, it does nothing.
    """
    real, held = os.path.realpath(path), list[int]()
    for place, (start, length) in ((real, _SHARED), (f"{real}-shm", _IN_USE)):
        with suppress(OSError):
            held.append(os.open(place, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
            _lock(held[-1], start, length)
    return weakref.finalize(owner, _close, held)


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
