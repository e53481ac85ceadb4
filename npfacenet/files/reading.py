"""Opening files from strangers: regular ones only, and no larger than makes sense.

Opening a pipe blocks, reading a device may never end, and hashing a sparse file of a terabyte
takes hours.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from npfacenet.errors import MOST_QUOTED, NpfacenetError, quoted

LARGEST_TEXT = 1 << 26
"""The largest text in bytes that is read: lists of people or pairs, logs, settings."""


def open_regular(
    path: str | os.PathLike[str], *, what: str, largest: int, error: type[NpfacenetError]
) -> BinaryIO:
    """Open a regular file for reading in binary.

    `what` says in messages what the file should be ("a picture"), `largest` how many bytes such a
    file has at most. Raises `error`, naming the path, the fault and the remedy, for a path that is
    missing, a folder, a device, a pipe or a socket, and for a file that cannot be opened, is empty
    or is larger.

    >>> from npfacenet.errors import ImageError
    >>> open_regular("/", what="a picture", largest=1 << 20, error=ImageError)
    Traceback (most recent call last):
    npfacenet.errors.ImageError: '/' is a folder, not a picture; name a file
    """
    name = quoted(os.fsdecode(path))
    try:
        # Opening a device can already do something; a pipe put there meanwhile must not block.
        _require_regular(os.stat(path), name, what, error)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError as fault:
        # The fault repeats the whole path, and what is given as one may be a face in base64.
        raise error(
            f"{name} does not exist; check the name (a relative path starts at the current "
            "folder, and '~' is not expanded)"
        ) from (fault if len(name) < MOST_QUOTED else None)
    except (OSError, ValueError) as fault:
        if isinstance(fault, NpfacenetError):
            raise
        reason = getattr(fault, "strerror", None) or fault
        raise error(f"{name} cannot be opened: {reason}; check the path") from fault
    try:
        opened = os.fstat(file.fileno())
        _require_regular(opened, name, what, error)
        _require_sensible_size(opened.st_size, name, what, largest, error)
    except BaseException:
        file.close()
        raise
    return file


def read_text(
    path: str | os.PathLike[str],
    *,
    what: str,
    error: type[NpfacenetError],
    largest: int = LARGEST_TEXT,
) -> str:
    """Return the content of a regular file in UTF-8, without its byte order mark.

    Raises `error` as `open_regular` does, and for bytes that are not UTF-8.
    """
    with open_regular(path, what=what, largest=largest, error=error) as file:
        try:
            # Not "utf-8-sig", whose first use is an import: a fork could come in the middle.
            return file.read(largest).decode("utf-8").removeprefix("\ufeff")
        except (OSError, UnicodeDecodeError) as fault:
            raise error(f"{quoted(os.fsdecode(path))} cannot be read as {what}: {fault}") from fault


def _require_regular(
    status: os.stat_result, name: str, what: str, error: type[NpfacenetError]
) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{name} is a folder, not {what}; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{name} is a device, a pipe or a socket, not {what}; name a regular file")


def _require_sensible_size(
    size: int, name: str, what: str, largest: int, error: type[NpfacenetError]
) -> None:
    if not size:
        # Files of the system such as /proc/self/pagemap say so too, and never end.
        raise error(f"{name} is empty, not {what}; obtain it again")
    if size > largest:
        raise error(f"{name} has {size:,} bytes, more than {what} can have ({largest:,})")
