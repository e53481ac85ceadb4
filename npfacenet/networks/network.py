"""A network: named layers in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, cast

from npfacenet.arguments import is_shape
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers import Array, Parameters, ParameterSpec, Shape
from npfacenet.layers.layer import is_floating
from npfacenet.networks.initial import derived_generator, initial
from npfacenet.networks.node import NetworkParameters, Node, Observer, ParameterName
from npfacenet.networks.open_shape import OpenShape, fits, fixed, shown
from npfacenet.networks.outputs import (
    Out,
    Outputs,
    accepted_outputs,
    as_outputs,
    gives,
    shape_and_dtype,
    unlike,
    unneeded,
    upstream_by_name,
)
from npfacenet.networks.parameter_checks import (
    require_learning,
    require_mapping,
    require_parameters,
)
from npfacenet.networks.shape_inference import INPUT, ShapeInference, output_shape
from npfacenet.networks.tape import Tape

Compute: TypeAlias = Callable[[Node, Parameters, list[Array]], Array]


@dataclass(frozen=True)
class Network(Generic[Out]):
    """An immutable graph of named layers; it holds no numbers.

    `nodes` are in an order in which the inputs of each come before it, and `outputs` names those
    whose values the network returns. Parameters are a mapping of (node name, parameter name) to
    arrays. In `accepted_shape`, (height, width, channels), None stands for any height or width.

    To a type checker, a `Network` returns an array; `Network[Outputs]` may return several by name.
    """

    name: str
    accepted_shape: OpenShape
    nodes: tuple[Node, ...] = field(repr=False)
    outputs: tuple[str, ...]

    INPUT = INPUT

    @property
    def input_shape(self) -> Shape:
        """The shape of a picture; ShapeError where its size is open (`accepted_shape`)."""
        return fixed(self.name, self.accepted_shape)

    @property
    def output_shapes(self) -> dict[str, OpenShape]:
        """The shape of each output for one picture, by name."""
        shapes = {node.name: node.open_output_shape for node in self.nodes}
        return {name: shapes[name] for name in self.outputs}

    @property
    def output_shape(self) -> Shape:
        """The shape of the output for one picture.

        Raises ShapeError where it depends on an open size, and for several (`output_shapes`).
        """
        if len(self.outputs) > 1:
            raise ShapeError(f"{self.name} has several outputs: {self.output_shapes}")
        return fixed(self.name, self.output_shapes[self.outputs[0]])

    def shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """Return the shape of the input and of every node, by name, for pictures of this shape.

        Without `input_shape`, the size is the one that the network is written for. Raises
        ShapeError, naming the node, for a picture that does not fit, and for an open size that is
        not given.
        """
        shape = self.input_shape if input_shape is None else input_shape
        if not is_shape(shape) or not fits(shape, self.accepted_shape):
            raise ShapeError(
                f"{self.name} takes pictures of shape ({shown(self.accepted_shape)}), not "
                f"{quoted(shape)}"
            )
        shapes = {self.INPUT: tuple(map(int, shape))}
        for node in self.nodes:
            received = [shapes[name] for name in node.inputs]
            shapes[node.name] = output_shape(self.name, node.name, node.layer, received)
        return shapes

    def with_input_shape(self, input_shape: OpenShape) -> Network[Out]:
        """Return the same layers for pictures of another shape; None is any height or width.

        Raises ShapeError, naming the layer, where one does not fit.
        """
        shapes = ShapeInference(self.name, input_shape)
        nodes = [shapes.node(n.name, n.layer, n.inputs, n.block) for n in self.nodes]
        return Network(self.name, shapes.input_shape, tuple(nodes), self.outputs)

    def with_outputs(self, *outputs: str) -> Network[Outputs]:
        """Return the part of the network that computes these nodes, with them as its outputs.

        The parameters of the whole network fit the part. Raises ArgumentError for an unknown node
        or none.
        """
        chosen = accepted_outputs(self.name, outputs, [node.name for node in self.nodes])
        left = set(unneeded({node.name: node.inputs for node in self.nodes}, chosen))
        ends = {block: node.name for node in self.nodes for block in node.blocks}
        nodes = tuple(
            node.without_blocks({block for block, end in ends.items() if end in left})
            for node in self.nodes
            if node.name not in left
        )
        return Network(self.name, self.accepted_shape, nodes, chosen)

    def parameter_specs(self) -> dict[ParameterName, ParameterSpec]:
        """Return the spec of every parameter by (node, name), in the order of the nodes."""
        return {
            (node.name, name): spec for node in self.nodes for name, spec in node.parameters.items()
        }

    def require(self, parameters: NetworkParameters) -> None:
        """Raise ShapeError, naming it, for a parameter that is missing or does not fit."""
        require_parameters(self.name, self.parameter_specs(), parameters)

    def initialise(self, seed: int) -> dict[ParameterName, Array]:
        """Return fresh float32 parameters; each depends only on the seed and its own name."""
        return {
            name: initial(spec, derived_generator([seed], "/".join(name)))
            for name, spec in self.parameter_specs().items()
        }

    def forward(
        self, parameters: NetworkParameters, images: Array, observe: Observer | None = None
    ) -> Out:
        """Return the output for a batch: (N, *input_shape) to (N, *output_shape).

        A network with several outputs returns a dict of them by name. `observe` is shown every node
        with its output, in order. Raises ShapeError for a batch that does not fit, naming the
        layer where the size is open, and for parameters that are missing or do not fit.
        """

        def compute(node: Node, own: Parameters, inputs: list[Array]) -> Array:
            output = node.layer.forward(own, *inputs)
            if observe is not None:
                observe(node, output)
            return output

        return cast("Out", as_outputs(self._run(parameters, images, compute)))

    def forward_saving(
        self,
        parameters: NetworkParameters,
        images: Array,
        *,
        training: bool = True,
        learning: Collection[ParameterName] | None = None,
        to_image: bool = False,
        seed: Sequence[int] = (),
    ) -> tuple[Out, Tape]:
        """Return what `forward` returns, and a tape of everything that `backward` needs.

        `training` is for batch norm and dropout (`Layer.forward_saving`). Only the parameters
        in `learning` (None: all that are trainable) receive gradients; a node that none of
        them reaches runs its plain `forward`, so that frozen first blocks cost no memory and
        keep their moving statistics. `to_image` also prepares the gradient of the picture.
        Layers that draw numbers draw from (*seed, node name), and raise ArgumentError in
        training if `seed` is empty, or for an unknown parameter. The tape holds the
        new moving statistics.
        """
        require_learning(self.name, self.parameter_specs(), learning)
        tape = Tape(self.nodes, self._reached(learning, to_image), learning)

        def compute(node: Node, own: Parameters, inputs: list[Array]) -> Array:
            if node.name not in tape.reached:
                return node.layer.forward(own, *inputs)
            learns = not node.parameters or any(tape.learns((node.name, p)) for p in own)
            rng = derived_generator(seed, node.name) if node.layer.draws and seed else None
            output, saved, statistics = node.layer.forward_saving(
                own, *inputs, training=training and learns, rng=rng
            )
            tape.saved[node.name] = saved
            tape.statistics |= {(node.name, name): value for name, value in statistics.items()}
            return output

        outputs = self._run(parameters, images, compute)
        tape.output_shapes |= {name: output.shape for name, output in outputs.items()}
        return cast("Out", as_outputs(outputs)), tape

    def backward(
        self,
        parameters: NetworkParameters,
        tape: Tape,
        upstream: Array | Mapping[str, Array],
        observe: Observer | None = None,
    ) -> tuple[Array | None, dict[ParameterName, Array]]:
        """Return the gradients of the picture (or None), and of the parameters by name.

        `upstream` (N, *output_shape) is the gradient with respect to the output; with several
        outputs a mapping by name, in which those left out count as zero. The tape is used up:
        what a node saved is freed when its turn is over. `observe` is shown every node with the
        gradient with respect to its output, last node first. Raises ShapeError for an upstream of
        another shape and for parameters that do not fit, and ArgumentError for an unknown output
        and for a tape that another network wrote or that was used before, if only in part.
        """
        if not isinstance(tape, Tape):
            raise ArgumentError(f"{self.name}: a tape of forward_saving, not {quoted(tape)}")
        tape.require_of(self.nodes, self.name)
        flowing = upstream_by_name(self.name, upstream, tape.output_shapes)
        self.require(parameters)
        tape.use()
        gradients: dict[ParameterName, Array] = {}
        for node in reversed(self.nodes):
            saved, arriving = tape.saved.pop(node.name, None), flowing.pop(node.name, None)
            if saved is None:
                continue
            own = {p: parameters[node.name, p] for p in node.parameters}
            if arriving is None:  # only outputs without an upstream depend on it
                gradients |= tape.zero_gradients(node.name, own, node.parameters)
                continue
            if observe is not None:
                observe(node, arriving)
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

    def trace(self, parameters: NetworkParameters, images: Array) -> dict[str, Array]:
        """Return the output of every node by name, and of every block by the block's name.

        A block's output is that of its last node, also if that node lies in a block within it.
        """
        traced: dict[str, Array] = {}

        def record(node: Node, output: Array) -> None:
            traced.update(dict.fromkeys((node.name, *node.blocks), output))

        self.forward(parameters, images, observe=record)
        return traced

    def _run(
        self, parameters: NetworkParameters, images: Array, compute: Compute
    ) -> dict[str, Array]:
        """Compute node after node, dropping values once their last reader has run."""
        if not is_floating(images) or not fits(images.shape[1:], self.accepted_shape):
            raise ShapeError(
                f"{self.name} takes a batch of shape (N, {shown(self.accepted_shape)}), "
                f"received {shape_and_dtype(images)}"
            )
        require_mapping(self.name, parameters)
        if None in self.accepted_shape:
            self.shapes(images.shape[1:])
        last_use = {name: node for node in self.nodes for name in node.inputs}
        values = {self.INPUT: images}
        for node in self.nodes:
            own = {
                p: parameters[node.name, p] for p in node.parameters if (node.name, p) in parameters
            }
            output = compute(node, own, [values[name] for name in node.inputs])
            if not gives(output, len(images), node.open_output_shape):
                raise ShapeError(f"{node.name!r} of {self.name}: {unlike(node.layer, output)}")
            values[node.name] = output
            for name in set(node.inputs).difference(self.outputs):
                if last_use[name] is node:
                    del values[name]
        return {name: values[name] for name in self.outputs}

    def _reached(self, learning: Collection[ParameterName] | None, to_image: bool) -> set[str]:
        """Return the nodes through which gradients must flow."""
        reached = {self.INPUT} if to_image else set()
        for node in self.nodes:
            learns = any(
                spec.trainable if learning is None else (node.name, name) in learning
                for name, spec in node.parameters.items()
            )
            if learns or reached.intersection(node.inputs):
                reached.add(node.name)
        return reached
