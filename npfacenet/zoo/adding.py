"""Adding your own weight files to the cache, so that they can be loaded by name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.opening import FileState, file_state, require_unchanged
from npfacenet.checkpoints.signature import open_weights
from npfacenet.errors import ArgumentError, FetchError, NpfacenetError, WeightsError, quoted
from npfacenet.files.atomic import place_verified
from npfacenet.progress import Progress
from npfacenet.zoo.downloading import download, name_in, require_address
from npfacenet.zoo.lookup import cache_folder
from npfacenet.zoo.manifest import PACKAGED, is_name, manifest

LONGEST_NAME = 200


def add(path: Path, name: str | None = None) -> Path:
    """Copy a weight file into the cache; return its path there.

    A file whose hash the manifest lists takes the manifest's name; any other must hold a known
    network, which a child process checks, and takes `name` or its own. Raises WeightsError
    for a file that cannot be used, ArgumentError for a name that is invalid or taken by the
    manifest, OutputError if the cache cannot be written.
    """
    with open_weights(path) as file:  # what is hashed, and what is copied
        opened = file_state(file)
        sha256 = _sha256_of(file, path)
        known = [entry for entry in manifest().values() if entry.sha256 == sha256]
        if known:
            name = known[0].name
        else:
            name = free_name(name_in(path.name) if name is None else name)
            read_isolated(path)
            _require_same(path, file, opened)
        target = cache_folder() / f"{name}.h5"
        _require_free(target, sha256)
        file.seek(0)
        with _reading(path):
            return place_verified(file, target, size=opened.size, sha256=sha256)


def fetch_url(
    url: str, sha256: str, *, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Download a weight file from an https address into `folder` (else the cache), and check it.

    It must have this sha256 and hold a known network, which a child process checks; otherwise it
    is removed. Raises FetchError, WeightsError, ArgumentError and OutputError as `download` and
    `add` do.
    """
    require_address(url, sha256)
    name = free_name(name_in(url))
    target = (cache_folder() if folder is None else folder) / f"{name}.h5"
    _require_free(target, sha256)
    arriving = target.with_name(f".{name}.unchecked")
    download(url, arriving, sha256=sha256, progress=progress)
    try:
        read_isolated(arriving)
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)
    return target


def free_name(name: str) -> str:
    """Return the name itself; ArgumentError if it is invalid, or that of another file."""
    if not is_name(name) or len(name) > LONGEST_NAME:
        raise ArgumentError(
            f"{quoted(name)} cannot be the name of weights: at most {LONGEST_NAME} ASCII letters, "
            "digits, '.', '_' and '-' only; give another with --name"
        )
    if name.lower().endswith(".h5"):
        raise ArgumentError(f"{quoted(name)} would be taken for a path; leave out '.h5'")
    if name in manifest() or name == PACKAGED:
        kind = "the package's own" if name == PACKAGED else "a public"
        raise ArgumentError(f"{name!r} is the name of {kind} file; choose another")
    return name


def _require_same(path: Path, file: BinaryIO, opened: FileState) -> None:
    """Raise WeightsError unless the path still leads to the open file, and that is unchanged."""
    require_unchanged(path, file, opened)
    with suppress(OSError):
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return
    raise WeightsError(f"{path} was changed while it was looked at; try again")


def _require_free(target: Path, sha256: str) -> None:
    """Raise ArgumentError if other weights have the name already."""
    if not os.path.lexists(target):
        return
    with suppress(WeightsError), open_weights(target) as file:
        if _sha256_of(file, target) == sha256.lower():
            return
    raise ArgumentError(
        f"{target} holds other weights, or is not a file; choose another name, or remove it"
    )


def _sha256_of(file: BinaryIO, path: Path) -> str:
    file.seek(0)
    with _reading(path):
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # an open file


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn faults of the disk, and of a file that grows or shrinks meanwhile, into WeightsError."""
    try:
        yield
    except FetchError as error:
        raise WeightsError(f"{path} was changed while it was copied: {error}; try again") from error
    except OSError as error:
        if isinstance(error, NpfacenetError):
            raise
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
