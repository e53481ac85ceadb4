"""What a layout is: how the arrays of a container are called, and which parameters they are.

A layout says whether a container is of its kind, and gives its arrays the names, and the order of
axes, that they have in a network. Which network that is, `matching.py` finds out. `layouts.py`
lists all layouts, and those that are written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from npfacenet.cards import Card
from npfacenet.checkpoints.container import Container, Entry
from npfacenet.errors import WeightsError, printable
from npfacenet.layers import Array, Shape
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName

LONGEST_NAME = 80


@dataclass(frozen=True)
class Tensor:
    """A tensor of which only the shape is known until `read` fills an array with its numbers.

    The array is float32, of that shape and without gaps. `checksum` is stated where the file
    states it, and then checked by `read`.
    """

    shape: Shape
    read: Callable[[Array], None]
    checksum: str | None = None


def tensor_of(entry: Entry, path: Path) -> Tensor:
    """Return an entry that is a tensor as it stands; WeightsError if it cannot be one."""
    if entry.dtype.kind != "f":
        raise WeightsError(f"{path}: {entry.name!r} holds bytes, not numbers")
    if entry.shape is None:
        raise WeightsError(f"{path}: {entry.name!r} states no shape")
    return Tensor(entry.shape, entry.read)


def shown(name: ParameterName) -> str:
    """Return a name from a file as messages show it: one short line, printable."""
    return printable("/".join(filter(None, name))[:LONGEST_NAME])[:LONGEST_NAME]


class Layout(ABC):
    """The arrays of one open container, by the names of a network."""

    name: ClassVar[str]
    limits: ClassVar[str] = ""
    """What is read of files in this layout, for messages about one that holds no known network."""
    path: Path

    @abstractmethod
    def __init__(self, container: Container) -> None:
        """List the container's arrays; WeightsError if it is not as the layout wants it."""

    @classmethod
    @abstractmethod
    def recognises(cls, container: Container) -> bool:
        """Whether a container is of this layout, by a few names."""

    @property
    def card(self) -> Card | None:
        """The card that the file itself carries; None in other people's layouts."""
        return None

    @property
    def graph(self) -> object | None:
        """The network that the file itself describes, as `npfacenet.networks.graph` writes it.

        None in layouts that hold numbers only. Nothing in it has been checked.
        """
        return None

    @abstractmethod
    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return every tensor of the file by the name that it would have in this network.

        `other_names` (`Recipe.other_names`) is for layouts that find a tensor by its layer; one
        that names its tensors itself leaves them to `matching.py`. Tensors that have no place in
        the network keep a name of their own. Raises WeightsError if the file contradicts itself.
        """


@dataclass(frozen=True)
class Contents:
    """What a weight file is written from; `half` asks for kernels in half precision."""

    network: Network[Outputs]
    parameters: NetworkParameters
    card: Card
    half: bool = False


@dataclass(frozen=True)
class Writer:
    """How files of one layout are written.

    `suffixes` are those that its files may have, `any_case` in capitals too. `taken_for` maps
    suffixes under which readers take a file for one of another layout to that layout.
    `stores_half` says whether it can hold kernels in half precision, `keeps_card` whether it holds
    the card. `write` raises OutputError if the file cannot be written.
    """

    layout: str
    suffixes: tuple[str, ...]
    write: Callable[[Path, Contents], None] = field(repr=False)
    any_case: bool = False
    taken_for: Mapping[str, str] = field(default_factory=dict, repr=False)
    stores_half: bool = False
    keeps_card: bool = False
