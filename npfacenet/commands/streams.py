"""Standard output and standard error, which may be closed, full, or have no reader."""

from __future__ import annotations

import errno
import os
import select
import sys
from contextlib import suppress
from io import TextIOWrapper

from npfacenet.errors import OutputError, printable

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Error numbers of writing to a disk that is full, limited or broken."""


def prepare() -> None:
    """Make the standard streams accept all file names, and reserve their file descriptors.

    A name may hold bytes that the terminal's encoding lacks. The descriptor of a closed stream
    would be given to the next file that is opened, and libraries write messages to descriptor 2,
    so the null device takes it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors="backslashreplace")
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is taken, and those below it are in use.
            os.open(os.devnull, os.O_RDWR)


def say_error(line: str) -> None:
    """Print one line on standard error; ignore a stream that is closed or full."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(printable(line), file=sys.stderr, flush=True)


def flush_output() -> None:
    """Write out what was printed.

    Raises OutputError if it cannot be written, BrokenPipeError if the reader has closed the pipe.
    """
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(cannot_be_written(error)) from error


def cannot_be_written(error: OSError) -> str:
    """Return the message for a fault of standard output."""
    return (
        f"standard output cannot be written: {error.strerror or error}; make room there, or send "
        "it elsewhere"
    )


def drop_output() -> None:
    """Write out what was printed, or drop it.

    Otherwise the interpreter would try again at exit, complain, and change the exit code.
    """
    try:
        flush_output()
    except OSError:
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)


def reader_has_left() -> bool:
    """Whether standard output is a pipe whose reader has closed it, as `head` does."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # closed, replaced, or not POSIX
        return False
