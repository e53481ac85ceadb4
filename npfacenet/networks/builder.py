"""Building a network layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import overload

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, ShapeError, listed, quoted
from npfacenet.layers import Layer
from npfacenet.networks.network import Network
from npfacenet.networks.node import Node
from npfacenet.networks.open_shape import OpenShape
from npfacenet.networks.outputs import Outputs, accepted_outputs, unneeded
from npfacenet.networks.shape_inference import ShapeInference


class Builder:
    """Collects named layers; shapes are worked out, and refused, as each one is added.

    >>> from npfacenet.layers import Convolution, ReLU
    >>> build = Builder("tiny", input_shape=(8, 8, 3))
    >>> x = build.add("conv1", Convolution(4, size=3), build.input)
    >>> x = build.add("relu1", ReLU(), x)
    >>> build.network().output_shape
    (6, 6, 4)

    None stands for any height or width; such a network is tried at multiples of 4,096 pixels, where
    branches that halve a picture in different ways must meet. It may have several outputs:

    >>> build = Builder("heads", input_shape=(None, None, 3))
    >>> x = build.add("conv1", Convolution(4, size=3), build.input)
    >>> score = build.add("score", Convolution(1, size=1), x)
    >>> box = build.add("box", Convolution(4, size=1), x)
    >>> build.network(outputs=[score, box]).output_shapes
    {'score': (None, None, 1), 'box': (None, None, 4)}

    Raises ShapeError for anything but a shape.
    """

    def __init__(self, name: str, input_shape: OpenShape) -> None:
        if not isinstance(name, str):
            raise ArgumentError(f"a network's name is a text, not {quoted(name)}")
        self.name = name
        self.input = Network.INPUT
        self._shapes = ShapeInference(name, input_shape)
        self._nodes: dict[str, Node] = {}
        self._block = ""

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """Put what is added inside into this block, whose output is that of its last node.

        A block within a block is called "outer/inner".
        """
        if not isinstance(name, str):
            raise ArgumentError(f"a block's name is a text, not {quoted(name)}")
        outer = self._block
        self._block = f"{outer}/{name}" if outer else name
        try:
            yield
        finally:
            self._block = outer

    def add(self, name: str, layer: Layer, *inputs: str) -> str:
        """Add a layer that takes the outputs of the named nodes; returns its name.

        Raises ArgumentError for a name that is taken or unknown and for what is not a layer, and
        ShapeError, naming the node, for inputs that do not fit and, where the picture's size is
        open, for a layer whose parameters depend on it.
        """
        if not all((isinstance(name, str), isinstance(layer, Layer))):
            raise ArgumentError(
                f"{self.name}: add a name and a Layer, not {quoted(name)} and {quoted(layer)}"
            )
        if not all(isinstance(i, str) for i in inputs):
            raise ArgumentError(
                f"{name!r} of {self.name} takes names of nodes, not {quoted(inputs)}"
            )
        if name in self._shapes:
            raise ArgumentError(f"{self.name} has two nodes called {name!r}")
        if unknown := [i for i in inputs if i not in self._shapes]:
            raise ArgumentError(f"{name!r} of {self.name} takes unknown inputs {unknown}")
        self._nodes[name] = self._shapes.node(name, layer, inputs, self._block)
        return name

    def shape(self, name: str) -> OpenShape:
        """Return the output shape of the node with this name; ArgumentError if there is none."""
        if not is_one_of(name, self.input, *self._nodes):
            raise ArgumentError(f"{self.name} has no node called {quoted(name)}")
        return self._shapes[name]

    def channels(self, name: str) -> int:
        """Return the length of the last axis of `shape(name)`; ShapeError if that is open."""
        *_, channels = self.shape(name)
        if channels is None:
            raise ShapeError(f"{self.name}: the channels of {name!r} depend on the picture's size")
        return channels

    @overload
    def network(self) -> Network: ...

    @overload
    def network(self, outputs: Sequence[str]) -> Network[Outputs]: ...

    def network(self, outputs: Sequence[str] | None = None) -> Network[Outputs]:
        """Return the network so far; its outputs are the nodes of these names, or the last node.

        Raises ArgumentError for an unknown output or one that is named twice, for a node that no
        output needs, and for a block that has the name of a node other than its last.
        """
        if not self._nodes:
            raise ArgumentError(f"{self.name} has no layers")
        chosen = accepted_outputs(
            self.name, list(self._nodes)[-1:] if outputs is None else outputs, self._nodes
        )
        nodes = tuple(self._nodes.values())
        if left := unneeded({node.name: node.inputs for node in nodes}, chosen):
            raise ArgumentError(
                f"{self.name}: no output needs {listed(left)}; leave it out, or name it in "
                f"network(outputs=...) beside {listed(chosen)}"
            )
        ends = {block: node.name for node in nodes for block in node.blocks}
        for block, end in ends.items():
            if block in self._nodes and block != end:
                raise ArgumentError(
                    f"{self.name}: the block {block!r} ends with {end!r}, and its name stands for "
                    "that: rename the block or the node"
                )
        return Network(self.name, self._shapes.input_shape, nodes, chosen)
