"""Files that appear whole and verified, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from npfacenet.errors import FetchError, NpfacenetError, OutputError, quoted
from npfacenet.files.unfinished import closing, new_partial
from npfacenet.progress import Progress, silent

_CHUNK = 1 << 20
_REMEDIES = {
    errno.ENOENT: "create it first, or choose another folder",
    errno.ENOTDIR: "a file is in its place: choose another folder",
    errno.EEXIST: "a file is in its place: choose another folder",
    errno.EACCES: "you may not write there: change its permissions, or choose another folder",
    errno.EPERM: "you may not write there: change its permissions, or choose another folder",
    errno.EROFS: "it can only be read: choose another folder",
    errno.ENOSPC: "make room there, or choose another folder",
    errno.EDQUOT: "make room there, or choose another folder",
    errno.EFBIG: "make room there, or choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def atomic_file(target: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """Yield a file to write, which gets its name in one step if the block ends without an error.

    Each writer has a hidden file of its own beside `target`, so two at a time do not collide; it
    is flushed to the disk. On any error, an interrupt included, that file is removed and `target`
    stays as it was; the next writer of the same target removes the file of a killed process
    (`unfinished.py`). Only its owner may read a `private` file. A link is followed. Raises
    OutputError if the file cannot be written, and for a target that is a folder, a device or a
    pipe.
    """
    target = real_target(target)
    with writing_in(target.parent):
        file = new_partial(target)
    partial = Path(file.name)
    while_open = os.name != "nt"  # and so while it is locked; Windows does not rename open files
    with _removed_on_error(partial, really=not while_open):
        with closing(file), _removed_on_error(partial, really=while_open):
            if private and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)
            yield file
            with writing_in(target.parent):
                file.flush()
                os.fsync(file.fileno())
                if while_open:
                    partial.replace(target)
        if not while_open:
            with writing_in(target.parent):
                partial.replace(target)


@contextmanager
def _removed_on_error(path: Path, *, really: bool) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if really:
            with suppress(OSError):
                path.unlink()
        raise


def place_verified(
    stream: IO[bytes], target: Path, *, size: int, sha256: str, progress: Progress | None = None
) -> Path:
    """Copy a stream to `target`, which appears only if size and hash are right; return `target`.

    At most one byte more than `size` is read. Folders are made as needed. Raises FetchError for
    wrong bytes, OutputError if the folder cannot be written, and whatever reading the stream
    raises.
    """
    report = silent if progress is None else progress
    digest = hashlib.sha256()
    done = 0
    require_possible(target)
    with writing_in(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as file:
        while chunk := stream.read(min(_CHUNK, size + 1 - done)):
            done += len(chunk)
            if done > size:
                raise FetchError(f"what {target.name} is made from has over {size} bytes")
            digest.update(chunk)
            with writing_in(target.parent):
                file.write(chunk)
            report(f"writing {target.name}", done, size)
        fault = _difference(done, size, digest.hexdigest(), sha256)
        if fault is not None:
            raise FetchError(f"what {target.name} is made from {fault}; nothing was kept")
    return target


def deviation(path: Path, *, size: int, sha256: str) -> str | None:
    """Say how a file differs from this size and hash ("has 3 bytes instead of 4"), or None.

    >>> deviation(Path(__file__).parent, size=3, sha256="0" * 64)
    'is not a file'
    """
    if not os.path.isfile(path):
        return "is not a file"
    try:
        with path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            found = hashlib.file_digest(file, "sha256").hexdigest() if length == size else ""
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return _difference(length, size, found, sha256)


def require_possible(target: Path) -> None:
    """Raise OutputError for a path that cannot name a file, whatever lies there."""
    try:
        name = os.fsencode(target)
    except UnicodeEncodeError:
        name = b"\0"
    if b"\0" in name or not target.name:
        raise OutputError(f"{quoted(str(target))} cannot name a file; choose another name")


def real_target(target: Path) -> Path:
    """Return the file that a path leads to, links followed; OutputError if it cannot be one."""
    require_possible(target)
    with writing_in(target.parent):
        real = Path(os.path.realpath(target))
        exists = os.path.lexists(real)
        if exists and not real.is_file():
            raise OutputError(
                f"{quoted(str(target))} is a folder, a device or a pipe, not a file to write"
            )
    return real


def require_writable(target: Path) -> None:
    """Raise OutputError unless a file can be written there; for a check before long work."""
    real = real_target(target)
    with writing_in(real.parent), tempfile.TemporaryFile(dir=real.parent):
        pass


@contextmanager
def writing_in(folder: Path) -> Iterator[None]:
    """Turn errors of writing into an OutputError that names the folder."""
    try:
        yield
    except OSError as error:
        if isinstance(error, NpfacenetError):
            raise
        remedy = _REMEDIES.get(error.errno or 0, "choose another folder")
        raise OutputError(
            f"cannot write in the folder {quoted(str(folder))}: {error.strerror or error}; {remedy}"
        ) from error


def _difference(found_size: int, size: int, found: str, sha256: str) -> str | None:
    if found_size != size:
        return f"has {found_size} bytes instead of {size}"
    return None if found == sha256 else f"has the sha256 {found} instead of {sha256}"
