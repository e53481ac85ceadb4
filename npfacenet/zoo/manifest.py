"""The manifest: which public weight files there are, and the packages they are taken from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.files import read_text
from npfacenet.threads import without_forks
from npfacenet.zoo.manifest_entries import NAME, Table, entry_of
from npfacenet.zoo.packaged import PACKAGED, packaged
from npfacenet.zoo.public import Public, PublicDetector

LARGEST = 1 << 20  # bytes


def is_name(text: str) -> bool:
    """Whether `text` could name weights: ASCII letters, digits and `.`, `_`, `-`.

    >>> is_name("nn4.small2"), is_name("../nn4"), is_name("")
    (True, False, False)
    """
    return NAME.fullmatch(text) is not None


def data_folders() -> tuple[Path, ...]:
    """Return the folders of the library's own weight files: in the package, in the checkout.

    The checkout's folder counts only where `pyproject.toml` stands beside it.
    """
    package = Path(__file__).resolve().parent.parent
    folders = [package / "weights"]
    if (package.parent / "pyproject.toml").is_file():
        folders.append(package.parent / "weights")
    return tuple(folders)


def manifest(path: Path | None = None) -> Mapping[str, Public]:
    """Read the manifest: every public weight file by its name, in the manifest's order.

    `path` is a manifest other than the library's own. Raises WeightsError if there is none,
    or if it is incomplete; the message names the file and the key.

    >>> manifest()["nn4.small2"].architecture, manifest()["mtcnn"].file_name
    ('nn4.small2', 'mtcnn')
    """
    with without_forks():
        import tomllib  # finding a file by its path needs none of it

    path = _manifest_path() if path is None else path
    text = read_text(path, what="the manifest", error=WeightsError, largest=LARGEST)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the manifest {path} is not valid TOML: {error}") from error
    if set(document) != {"weights"} or not isinstance(document["weights"], list):
        raise WeightsError(f"the manifest {path} must consist of [[weights]] tables")
    entries: dict[str, Public] = {}
    for number, table in enumerate(document["weights"], start=1):
        entry = entry_of(Table(table, f"{path}: [[weights]] number {number}"))
        if entry.name in entries:
            raise WeightsError(f"the manifest {path} lists {quoted(entry.name)} twice")
        entries[entry.name] = entry
    return entries


def public_weights(name: str) -> Public:
    """Return the manifest's entry of that name.

    Raises WeightsNotFoundError if it has none; the message lists the names it has.

    >>> public_weights("nn4.small").name
    Traceback (most recent call last):
    npfacenet.errors.WeightsNotFoundError: no public weights are called 'nn4.small'; did you mean \
'nn4.small2'? Known: nn4.small2, inception-resnet-v1, mtcnn, yunet, npfacenet-small, finder
    """
    known = manifest()
    if packaged(name) is not None:
        raise WeightsNotFoundError(
            f"{name!r} comes with npfacenet and is not fetched; 'npfacenet weights path {name}' "
            "says where it lies"
        )
    if name not in known:
        raise WeightsNotFoundError(
            f"no public weights are called {quoted(name)}; {known_names(name)}"
        )
    return known[name]


def detector_weights(name: str) -> tuple[tuple[str, ...], ...] | None:
    """Return the digests of the weights that a detector's name stands for, by network.

    Networks are in the order of their file names; any of its digests will do for each. None for a
    name that is in no manifest and does not come with the package, and an empty tuple for one that
    is not a detector's. The name of a packaged detector is answered without reading a file.

    >>> len(detector_weights("mtcnn")), len(detector_weights("finder")), detector_weights("mine")
    (3, 1, None)
    """
    own = PACKAGED.get(name)
    if own is not None:
        return () if own.weights is None else ((own.weights,),)
    public = manifest().get(name)
    if isinstance(public, PublicDetector):
        networks = sorted(public.networks, key=lambda each: each.file_name)
        return tuple(network.weights for network in networks)
    return None if public is None else ()


def known_names(name: str) -> str:
    """List the known names for a message, after the one that was probably meant."""
    with without_forks():
        from npfacenet.recipes.familiar_names import suggestion

    known = [*manifest(), *PACKAGED]
    return f"{suggestion(name, known)}Known: {', '.join(known)}"


def _manifest_path() -> Path:
    paths = [folder / "manifest.toml" for folder in data_folders()]
    for path in paths:
        if path.is_file():
            return path
    raise WeightsError(
        f"the installation is incomplete: no {' or '.join(map(str, paths))}; reinstall npfacenet"
    )
