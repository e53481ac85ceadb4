"""Taking weight files of the user's into the cache, so that they have a name."""

from __future__ import annotations

import hashlib
from pathlib import Path

from npfacenet.checkpoints.downloading import download, name_in
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.lookup import cache_folder
from npfacenet.checkpoints.manifest import PACKAGED, is_name, manifest
from npfacenet.checkpoints.placing import Report, place_verified
from npfacenet.errors import ArgumentError, WeightsError


def add(path: Path, name: str | None = None) -> Path:
    """Copy a weight file into the cache; returns where it is now.

    A file whose hash the manifest knows takes the manifest's name; any other must hold a known
    network, which a child process finds out, and takes `name` or its own. Raises WeightsError
    for a file that cannot be used, ArgumentError for a name that cannot be or is taken by the
    manifest.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is not a file; a folder is used by its path")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    known = [entry for entry in manifest().values() if entry.sha256 == sha256]
    if known:
        name = known[0].name
    else:
        read_isolated(path)
        name = free_name(name_in(path.name) if name is None else name)
    target = cache_folder() / f"{name}.h5"
    _require_free(target, sha256)
    with path.open("rb") as file:
        return place_verified(file, target, size=path.stat().st_size, sha256=sha256)


def fetch_url(
    url: str, sha256: str, *, folder: Path | None = None, progress: Report | None = None
) -> Path:
    """Download a weight file from an https address into `folder` (else the cache), and check it.

    It must have this sha256 and hold a known network, which a child process finds out; what
    does not is removed. Raises FetchError, WeightsError, ArgumentError and OutputError as
    `download` and `add`.
    """
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
    """The name itself; ArgumentError if it is none, or that of a public or packaged file."""
    if not is_name(name):
        raise ArgumentError(
            f"{name!r} cannot be the name of weights: ASCII letters, digits, '.', '_' and '-' only"
        )
    if name in manifest() or name == PACKAGED:
        kind = "the package's own" if name == PACKAGED else "a public"
        raise ArgumentError(f"{name!r} is the name of {kind} file; choose another")
    return name


def _require_free(target: Path, sha256: str) -> None:
    """Raise ArgumentError if other weights bear the name already."""
    if not target.is_file():
        return
    with target.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256.lower():
            raise ArgumentError(
                f"{target} holds other weights; choose another name, or remove that file"
            )
