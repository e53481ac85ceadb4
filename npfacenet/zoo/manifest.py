"""The manifest: which public weight files there are, and the packages they are taken from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.files import read_text
from npfacenet.threads import without_forks

Kind = Literal["wheel", "sdist"]
PACKAGED = "npfacenet-small"
"""The weights that come with the package, which are never fetched and so in no manifest.

This is the name of a file of weights, and not a fact about the network of the same name.
"""

LARGEST = 1 << 20  # bytes
_KINDS: Mapping[str, Kind] = {"wheel": "wheel", "sdist": "sdist"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PackageSource:
    """The Python package that carries a weight file: `member` is the file's path inside it."""

    name: str
    version: str
    kind: Kind
    size: int
    sha256: str
    member: str


@dataclass(frozen=True, slots=True)
class PublicWeights:
    """A public weight file: `size` in bytes and `sha256` are those of the file itself.

    `weights` are digests of the numbers in it (`fingerprint.py`), whatever the layout: those
    of the file, and those with kernels rounded to float16.
    """

    name: str
    file_name: str
    architecture: str
    outputs: int
    size: int
    sha256: str
    weights: tuple[str, ...]
    licence: str
    origin: str
    package: PackageSource


def is_name(text: str) -> bool:
    """Whether `text` could name weights: ASCII letters, digits and `.`, `_`, `-`.

    >>> is_name("nn4.small2"), is_name("../nn4"), is_name("")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None


def data_folders() -> tuple[Path, ...]:
    """Return the folders of the library's own weight files: in the package, in the checkout.

    The checkout's folder counts only where `pyproject.toml` stands beside it.
    """
    package = Path(__file__).resolve().parent.parent
    folders = [package / "weights"]
    if (package.parent / "pyproject.toml").is_file():
        folders.append(package.parent / "weights")
    return tuple(folders)


def manifest(path: Path | None = None) -> Mapping[str, PublicWeights]:
    """Read the manifest: every public weight file by its name, in the manifest's order.

    `path` is a manifest other than the library's own. Raises WeightsError if there is none,
    or if it is incomplete; the message names the file and the key.

    >>> manifest()["nn4.small2"].outputs
    128
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
    entries: dict[str, PublicWeights] = {}
    for number, table in enumerate(document["weights"], start=1):
        entry = _weights(_Table(table, f"{path}: [[weights]] number {number}"))
        if entry.name in entries:
            raise WeightsError(f"the manifest {path} lists {quoted(entry.name)} twice")
        entries[entry.name] = entry
    return entries


def public_weights(name: str) -> PublicWeights:
    """Return the manifest's entry of that name.

    Raises WeightsNotFoundError if it has none; the message lists the names it has.

    >>> public_weights("nn4.small").name
    Traceback (most recent call last):
    npfacenet.errors.WeightsNotFoundError: no public weights are called 'nn4.small'; did you mean \
'nn4.small2'? Known: nn4.small2, inception-resnet-v1, npfacenet-small
    """
    known = manifest()
    if name == PACKAGED:
        raise WeightsNotFoundError(
            f"{name!r} comes with npfacenet and is not fetched; 'npfacenet weights path {name}' "
            "says where it lies"
        )
    if name not in known:
        raise WeightsNotFoundError(
            f"no public weights are called {quoted(name)}; {known_names(name)}"
        )
    return known[name]


def known_names(name: str) -> str:
    """List the known names for a message, after the one that was probably meant."""
    with without_forks():
        from npfacenet.recipes.familiar_names import suggestion

    known = [*manifest(), PACKAGED]
    return f"{suggestion(name, known)}Known: {', '.join(known)}"


def _manifest_path() -> Path:
    paths = [folder / "manifest.toml" for folder in data_folders()]
    for path in paths:
        if path.is_file():
            return path
    raise WeightsError(
        f"the installation is incomplete: no {' or '.join(map(str, paths))}; reinstall npfacenet"
    )


class _Table:
    """A TOML table whose keys are removed one by one, so that unknown ones remain."""

    def __init__(self, table: object, where: str) -> None:
        if not isinstance(table, dict):
            raise WeightsError(f"{where} must be a table")
        self.where = where
        self._left: dict[str, object] = dict(table)

    def take(self, key: str) -> object:
        if key not in self._left:
            raise WeightsError(f"{self.where} lacks the key {quoted(key)}")
        return self._left.pop(key)

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise WeightsError(f"{self.where}: {key} must be a line of text, not {quoted(value)}")
        if pattern is not None and pattern.fullmatch(value) is None:
            raise WeightsError(
                f"{self.where}: {key} must match {pattern.pattern}, not {quoted(value)}"
            )
        return value

    def count(self, key: str) -> int:
        value = self.take(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise WeightsError(
                f"{self.where}: {key} must be a whole number above 0, not {quoted(value)}"
            )
        return value

    def hashes(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if not isinstance(value, list) or not all(_is_sha256(entry) for entry in value):
            raise WeightsError(
                f"{self.where}: {key} must be a list of SHA-256, not {quoted(value)}"
            )
        return tuple(value)

    def finish(self) -> None:
        if self._left:
            raise WeightsError(f"{self.where} has the unknown key {quoted(min(self._left))}")


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _weights(table: _Table) -> PublicWeights:
    name = table.text("name", _NAME)
    entry = PublicWeights(
        name=name,
        file_name=table.text("file_name"),
        architecture=table.text("architecture", _NAME),
        outputs=table.count("outputs"),
        size=table.count("size"),
        sha256=table.text("sha256", _SHA256),
        weights=table.hashes("weights"),
        licence=table.text("licence"),
        origin=table.text("origin"),
        package=_package(_Table(table.take("package"), f"{table.where} [package]")),
    )
    # The look-up has only the name, and must find the file that was fetched under it.
    if entry.file_name != f"{name}.h5":
        raise WeightsError(
            f"{table.where}: file_name must be '{name}.h5', not {quoted(entry.file_name)}"
        )
    table.finish()
    return entry


def _package(table: _Table) -> PackageSource:
    kind = table.text("kind")
    if kind not in _KINDS:
        raise WeightsError(f"{table.where}: kind must be 'wheel' or 'sdist', not {quoted(kind)}")
    source = PackageSource(
        name=table.text("name", _NAME),
        version=table.text("version", _NAME),
        kind=_KINDS[kind],
        size=table.count("size"),
        sha256=table.text("sha256", _SHA256),
        member=table.text("member"),
    )
    table.finish()
    return source
