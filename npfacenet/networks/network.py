"""A network: named layers in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from zlib import crc32

import numpy as np

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array, Layer, ParameterSpec, Shape

ParameterName: TypeAlias = tuple[str, str]
NetworkParameters: TypeAlias = Mapping[ParameterName, Array]
Observer: TypeAlias = Callable[["Node", Array], None]


@dataclass(frozen=True)
class Node:
    """A layer at its place in a network.

    `name` is the Keras name where the layer has weights; `inputs` are the names of the
    nodes that feed it; `block` is the part of the network it belongs to ("" for none);
    `parameters` are the layer's, by name, for inputs of these shapes.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    block: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    parameters: Mapping[str, ParameterSpec] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Network:
    """An immutable graph of named layers; it holds no numbers.

    `nodes` stand in an order in which each finds its inputs computed; the last one is the
    output. Parameters are a mapping of (node name, parameter name) to arrays.
    """

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...] = field(repr=False)

    INPUT = "image"

    @property
    def output_shape(self) -> Shape:
        """The shape of the output for one picture."""
        return self.nodes[-1].output_shape

    def parameter_specs(self) -> dict[ParameterName, ParameterSpec]:
        """Every parameter by (node, name), in the order of the nodes."""
        return {
            (node.name, name): spec for node in self.nodes for name, spec in node.parameters.items()
        }

    def initialise(self, seed: int) -> dict[ParameterName, Array]:
        """Fresh float32 parameters; each depends on the seed and its own name only."""
        return {
            name: _initial(spec, np.random.default_rng([seed, crc32("/".join(name).encode())]))
            for name, spec in self.parameter_specs().items()
        }

    def forward(
        self, parameters: NetworkParameters, images: Array, observe: Observer | None = None
    ) -> Array:
        """The output for a batch: (N, *input_shape) to (N, *output_shape).

        `observe` is shown every node with its output, in order. Raises ShapeError for a
        batch of another shape, and for parameters that are missing or do not fit.
        """
        if images.shape[1:] != self.input_shape:
            raise ShapeError(
                f"{self.name} takes a batch of shape (N, {str(self.input_shape)[1:-1]}), "
                f"received {images.shape}"
            )
        last_use = {name: node for node in self.nodes for name in node.inputs}
        values = {self.INPUT: images}
        for node in self.nodes:
            own = {
                p: parameters[node.name, p] for p in node.parameters if (node.name, p) in parameters
            }
            output = node.layer.forward(own, *(values[name] for name in node.inputs))
            if observe is not None:
                observe(node, output)
            values[node.name] = output
            for name in set(node.inputs):
                if last_use[name] is node:
                    del values[name]
        return values[self.nodes[-1].name]

    def trace(self, parameters: NetworkParameters, images: Array) -> dict[str, Array]:
        """The output of every node by name, and of every block by the block's name."""
        outputs: dict[str, Array] = {}

        def record(node: Node, output: Array) -> None:
            outputs[node.name] = output
            if node.block:
                outputs[node.block] = output

        self.forward(parameters, images, observe=record)
        return outputs


def _initial(spec: ParameterSpec, rng: np.random.Generator) -> Array:
    """He et al. 2015, section 2.2, for kernels: variance 2 / fan in."""
    match spec.initialiser:
        case "zeros":
            return np.zeros(spec.shape, np.float32)
        case "ones":
            return np.ones(spec.shape, np.float32)
        case "quarter":
            return np.full(spec.shape, 0.25, np.float32)
        case "he_normal":
            fan_in = np.prod(spec.shape[:-1], dtype=np.int64)
            drawn = rng.standard_normal(spec.shape, np.float32)
            return drawn * np.float32(np.sqrt(2 / fan_in))
    raise ArgumentError(f"no initialiser is called {spec.initialiser!r}")
