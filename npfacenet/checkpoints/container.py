"""What a container is: a file or folder of named arrays, whatever they mean.

A container knows no networks. It lists its arrays, with what can be said of each before it is
read, and reads those that a layout (`layout.py`) asks for. `containers.py` lists all containers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Shape

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Entry:
    """One array of a container, of which nothing has been read.

    `shape` is None where only reading tells it. `read` fills an array of that shape, without
    gaps, converting to its dtype; where the shape is unknown it takes any, and raises unless
    there are exactly as many numbers. `read_part` fills an array of the entry's own dtype with
    the numbers from a start on; None unless they lie in the file in one piece. Both raise
    WeightsError for what cannot be read.
    """

    name: str
    shape: Shape | None
    dtype: np.dtype[np.generic]
    read: Callable[[npt.NDArray[np.generic]], None] = field(repr=False, compare=False)
    read_part: Callable[[int, npt.NDArray[np.generic]], None] | None = field(
        default=None, repr=False, compare=False
    )

    def read_as(self, dtype: np.dtype[T]) -> npt.NDArray[T]:
        """Return the content, converted to a dtype; for entries whose shape is known."""
        content = np.empty(() if self.shape is None else self.shape, dtype)
        self.read(content)
        return content


class Container(ABC):
    """An open file or folder of named arrays.

    `kind` is what messages call it; `unrecognised` ends the message about one in no known layout.
    """

    kind: ClassVar[str]
    unrecognised: ClassVar[str] = "but in no layout of weights that is known"
    path: Path

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Whether what lies at the path is a container of this kind, by a first look."""

    @classmethod
    @abstractmethod
    def open(cls, path: Path) -> AbstractContextManager[Container]:
        """Open it for reading.

        Raises WeightsError, naming the file and the remedy, for what cannot be one after all.
        """

    @abstractmethod
    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Entry]:
        """Return every array below a group ("" for all), in the container's order.

        Names are paths from the root, with slashes. What `skip` returns True for is not looked
        at, nor what lies below it. Raises WeightsError for what no weight file needs.
        """

    @abstractmethod
    def has_entry(self, name: str) -> bool:
        """Whether the root holds an array of this name; looks at nothing else."""

    def has_group(self, path: str) -> bool:
        """Whether there is a group at this path; never in containers without groups."""
        return False

    def has_attribute(self, group: str, name: str) -> bool:
        """Whether the group at this path has an attribute; never in containers without them."""
        return False
