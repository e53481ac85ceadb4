"""Opening an HDF5 file, as HDF5 sees it and as bytes, and telling what is wrong with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from npfacenet.checkpoints.signature import open_hdf5
from npfacenet.errors import NpfacenetError, WeightsError, quoted

if TYPE_CHECKING:
    import h5py

TRIES = 5  # to open a file that is replaced all the time
FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)


def open_both(path: Path) -> tuple[h5py.File, BinaryIO, os.stat_result]:
    """The file as HDF5 sees it, as bytes, and how it was before that: for `require_unchanged`.

    Both are the same file, though it may be replaced just now. Raises WeightsError as
    `signature.open_hdf5`, and for a file that is open for writing or damaged.
    """
    for _ in range(TRIES):
        content = _open_content(path)
        try:
            before = os.fstat(content.fileno())
            file = _open(path)
            with suppress(OSError):
                if os.path.samestat(before, os.stat(path)):
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


def _open(path: Path) -> h5py.File:
    import h5py

    with as_weights_error(path):
        try:
            return h5py.File(path, "r", locking=False)
        except OSError as error:
            if _is_written_here(path):
                raise _being_written(path) from error
            if "already open for write" in str(error):
                raise WeightsError(
                    f"{path} is marked as open for writing: close it in the process that writes "
                    "it; if that was ended, 'h5clear -s FILE' removes the mark"
                ) from error
            if not _open_here(path):
                raise
            return h5py.File(path, "r")  # the locking must be that of whoever has it open


def _open_here(path: Path) -> list[int]:
    """How this process has the file open already, by h5py."""
    import h5py

    modes = []
    for opened in h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE):
        with suppress(OSError, ValueError):
            if os.path.samefile(h5py.h5f.get_name(opened), path):
                modes.append(opened.get_intent())
    return modes


def _is_written_here(path: Path) -> bool:
    import h5py

    return any(mode & h5py.h5f.ACC_RDWR for mode in _open_here(path))


def _being_written(path: Path) -> WeightsError:
    return WeightsError(f"{path} is open for writing by h5py: close it first, then load it")


def require_unchanged(path: Path, content: BinaryIO, before: os.stat_result) -> None:
    """Raise WeightsError if an open file is not as `before`: what was read may be of two files."""
    now = os.fstat(content.fileno())
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise WeightsError(
            f"{path} was changed while it was read: load it again when it is complete (a file that "
            "is put in place by renaming is never seen in part)"
        )


@contextmanager
def as_weights_error(path: Path, tensor: str | None = None) -> Iterator[None]:
    """HDF5 reports damage in any of several exceptions; here they become one of ours."""
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
