"""The shapes of a network's nodes, for one size of pictures or for any.

An open height or width is tried at two large sizes. An axis whose length differs between them is
open as well, and a layer whose parameters differ is refused. So layers need not know about open
sizes: they compute shapes from numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from npfacenet.arguments import is_shape
from npfacenet.errors import ShapeError, quoted
from npfacenet.layers import Layer, ParameterSpec, Shape
from npfacenet.layers.python_numbers import with_python_numbers
from npfacenet.networks.node import Node
from npfacenet.networks.open_shape import OpenShape, is_open_shape

INPUT = "image"
"""The name of a network's input."""
TRIED = (8192, 12288)
"""Sizes for open axes: multiples of 4,096, so that halvings meet."""


class ShapeInference:
    """Shapes by node name, computed and checked as each node is added.

    `input_shape` is (height, width, channels) or any other shape; height and width may be None.
    Raises ShapeError for anything else.
    """

    def __init__(self, network: str, input_shape: OpenShape) -> None:
        if not is_open_shape(input_shape):
            raise ShapeError(
                f"{network} needs a shape such as (96, 96, 3) or (None, None, 3), not "
                f"{quoted(input_shape)}"
            )
        self.input_shape = tuple(None if axis is None else int(axis) for axis in input_shape)
        self._network = network
        tried = TRIED if None in input_shape else TRIED[:1]
        self._shapes: list[dict[str, Shape]] = [
            {INPUT: tuple(side if axis is None else axis for axis in self.input_shape)}
            for side in tried
        ]

    def __contains__(self, name: str) -> bool:
        return name in self._shapes[0]

    def __getitem__(self, name: str) -> OpenShape:
        """Return the output shape of the node with this name."""
        first, last = self._shapes[0][name], self._shapes[-1][name]
        return tuple(a if a == b else None for a, b in zip(first, last, strict=True))

    def node(self, name: str, layer: Layer, inputs: tuple[str, ...], block: str) -> Node:
        """Return the layer as a node, and remember its output shape; its numbers are Python's.

        Raises ShapeError, naming the node, for inputs that do not fit the layer, for a layer that
        gives no shapes, and for one whose parameters depend on an open size; the node is then
        unknown as before.
        """
        layer = with_python_numbers(layer)
        given, specs = [], []
        for shapes in self._shapes:
            received = tuple(shapes[i] for i in inputs)
            given.append(output_shape(self._network, name, layer, received))
            specs.append(parameter_specs(self._network, name, layer, received))
        depends = [
            what
            for what, differs in (
                ("number of axes", len(given[0]) != len(given[-1])),
                ("parameters", specs[0] != specs[-1]),
            )
            if differs
        ]
        if depends:
            raise ShapeError(
                f"{name!r} of {self._network}: the {depends[0]} of {layer} depend on the size of "
                "the picture, which is open"
            )
        for shapes, shape in zip(self._shapes, given, strict=True):
            shapes[name] = shape
        return Node(
            name, layer, inputs, block, tuple(self[i] for i in inputs), self[name], specs[0]
        )


def output_shape(network: str, name: str, layer: Layer, inputs: Iterable[Shape]) -> Shape:
    """Return the layer's output shape; a ShapeError names the node and the network.

    Raises ShapeError for a layer that gives no shape.
    """
    try:
        shape = layer.output_shape(*inputs)
    except ShapeError as error:
        raise ShapeError(f"{name!r} of {network}: {error}") from None
    if not is_shape(shape):
        raise ShapeError(
            f"{name!r} of {network}: output_shape of {layer} returns {quoted(shape)}; a shape is a "
            "tuple of whole numbers, none negative"
        )
    return tuple(map(int, shape))


def parameter_specs(
    network: str, name: str, layer: Layer, inputs: Iterable[Shape]
) -> dict[str, ParameterSpec]:
    """The layer's parameters by name; ShapeError, naming the node, for one that gives none."""
    specs: object = layer.parameters(*inputs)
    if not isinstance(specs, Mapping) or not all(
        isinstance(key, str) and isinstance(spec, ParameterSpec) and is_shape(spec.shape)
        for key, spec in specs.items()
    ):
        raise ShapeError(
            f"{name!r} of {network}: parameters of {layer} returns {quoted(specs)}; it returns a "
            "ParameterSpec, with a shape, by name"
        )
    return dict(specs)
