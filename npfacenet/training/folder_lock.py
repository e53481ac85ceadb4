"""Locking a folder, so that one process at a time works in it."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from npfacenet.errors import OutputError, TrainingError
from npfacenet.files.atomic import writing_in

LOCK, OWNER = ".lock", ".lock.pid"
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Lock a folder for the duration of a block.

    `doing` names the work in messages ("training"). The operating system's lock on the file
    `.lock` is released when the process ends, however it ends. If the system or the file system
    has no locks, `.lock.pid` names the process instead; the file of a process that has ended is
    ignored. Raises TrainingError if another process or thread holds the lock, OutputError for a
    folder that cannot be written.
    """
    with writing_in(folder):
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(folder / LOCK, flags, 0o666)  # O_NONBLOCK: opening a pipe would wait
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OutputError(f"{folder / LOCK} is not a file: remove it")
        match _system_lock(handle):
            case True:
                try:
                    yield
                finally:
                    _unlock(handle)  # a forked child, which shares it, would keep the lock
            case False:
                raise _taken(folder, doing)
            case None:
                with _owned(folder, doing):
                    yield
    finally:
        os.close(handle)


def require_free(folder: Path, doing: str) -> None:
    """Raise TrainingError if another process holds a folder's lock; nothing is written."""
    if os.path.exists(folder / LOCK):
        with locked(folder, doing):
            pass


def _system_lock(handle: int) -> bool | None:
    """Try to take the system's lock; return whether it succeeded, or None without such locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return None
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def _unlock(handle: int) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def _owned(folder: Path, doing: str) -> Iterator[None]:
    """Lock a folder by a file that names this process and its machine."""
    path, own = folder / OWNER, f"{os.getpid()} {socket.gethostname()}"
    for last in (False, True):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(own)
            break
        except FileExistsError:
            if last or _is_alive(path):
                raise _taken(folder, doing, f"; if it has ended, remove {path}") from None
            with suppress(OSError):
                path.unlink()
        except OSError:
            with writing_in(folder):
                raise
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _is_alive(path: Path) -> bool:
    """Whether the process that a file names may still run; True for one on another machine."""
    try:
        number, host = path.read_text("utf-8").split(maxsplit=1)
        if host != socket.gethostname() or sys.platform == "win32":
            return True  # on Windows, any signal would end the process
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _taken(folder: Path, doing: str, remedy: str = "") -> TrainingError:
    return TrainingError(
        f"another process is {doing} in {folder}: wait until it has ended, or choose another "
        f"folder{remedy}"
    )
