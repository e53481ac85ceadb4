"""The contract that every layer keeps.

A layer is a frozen dataclass of hyperparameters. It holds no arrays: its parameters are passed in
as a mapping of names to arrays, so that one layer object serves any weights, dtype and thread.
Activations are NHWC (batch, height, width, channels) or ND (batch, features); shapes in this
contract leave the batch out.

`forward` computes the output. `forward_saving` computes it too and saves what `backward` needs to
turn the gradient of some number with respect to the output, `upstream`, into its gradients with
respect to inputs and parameters (the chain rule, read from right to left: Rumelhart, Hinton and
Williams 1986, "Learning representations by back-propagating errors").
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import prod
from typing import ClassVar, Literal, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_masked, is_shape
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers.hyperparameters import JSONValue, to_json

Array: TypeAlias = npt.NDArray[np.floating]
Shape: TypeAlias = tuple[int, ...]
Parameters: TypeAlias = Mapping[str, Array]
Initialiser: TypeAlias = Literal["he_normal", "he_normal_depthwise", "zeros", "ones", "quarter"]


def is_floating(x: object) -> TypeGuard[Array]:
    """Return whether x is an array of float32 or float64, in any byte order, without a mask."""
    if not isinstance(x, np.ndarray) or is_masked(x):
        return False
    return x.dtype.kind == "f" and x.dtype.itemsize in (4, 8)


def kind_of(x: object) -> str:
    """Return the dtype of an array, or the type of anything else, for a message."""
    if is_masked(x):
        return "a masked array (its mask would be ignored: fill it, x.filled(0))"
    return str(x.dtype) if isinstance(x, np.ndarray) else type(x).__name__


@dataclass(frozen=True)
class ParameterSpec:
    """The description of a parameter, without its numbers.

    `trainable` is False for moving statistics, which training replaces instead of moving them
    along a gradient; `decays` tells whether weight decay applies.
    """

    shape: Shape
    initialiser: Initialiser
    trainable: bool = True
    decays: bool = False

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(map(int, self.shape))


@dataclass(frozen=True)
class Saved:
    """What a layer saves of a forward pass for its backward pass.

    `training` is True for a pass with batch statistics and dropout, False for one that computed
    what `forward` does. `shapes` are those of the inputs, the batch included.
    """

    training: bool
    shapes: tuple[Shape, ...]
    arrays: Mapping[str, Array] = field(repr=False)

    def __getitem__(self, name: str) -> Array:
        """Return the array of this name."""
        return self.arrays[name]


Statistics: TypeAlias = dict[str, Array]
Gradients: TypeAlias = dict[str, Array]
InputGradients: TypeAlias = tuple[Array, ...]


@dataclass(frozen=True)
class Layer(ABC):
    """One operation of a network.

    A subclass defines `output_shape` and `forward`, `backward` if networks with it are to be
    trained, and `parameters` and `multiply_adds` if it has any:

    >>> class Negate(Layer):
    ...     def output_shape(self, *inputs):
    ...         return self.one_input(*inputs)
    ...     def forward(self, parameters, *inputs):
    ...         (x,) = self.accept(parameters, *inputs)
    ...         return -x
    ...     def backward(self, parameters, saved, upstream, *, to_inputs=True):
    ...         return (-upstream,), {}
    >>> Negate().forward({}, np.ones((2, 3), np.float32))
    array([[-1., -1., -1.],
           [-1., -1., -1.]], dtype=float32)

    `draws` is True for a layer that needs a random generator in training, `keeps_inputs` for one
    whose backward pass needs its inputs and not only their shapes, `keeps_output` for one whose
    backward pass needs the output instead.
    """

    draws: ClassVar[bool] = False
    keeps_inputs: ClassVar[bool] = True
    keeps_output: ClassVar[bool] = False

    @abstractmethod
    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the output for inputs of these shapes, all without the batch axis.

        Raises ShapeError naming the expected and the received shape.
        """

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """Return the parameters by name, in the order of Keras' files, for these input shapes."""
        return {}

    def multiply_adds(self, *inputs: Shape) -> int:
        """Return the number of multiply-adds for one example; 0 if they are negligible."""
        return 0

    @abstractmethod
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Return the output for a batch, at inference: (N, *shape) to (N, *output_shape).

        Pure: writes to no input. float32 in, float32 out; float64 stays float64.
        Raises ShapeError for inputs or parameters that do not fit.
        """

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, Statistics]:
        """Return the output, what `backward` needs, and new values of the moving statistics.

        With `training`, batch norm uses the statistics of the batch and dropout is active;
        without, the output is that of `forward`. By default a layer saves its inputs, as "0",
        "1", ..., only their shapes (`keeps_inputs`), or "output" in their place (`keeps_output`).
        Raises ShapeError as `forward` does, and ArgumentError if a generator is needed and none is
        given.
        """
        output = self.forward(parameters, *inputs)
        if self.keeps_output:
            kept = {"output": output}
        else:
            accepted = self.accept(parameters, *inputs)
            kept = {str(i): x for i, x in enumerate(accepted)} if self.keeps_inputs else {}
        return output, Saved(training, tuple(x.shape for x in inputs), kept), {}

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Return the gradients of the inputs and, by name, of the trainable parameters.

        `upstream` is the gradient with respect to the output, of its shape and dtype. Without
        `to_inputs` the caller does not need those of the inputs, and a layer that computes them
        at a cost returns () instead. An input's gradient may be `upstream` itself or a view of
        it, so neither may be written to. Raises ArgumentError for a layer without a backward
        pass.
        """
        raise ArgumentError(f"{self} has no backward pass: it cannot be trained through")

    def hyperparameters(self) -> dict[str, JSONValue]:
        """Return the hyperparameters by name, as JSON values: tuples become lists.

        `npfacenet.layers.registry.layer_from` makes an equal layer of them. Raises ArgumentError
        for a value that JSON cannot hold.
        """
        values: dict[str, JSONValue] = {}
        for each in fields(self):
            if not each.init:
                continue
            try:
                values[each.name] = to_json(getattr(self, each.name))
            except TypeError as error:
                raise ArgumentError(f"{type(self).__name__}: {each.name}: {error}") from error
        return values

    def accept(self, parameters: Parameters, *inputs: Array) -> tuple[Array, ...]:
        """Check the inputs of `forward`; return them in this machine's byte order.

        Raises ShapeError naming the layer, what it expects and what it received.
        """
        for x in inputs:
            if not is_floating(x):
                raise ShapeError(f"{self} takes arrays of float32 or float64, not {kind_of(x)}")
            if x.ndim == 0 or len(x) != len(inputs[0]):
                batches = ", ".join(str(i.shape[:1]) for i in inputs)
                raise ShapeError(f"{self} takes inputs with one batch axis, received {batches}")
        shapes = [x.shape[1:] for x in inputs]
        self.output_shape(*shapes)
        if not isinstance(parameters, Mapping):
            raise ShapeError(f"{self} takes parameters by name, not a {type(parameters).__name__}")
        for name, spec in self.parameters(*shapes).items():
            if name not in parameters:
                raise ShapeError(f"{self} lacks its parameter {name!r} of shape {spec.shape}")
            if not is_floating(parameters[name]):
                received = kind_of(parameters[name])
                raise ShapeError(f"{self}: {name} must be float32 or float64, not {received}")
            if parameters[name].shape != spec.shape:
                raise ShapeError(
                    f"{self}: {name} must have shape {spec.shape}, not {parameters[name].shape}"
                )
        return tuple(x.astype(x.dtype.newbyteorder("="), copy=False) for x in inputs)

    def accept_upstream(self, saved: Saved, upstream: Array) -> Array:
        """Check the upstream gradient of `backward`; return it in this machine's byte order.

        Raises ShapeError naming the layer, what it expects and what it received.
        """
        if not isinstance(saved, Saved):
            raise ShapeError(f"{self} takes what forward_saving saved, not {quoted(saved)}")
        if not is_floating(upstream):
            received = kind_of(upstream)
            raise ShapeError(f"{self} takes upstream of float32 or float64, not {received}")
        output = self.output_shape(*(shape[1:] for shape in saved.shapes))
        expected = (saved.shapes[0][0], *output)
        if upstream.shape != expected:
            raise ShapeError(f"{self} takes upstream of shape {expected}, not {upstream.shape}")
        return upstream.astype(upstream.dtype.newbyteorder("="), copy=False)

    def one_input(self, *inputs: Shape, rank: int | None = None) -> Shape:
        """Return the only shape in `inputs`; raise ShapeError for several, or another rank."""
        if len(inputs) != 1:
            raise ShapeError(f"{self} takes one input, received {len(inputs)}")
        if not is_shape(inputs[0], rank):
            axes = {None: "(...)", 1: "(features,)", 3: "(height, width, channels)"}[rank]
            raise ShapeError(f"{self} takes an input of shape {axes}, received {quoted(inputs[0])}")
        return inputs[0]

    def require(self, holds: bool, sentence: str) -> None:
        """Raise ArgumentError with this sentence unless the hyperparameters hold."""
        if not holds:
            raise ArgumentError(f"{type(self).__name__}: {sentence}")
