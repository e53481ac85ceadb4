"""What a handler receives: the state of folding, and the layer to fold."""

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
    """A layer in its network: the tensors that it reads and writes, and its parameters."""

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
        """Return the name of the tensor that holds a node's output."""
        while name in self._same:
            name = self._same[name]
        return name

    def only_read_here(self, name: str) -> Operation | None:
        """Return the operation that writes a tensor, if only one node reads it; else None.

        If nothing else reads it, the operation may be replaced by one that computes more.
        """
        return self.operations.get(name) if self._readers[name] == 1 else None


def read_only(tensor: Array) -> Array:
    """Return a view of a caller's tensor in float32 that cannot be written to."""
    view = np.asarray(tensor, np.float32).view()
    view.flags.writeable = False
    return view


def owned(tensor: Array) -> Array:
    """Return a tensor that the plan may keep: a caller's is copied unless it cannot change.

    A part of a larger array is copied too, since it would keep that array in memory. A writable
    tensor was computed by the plan itself.
    """
    memory = memory_of(tensor)
    if tensor.flags.writeable or (memory and len(memory) <= tensor.nbytes):
        return tensor
    copied = aligned(tensor.shape)
    np.copyto(copied, tensor)
    return copied
