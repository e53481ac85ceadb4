"""Opening an HDF5 file, by HDF5 and as bytes, and saying what is wrong with it."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from npfacenet.checkpoints.signature import open_hdf5
from npfacenet.errors import NpfacenetError, WeightsError, quoted

if TYPE_CHECKING:
    import h5py

TICK = 20_000_000  # nanoseconds: no system's clock for times of files ticks more slowly
TRIES = 100  # to open a file that is replaced all the time; each takes a few milliseconds
FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)


@dataclass(frozen=True)
class FileState:
    """The state of a file before it was read, to be compared with the one afterwards."""

    size: int
    changed: int
    content: bytes | None

    @classmethod
    def of(cls, content: BinaryIO, *, hashed: bool) -> FileState:
        """Return the state of an open file, with its hash if `hashed`."""
        digest = None
        if hashed:
            content.seek(0)
            digest = hashlib.file_digest(content, "sha256").digest()  # type: ignore[arg-type]  # an open file
        status = os.fstat(content.fileno())
        return cls(status.st_size, status.st_mtime_ns, digest)


def file_state(content: BinaryIO) -> FileState:
    """Return the state of a file that is about to be read.

    A second change within a tick of the system's clock does not alter the time of a file, so one
    that was written just now, or in the future, is hashed.
    """
    age = time.time_ns() - os.fstat(content.fileno()).st_mtime_ns
    return FileState.of(content, hashed=age < TICK)


def require_unchanged(path: Path, content: BinaryIO, before: FileState) -> None:
    """Raise WeightsError if an open file was written since: what was read may mix two files."""
    if FileState.of(content, hashed=before.content is not None) != before:
        raise WeightsError(
            f"{path} was changed while it was read: load it again when it is complete (a file that "
            "is put in place by renaming is never seen in part)"
        )


def open_both(path: Path) -> tuple[h5py.File, BinaryIO, FileState]:
    """Open a file twice, by HDF5 and as bytes; return both, and its state for `require_unchanged`.

    Both are the same file, even if it is being replaced. Raises WeightsError as
    `signature.open_hdf5` does, and for a file that is open for writing or damaged.
    """
    for _ in range(TRIES):
        content = _open_content(path)
        try:
            before = file_state(content)
            file = _open(path, content)
            with suppress(OSError):
                if os.path.samestat(os.fstat(content.fileno()), os.stat(path)):
                    return file, content, before
            file.close()
        except BaseException:
            content.close()
            raise
        content.close()
    raise WeightsError(f"{path} is replaced again and again; load it when that has ended")


def _open_content(path: Path) -> BinaryIO:
    try:
        return open_hdf5(path)
    except WeightsError as error:  # what h5py wrote may not be on the disk yet
        if "h5py" in sys.modules and _is_written_here(path):
            raise _being_written(path) from error
        raise


def _open(path: Path, content: BinaryIO) -> h5py.File:
    import h5py

    with as_weights_error(path):
        try:
            return h5py.File(path, "r", locking=False)
        except OSError as error:
            if _is_written_here(path):
                raise _being_written(path) from error
            require_unlocked(path, content)
            if "already open for write" in str(error):
                raise WeightsError(
                    f"{path} is marked as open for writing, by a process that was ended perhaps; "
                    "then 'h5clear -s FILE' removes the mark"
                ) from error
            if not _open_here(path):
                raise
            return h5py.File(path, "r")  # the locking must be the same as in the other handle


def require_unlocked(path: Path, content: BinaryIO) -> None:
    """Raise WeightsError if another process writes the file: HDF5 locks it then, on most systems.

    Call this for a file that cannot be read; one that can be read is read all the same.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(content.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WeightsError(
            f"{path} is open for writing in another process: close it there first, then load it"
        ) from error
    except OSError:
        return
    fcntl.flock(content.fileno(), fcntl.LOCK_UN)


def _open_here(path: Path) -> list[int]:
    """Return the modes in which this process has the file open already, by h5py.

    A dataset or a group keeps its file open even after the `h5py.File` itself is gone.
    """
    import h5py

    modes = []
    for opened in h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_ALL):
        with suppress(OSError, ValueError, RuntimeError):
            if os.path.samefile(h5py.h5f.get_name(opened), path):
                modes.append(h5py.h5i.get_file_id(opened).get_intent())
    return modes


def _is_written_here(path: Path) -> bool:
    import h5py

    return any(mode & h5py.h5f.ACC_RDWR for mode in _open_here(path))


def _being_written(path: Path) -> WeightsError:
    return WeightsError(f"{path} is open for writing by h5py: close it first, then load it")


@contextmanager
def as_weights_error(path: Path, tensor: str | None = None) -> Iterator[None]:
    """Turn any of the exceptions by which HDF5 reports damage into a WeightsError."""
    where = f"{path}: {quoted(tensor)}" if tensor else str(path)
    try:
        yield
    except FAULTS as error:
        if isinstance(error, NpfacenetError):
            raise
        if isinstance(error, MemoryError):
            raise WeightsError(f"{where} cannot be read: there is not enough memory") from error
        first_line = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise WeightsError(
            f"{where} cannot be read ({first_line[0]}); the file is damaged or incomplete: "
            "fetch or copy it again"
        ) from error
