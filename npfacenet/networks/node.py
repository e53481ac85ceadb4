"""A layer at its place in a network, and the names of a network's parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TypeAlias

from npfacenet.layers import Array, Layer, ParameterSpec, Shape
from npfacenet.networks.open_shape import OpenShape, fixed

ParameterName: TypeAlias = tuple[str, str]
"""(node, parameter), such as ("conv1", "kernel")."""
NetworkParameters: TypeAlias = Mapping[ParameterName, Array]


@dataclass(frozen=True)
class Node:
    """A layer at its place in a network.

    `name` is the Keras name where the layer has weights; `inputs` are the names of the nodes that
    feed it; `block` is the part of the network that it belongs to: "" for none, "outer/inner" for a
    block within a block. Heights and widths in `open_input_shapes` and `open_output_shape` are
    None where the size of the picture is open. `parameters` are the layer's, by name.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    block: str
    open_input_shapes: tuple[OpenShape, ...]
    open_output_shape: OpenShape
    parameters: Mapping[str, ParameterSpec] = field(compare=False, repr=False)

    def without_blocks(self, cut: Collection[str]) -> Node:
        """Return the node outside of these blocks, which have lost their ends."""
        whole = list(takewhile(lambda block: block not in cut, self.blocks))
        return replace(self, block=whole[-1] if whole else "")

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs for one picture; ShapeError where its size is open."""
        return tuple(fixed(self.name, shape) for shape in self.open_input_shapes)

    @property
    def output_shape(self) -> Shape:
        """The shape of the output for one picture; ShapeError where its size is open."""
        return fixed(self.name, self.open_output_shape)

    @property
    def blocks(self) -> list[str]:
        """The blocks that the node belongs to, outermost first: ["outer", "outer/inner"]."""
        parts = self.block.split("/") if self.block else []
        return ["/".join(parts[: i + 1]) for i in range(len(parts))]


Observer: TypeAlias = Callable[[Node, Array], None]
