"""Adding your own weight files to the cache, so that they can be loaded by name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeAlias

from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.isolation import read_isolated
from npfacenet.checkpoints.onnx_order import MtcnnOnnx, OnnxInOrder
from npfacenet.checkpoints.opening import FileState, file_state, require_unchanged
from npfacenet.checkpoints.reading import Checkpoint, read_checkpoint
from npfacenet.checkpoints.signature import open_weights
from npfacenet.errors import ArgumentError, FetchError, NpfacenetError, WeightsError, quoted
from npfacenet.files.atomic import place_verified, writing_in
from npfacenet.progress import Progress
from npfacenet.zoo.downloading import download, name_in, require_address
from npfacenet.zoo.lookup import cache_folder, network_file
from npfacenet.zoo.manifest import is_name, manifest
from npfacenet.zoo.own_layout import (
    fault_of,
    kept_files,
    place_together,
    read_network,
    write_own,
)
from npfacenet.zoo.packaged import packaged
from npfacenet.zoo.public import Public, PublicDetector, PublicWeights

LONGEST_NAME = 200
Remark: TypeAlias = Callable[[str], None]


def add(path: Path, name: str | None = None, *, remark: Remark | None = None) -> Path:
    """Copy a weight file, or the folder of a detector's networks, into the cache.

    Returns its path there.

    A file whose hash the manifest lists takes the manifest's name; any other must hold a known
    network, which a child process checks, and takes `name` or its own. A network of a detector that
    no package carries takes the detector's name unless `name` is given. An ONNX file is not copied,
    but written in the library's own layout. A folder must hold the public networks of a detector,
    and takes the detector's name. The numbers of a public file in another layout may take its name;
    `remark` is called with a sentence that says so if they take another. Raises WeightsError for a
    file that cannot be used, ArgumentError for a name that is invalid or taken by the manifest,
    OutputError if the cache cannot be written.
    """
    if os.path.isdir(path):  # False for names that no path can have, where is_dir raises
        return _add_folder(path, name)
    with open_weights(path) as file:  # what is hashed, and what is copied
        opened = file_state(file)
        sha256 = _sha256_of(file, path)
        known = [entry.name for entry in manifest().values() if is_file_of(entry, sha256)]
        if known:
            name = known[0]
        else:
            _require_possible(name)
            checkpoint = read_isolated(path)
            _require_same(path, file, opened)
            public = _public_name(checkpoint)
            if name is None or name != public:
                name = name_for(checkpoint, path.name, name)
            if public is not None and name != public and remark is not None:
                remark(
                    f"these are the weights of {public} in another file; to have them found by "
                    f"that name, add them with --name {public}"
                )
            if is_onnx(checkpoint):
                return keep(checkpoint, cache_folder() / f"{name}.h5")
        target = cache_folder() / f"{name}.h5"
        _require_free(target, sha256)
        file.seek(0)
        with _reading(path):
            return place_verified(file, target, size=opened.size, sha256=sha256)


def _add_folder(folder: Path, name: str | None) -> Path:
    """Keep the networks of a detector that lie in a folder; return the folder that holds them."""
    several = [
        entry
        for entry in manifest().values()
        if isinstance(entry, PublicDetector) and len(entry.networks) > 1
    ]
    files: dict[str, Path] = {}
    for detector in several:
        found = {network.file_name: network_file(network, folder) for network in detector.networks}
        files = {file_name: path for file_name, path in found.items() if path is not None}
        if len(files) == len(found):
            break
    else:
        needed = [f"{e.name}: {', '.join(Path(m).name for m in e.members)}" for e in several]
        raise WeightsError(
            f"{folder} is a folder, not a weight file, and lacks networks of a detector "
            f"({'; '.join(needed)}); name a file"
        )
    if name not in (None, detector.name):
        raise ArgumentError(
            f"these networks are kept as {detector.name}, not as {quoted(name)}: leave out --name"
        )
    target = cache_folder() / detector.file_name
    if os.path.lexists(target):
        if fault_of(target, detector) is None:
            return target
        raise _taken(target)
    with TemporaryDirectory(prefix="npfacenet-", ignore_cleanup_errors=True) as workspace:
        written = []
        for path, network in kept_files(target, detector).items():
            own = Path(workspace, network.file_name)
            write_own(read_network(files[network.file_name], network, read_isolated), own)
            written.append((own, path))
        place_together(written)
    return target


def _public_name(checkpoint: Checkpoint) -> str | None:
    """Return the name of the public file that has these numbers, if there is one."""
    digest = weights_digest(checkpoint.parameters)
    known = [e for e in manifest().values() if isinstance(e, PublicWeights) and digest in e.weights]
    return known[0].name if known else None


def fetch_url(
    url: str, sha256: str, *, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Download a weight file from an https address into `folder` (else the cache), and check it.

    It must have this sha256 and hold a known network, which a child process checks; otherwise it
    is removed. Raises FetchError, WeightsError, ArgumentError and OutputError as `download` and
    `add` do.
    """
    require_address(url, sha256)
    name = name_in(url)
    if not _is_brought(name):
        free_name(name)
    target = (cache_folder() if folder is None else folder) / f"{name}.h5"
    _require_free(target, sha256)
    arriving = target.with_name(f".{name}.unchecked")
    download(url, arriving, sha256=sha256, progress=progress)
    try:
        checkpoint = read_isolated(arriving)
        target = target.with_name(f"{name_for(checkpoint, name, None)}.h5")
        if is_onnx(checkpoint):
            return keep(checkpoint, target)
        _require_free(target, sha256)
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)
    return target


def is_file_of(entry: Public, sha256: str) -> bool:
    """Whether a file of this hash is what fetching the entry leaves in the cache, as it is."""
    return isinstance(entry, PublicWeights) and entry.sha256 == sha256


def is_onnx(checkpoint: Checkpoint) -> bool:
    """Whether it was read from an ONNX file."""
    return checkpoint.layout in (OnnxInOrder.name, MtcnnOnnx.name)


def keep(checkpoint: Checkpoint, target: Path) -> Path:
    """Write what was read in the library's own layout; return `target`.

    Raises ArgumentError if other weights lie there.
    """
    if os.path.lexists(target):
        digest = weights_digest(checkpoint.parameters)
        with suppress(WeightsError):
            if weights_digest(read_checkpoint(target).parameters) == digest:
                return target
        raise _taken(target)
    with writing_in(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    write_own(checkpoint, target)
    return target


def name_for(checkpoint: Checkpoint, file_name: str, name: str | None) -> str:
    """Return the name under which a file is kept: `name`, or its detector's, or its own."""
    architecture = checkpoint.recipe.architecture
    if _is_brought(architecture) and name in (None, architecture):
        return architecture
    return free_name(name_in(file_name) if name is None else name)


def _is_brought(name: str) -> bool:
    """Whether this is the name of a detector whose weights no package carries."""
    entry = manifest().get(name)
    return isinstance(entry, PublicDetector) and entry.package is None


def _require_possible(name: str | None) -> None:
    """Raise ArgumentError for a name that no file could take, before anything is read."""
    if name is None or _is_brought(name) or isinstance(manifest().get(name), PublicWeights):
        return
    free_name(name)


def free_name(name: str) -> str:
    """Return the name itself; ArgumentError if it is invalid, or that of another file."""
    if not is_name(name) or len(name) > LONGEST_NAME:
        raise ArgumentError(
            f"{quoted(name)} cannot be the name of weights: at most {LONGEST_NAME} ASCII letters, "
            "digits, '.', '_' and '-' only; give another with --name"
        )
    if name.lower().endswith(".h5"):
        raise ArgumentError(f"{quoted(name)} would be taken for a path; leave out '.h5'")
    own = packaged(name) is not None
    if own or name in manifest():
        kind = "the package's own" if own else "a public"
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
    raise _taken(target)


def _taken(target: Path) -> ArgumentError:
    return ArgumentError(
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
