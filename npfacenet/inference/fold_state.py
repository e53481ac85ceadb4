"""The state of folding, which every handler sees, and what a handler is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from npfacenet.inference.arena import aligned
from npfacenet.inference.operation import Operation
from npfacenet.layers import Array, Layer
from npfacenet.networks.constant import memory_of
from npfacenet.networks.node import Node

AnyLayer = TypeVar("AnyLayer", bound=Layer)


@dataclass(frozen=True, eq=False)
class Site(Generic[AnyLayer]):
    """A layer where it stands: the tensors that it reads and writes, and its own parameters."""

    layer: AnyLayer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, Array]


class Folding:
    """The operations so far, by the tensor that they write.

    `same` maps the names of nodes that change nothing to their inputs. Tensors in `outputs` are
    read after the last operation.
    """

    def __init__(
        self, nodes: Sequence[Node], same: Mapping[str, str], outputs: Sequence[str]
    ) -> None:
        self.operations: dict[str, Operation] = {}
        self._same = same
        read = [name for node in nodes if node.name not in same for name in node.inputs]
        self._readers = Counter(map(self.name_of, [*read, *outputs]))

    def name_of(self, name: str) -> str:
        """Return the tensor that a node's output is."""
        while name in self._same:
            name = self._same[name]
        return name

    def only_read_here(self, name: str) -> Operation | None:
        """Return the operation that writes a tensor, if only one node reads it; else None.

        What nobody else reads may be replaced by something that is computed further.
        """
        return self.operations.get(name) if self._readers[name] == 1 else None


def read_only(tensor: Array) -> Array:
    """Return a view of a caller's tensor in float32 that cannot be written to."""
    view = np.asarray(tensor, np.float32).view()
    view.flags.writeable = False
    return view


def owned(tensor: Array) -> Array:
    """Return a tensor that the plan may keep: a caller's is copied, unless nobody can change it.

    It is copied also if it is a part of something larger, which it would keep in memory. A tensor
    that can be written to was computed by the plan.
    """
    memory = memory_of(tensor)
    if tensor.flags.writeable or (memory and len(memory) <= tensor.nbytes):
        return tensor
    copied = aligned(tensor.shape)
    np.copyto(copied, tensor)
    return copied
