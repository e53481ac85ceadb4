"""What every layout of weight files has in common: tensors by the names of the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from npfacenet.cards import Card
from npfacenet.layers import Array, Shape
from npfacenet.networks import Network, ParameterName


@dataclass(frozen=True)
class Tensor:
    """A tensor of which only the shape is known until `read` puts its numbers into an array.

    The array is float32, of that shape and without gaps. `checksum` is stated where the file
    states it, and then held by `read`.
    """

    shape: Shape
    read: Callable[[Array], None]
    checksum: str | None = None


class Layout(ABC):
    """An open weight file of one layout."""

    layout: ClassVar[str]
    path: Path

    @property
    def card(self) -> Card | None:
        """The card that the file itself carries; None for files of others."""
        return None

    @abstractmethod
    def tensors(self, network: Network) -> Mapping[ParameterName, Tensor]:
        """Every tensor of the file by the name that it would have in this network.

        Tensors that have no place in the network keep a name of their own. Raises
        WeightsError if the file contradicts itself.
        """
