"""A network: named layers in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from zlib import crc32

import numpy as np

from npfacenet.arguments import is_masked
from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array, Layer, Parameters, ParameterSpec, Shape
from npfacenet.layers.layer import is_floating, kind_of
from npfacenet.networks.tape import Tape

ParameterName: TypeAlias = tuple[str, str]
NetworkParameters: TypeAlias = Mapping[ParameterName, Array]
Observer: TypeAlias = Callable[["Node", Array], None]
Compute: TypeAlias = Callable[["Node", Parameters, list[Array]], Array]


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

    def require(self, parameters: NetworkParameters) -> None:
        """Raise ShapeError, naming it, for a parameter that is missing or does not fit."""
        _require_mapping(self.name, parameters)
        for (node, name), spec in self.parameter_specs().items():
            if (node, name) not in parameters:
                raise ShapeError(f"{self.name} lacks {node}/{name} of shape {spec.shape}")
            parameter = parameters[node, name]
            if is_masked(parameter) or not _is_numbers(parameter):
                raise ShapeError(f"{node}/{name} must be real numbers, not {describe(parameter)}")
            if (shape := np.shape(parameter)) != spec.shape:
                raise ShapeError(f"{node}/{name} must have shape {spec.shape}, not {shape}")

    def initialise(self, seed: int) -> dict[ParameterName, Array]:
        """Fresh float32 parameters; each depends on the seed and its own name only."""
        return {
            name: _initial(spec, _derived([seed], "/".join(name)))
            for name, spec in self.parameter_specs().items()
        }

    def forward(
        self, parameters: NetworkParameters, images: Array, observe: Observer | None = None
    ) -> Array:
        """The output for a batch: (N, *input_shape) to (N, *output_shape).

        `observe` is shown every node with its output, in order. Raises ShapeError for a
        batch of another shape, and for parameters that are missing or do not fit.
        """

        def compute(node: Node, own: Parameters, inputs: list[Array]) -> Array:
            output = node.layer.forward(own, *inputs)
            if observe is not None:
                observe(node, output)
            return output

        return self._run(parameters, images, compute)

    def forward_saving(
        self,
        parameters: NetworkParameters,
        images: Array,
        *,
        training: bool = True,
        learning: Collection[ParameterName] | None = None,
        to_image: bool = False,
        seed: Sequence[int] = (),
    ) -> tuple[Array, Tape]:
        """The output, and a tape of all that `backward` needs.

        `training` is for batch norm and dropout (`Layer.forward_saving`). Only the parameters
        in `learning` (None: all that are trainable) receive gradients; a node that none of
        them reaches runs its plain `forward`, so that frozen first blocks cost no memory and
        keep their moving statistics. `to_image` also prepares the gradient of the picture.
        Layers that draw numbers draw from (*seed, node name), and raise ArgumentError in
        training if `seed` is empty, or for an unknown parameter. The tape holds the
        new moving statistics.
        """
        if unknown := set(learning or ()) - self.parameter_specs().keys():
            raise ArgumentError(f"{self.name} has no parameter {min(unknown)}")
        batch = getattr(images, "shape", ())[:1]
        tape = Tape(self.nodes, batch, self._reached(learning, to_image), learning)

        def compute(node: Node, own: Parameters, inputs: list[Array]) -> Array:
            if node.name not in tape.reached:
                return node.layer.forward(own, *inputs)
            learns = not node.parameters or any(tape.learns((node.name, p)) for p in own)
            rng = _derived(seed, node.name) if node.layer.draws and seed else None
            output, saved, statistics = node.layer.forward_saving(
                own, *inputs, training=training and learns, rng=rng
            )
            tape.saved[node.name] = saved
            tape.statistics |= {(node.name, name): value for name, value in statistics.items()}
            return output

        return self._run(parameters, images, compute), tape

    def backward(
        self,
        parameters: NetworkParameters,
        tape: Tape,
        upstream: Array,
        observe: Observer | None = None,
    ) -> tuple[Array | None, dict[ParameterName, Array]]:
        """The gradients of a forward pass: of the picture (or None), and of parameters by name.

        `upstream` (N, *output_shape) is the gradient with respect to the output. The tape is
        used up: what a node saved is freed when its turn is over. `observe` is shown every
        node with the gradient with respect to its output, last node first. Raises ShapeError
        for an upstream of another shape, ArgumentError for a tape that was used before or that
        another network wrote.
        """
        tape.require_of(self.nodes, self.name)
        expected = (*tape.batch, *self.output_shape)
        if not is_floating(upstream) or upstream.shape != expected:
            raise ShapeError(
                f"{self.name}: upstream must be floating numbers of shape {expected}, not "
                f"{describe(upstream)}"
            )
        if tape.reached and not tape.saved:
            raise ArgumentError("this tape was used up by a backward pass: go forward again")
        flowing = {self.nodes[-1].name: upstream}
        gradients: dict[ParameterName, Array] = {}
        for node in reversed(self.nodes):
            saved, arriving = tape.saved.pop(node.name, None), flowing.pop(node.name, None)
            if saved is None or arriving is None:
                continue
            if observe is not None:
                observe(node, arriving)
            own = {p: parameters[node.name, p] for p in node.parameters}
            reached = [name in tape.reached for name in node.inputs]
            to_inputs, to_parameters = node.layer.backward(
                own, saved, arriving, to_inputs=any(reached)
            )
            for name, gradient in to_parameters.items():
                if tape.learns((node.name, name)):
                    gradients[node.name, name] = gradient
            for name, gradient in zip(node.inputs, to_inputs, strict=False):
                if name in tape.reached:
                    before = flowing.get(name)
                    flowing[name] = gradient if before is None else before + gradient
        return flowing.get(self.INPUT), gradients

    def _run(self, parameters: NetworkParameters, images: Array, compute: Compute) -> Array:
        """Compute node after node; what nobody takes any more is let go."""
        if not is_floating(images) or images.shape[1:] != self.input_shape:
            raise ShapeError(
                f"{self.name} takes a batch of shape (N, {str(self.input_shape)[1:-1]}), "
                f"received {describe(images)}"
            )
        _require_mapping(self.name, parameters)
        last_use = {name: node for node in self.nodes for name in node.inputs}
        values = {self.INPUT: images}
        for node in self.nodes:
            own = {
                p: parameters[node.name, p] for p in node.parameters if (node.name, p) in parameters
            }
            values[node.name] = compute(node, own, [values[name] for name in node.inputs])
            for name in set(node.inputs):
                if last_use[name] is node:
                    del values[name]
        return values[self.nodes[-1].name]

    def _reached(self, learning: Collection[ParameterName] | None, to_image: bool) -> set[str]:
        """The nodes through which gradients must flow."""
        reached = {self.INPUT} if to_image else set()
        for node in self.nodes:
            learns = any(
                spec.trainable if learning is None else (node.name, name) in learning
                for name, spec in node.parameters.items()
            )
            if learns or reached.intersection(node.inputs):
                reached.add(node.name)
        return reached

    def trace(self, parameters: NetworkParameters, images: Array) -> dict[str, Array]:
        """The output of every node by name, and of every block by the block's name."""
        outputs: dict[str, Array] = {}

        def record(node: Node, output: Array) -> None:
            outputs[node.name] = output
            if node.block:
                outputs[node.block] = output

        self.forward(parameters, images, observe=record)
        return outputs


def _require_mapping(network: str, parameters: object) -> None:
    if not isinstance(parameters, Mapping):
        raise ShapeError(f"{network} takes parameters by (node, name), not {describe(parameters)}")


def _is_numbers(value: object) -> bool:
    """Whether it is an array of real numbers, or a list of such."""
    try:
        return np.asarray(value).dtype.kind in "fiu"
    except (TypeError, ValueError):
        return False


def describe(value: object) -> str:
    """The shape and dtype of an array, or the type of anything else."""
    if is_masked(value):
        return kind_of(value)
    if isinstance(value, np.ndarray):
        return f"{value.shape} of {value.dtype}"
    return f"a {type(value).__name__}"


def _derived(seed: Sequence[int], name: str) -> np.random.Generator:
    """A generator of its own for each name."""
    return np.random.default_rng([*seed, crc32(name.encode())])


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
