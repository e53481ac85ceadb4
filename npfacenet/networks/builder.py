"""Writing a network down, layer after layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from npfacenet.arguments import is_one_of, is_shape
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers import Layer, Shape
from npfacenet.networks.network import Network, Node


class Builder:
    """Collects named layers; shapes are worked out, and refused, as each one is added.

    >>> from npfacenet.layers import Convolution, ReLU
    >>> build = Builder("tiny", input_shape=(8, 8, 3))
    >>> x = build.add("conv1", Convolution(4, size=3), build.input)
    >>> x = build.add("relu1", ReLU(), x)
    >>> build.network().output_shape
    (6, 6, 4)
    """

    def __init__(self, name: str, input_shape: Shape) -> None:
        if not isinstance(name, str):
            raise ArgumentError(f"a network's name is a text, not {quoted(name)}")
        if not is_shape(input_shape) or not input_shape:
            raise ShapeError(f"{name} needs a shape such as (96, 96, 3), not {quoted(input_shape)}")
        self.name = name
        self.input = Network.INPUT
        self._shapes: dict[str, Shape] = {self.input: input_shape}
        self._nodes: list[Node] = []
        self._block = ""

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        """What is added inside belongs to this block; its last node is the block's output.

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
        ShapeError, naming the node, for inputs that do not fit.
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
        input_shapes = tuple(self._shapes[i] for i in inputs)
        try:
            output_shape = layer.output_shape(*input_shapes)
        except ShapeError as error:
            raise ShapeError(f"{name!r} of {self.name}: {error}") from None
        self._shapes[name] = output_shape
        parameters = layer.parameters(*input_shapes)
        self._nodes.append(
            Node(name, layer, inputs, self._block, input_shapes, output_shape, parameters)
        )
        return name

    def shape(self, name: str) -> Shape:
        """The shape of what the node of this name gives; ArgumentError if there is none."""
        if not is_one_of(name, *self._shapes):
            raise ArgumentError(f"{self.name} has no node called {quoted(name)}")
        return self._shapes[name]

    def network(self) -> Network:
        """The network so far; its output is the node added last."""
        if not self._nodes:
            raise ArgumentError(f"{self.name} has no layers")
        return Network(self.name, self._shapes[self.input], tuple(self._nodes))
