"""A network and its parameters as the fewest operations that compute the same.

Batch norm and the scale of a residual go into the kernel before them, ReLU into the operation
before it, bias and ReLU behind the max pooling that follows them; convolutions of one pixel that
read the same input become one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from npfacenet.inference.arena import aligned
from npfacenet.inference.assemble import Assemble
from npfacenet.inference.convolve import Convolve
from npfacenet.inference.elementwise import Add, Affine, Normalize
from npfacenet.inference.finish import Member
from npfacenet.inference.pool import GlobalMean, Pool
from npfacenet.inference.readable import Readable
from npfacenet.inference.step import Operation
from npfacenet.layers import (
    Array,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    MaxPool,
    ReLU,
    ResidualAdd,
    Window,
    ZeroPadding,
)
from npfacenet.layers.window import NO_MARGINS, ONE_PIXEL, margins
from npfacenet.networks import Network, NetworkParameters
from npfacenet.networks.constant import memory_of
from npfacenet.networks.node import Node

_FOLDED = (
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    MaxPool,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)
Own: TypeAlias = Mapping[str, Array]


def fold(network: Network, parameters: NetworkParameters) -> tuple[list[Operation], str]:
    """The operations in an order in which each finds its inputs, and the name of the output."""
    folding = _Folding(network)
    with np.errstate(all="ignore"):  # what overflows makes outputs that are not finite
        for node in network.nodes:
            own = {name: _read_only(parameters[node.name, name]) for name in node.parameters}
            folding.add(node, own)
    operations = _side_by_side(list(folding.operations.values()))
    operations = [
        replace(one, kernel=_alone(one.kernel)) if isinstance(one, Convolve) else one
        for one in operations
    ]
    return operations, folding.name_of(network.nodes[-1].name)


class _Folding:
    """Operations by the name of their output, while they are collected."""

    def __init__(self, network: Network) -> None:
        self.operations: dict[str, Operation] = {}
        self._same: dict[str, str] = {}  # names of nodes that change nothing
        for node in network.nodes:
            if type(node.layer) is Dropout:
                self._same[node.name] = node.inputs[0]
        self._readers = Counter(self.name_of(i) for node in network.nodes for i in node.inputs)
        for before in self._same.values():  # counted as a reader, though it reads nothing
            self._readers[self.name_of(before)] -= 1
        self._readers[self.name_of(network.nodes[-1].name)] += 1

    def name_of(self, name: str) -> str:
        while name in self._same:
            name = self._same[name]
        return name

    def add(self, node: Node, own: Own) -> None:
        """The node, as an operation or as part of those before it."""
        inputs = tuple(self.name_of(name) for name in node.inputs)
        names = (inputs, (node.name,))
        new: Operation
        # A class derived from one of them may compute otherwise.
        match node.layer if type(node.layer) in _FOLDED else None:
            case Dropout():
                return
            case Convolution() as layer:
                new = _convolve(*names, own, layer.window, layer.filters)
            case Dense() as layer:
                kernel = own["kernel"][None, None]
                new = _convolve(*names, {**own, "kernel": kernel}, ONE_PIXEL, layer.units)
            case BatchNorm() as layer:
                new = self._normalised(*names, *_moving(layer, own))
            case ReLU():
                new = self._rectified(*names)
            case ResidualAdd(scale=scale):
                new = self._added(*names, scale)
            case MaxPool() as layer:
                new = self._largest(*names, layer)
            case AveragePool() as layer:
                new = Pool(*names, "average", layer.window)
            case L2Pool() as layer:
                new = Pool(*names, "l2", layer.window)
            case GlobalAveragePool():
                new = GlobalMean(*names)
            case Concatenate():
                new = Assemble(*names)
            case ZeroPadding() as layer:
                new = Assemble(*names, margins(layer.margins))
            case L2Normalize(epsilon=epsilon):
                new = Normalize(*names, epsilon)
            case _:
                alone = {name: _alone(tensor) for name, tensor in own.items()}
                new = Readable(*names, node.layer, alone)
        self.operations[node.name] = new

    def _taken(self, name: str) -> Operation | None:
        """The operation of this output, taken out if nobody else reads it and ReLU is not in."""
        operation = self.operations.get(name)
        if operation is None or self._readers[name] != 1 or _rectifies(operation):
            return None
        return self.operations.pop(name)

    def _normalised(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...], factor: Array, shift: Array
    ) -> Operation:
        before = self._taken(inputs[0])
        if isinstance(before, Convolve):
            bias = shift if before.bias is None else before.bias * factor + shift
            return replace(
                before, outputs=outputs, kernel=_scaled(before.kernel, factor), bias=bias
            )
        self._put_back(before)
        return Affine(inputs, outputs, factor, shift)

    def _rectified(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Operation:
        before = self._taken(inputs[0])
        if isinstance(before, Convolve):
            members = (replace(before.members[0], relu=True),)
            return replace(before, outputs=outputs, members=members)
        if isinstance(before, Affine | Add) or (
            isinstance(before, Pool) and before.pooling == "max"
        ):
            return replace(before, outputs=outputs, relu=True)
        self._put_back(before)
        return Affine(inputs, outputs, relu=True)

    def _added(self, inputs: tuple[str, ...], outputs: tuple[str, ...], scale: float) -> Operation:
        before = self._taken(inputs[1])
        if not isinstance(before, Convolve):
            self._put_back(before)
            return Add(inputs, outputs, scale)
        factor = np.float32(scale)
        bias = None if before.bias is None else before.bias * factor
        scaled = replace(before, kernel=_scaled(before.kernel, factor), bias=bias)
        self.operations[inputs[1]] = scaled
        return Add(inputs, outputs)

    def _largest(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...], layer: MaxPool
    ) -> Operation:
        before, pool = self.operations.get(inputs[0]), Pool(inputs, outputs, "max", layer.window)
        if not isinstance(before, Convolve) or self._readers[inputs[0]] != 1:
            return pool
        (member,) = before.members
        plain = (replace(member, relu=False),)
        self.operations[inputs[0]] = replace(before, bias=None, members=plain)
        return replace(pool, bias=before.bias, relu=member.relu)

    def _put_back(self, operation: Operation | None) -> None:
        if operation is not None:
            self.operations[operation.outputs[0]] = operation


def _read_only(tensor: Array) -> Array:
    """A view of a caller's tensor in float32; what is worked out here can be written to."""
    view = np.asarray(tensor, np.float32).view()
    view.flags.writeable = False
    return view


def _alone(tensor: Array) -> Array:
    """A tensor that the plan may keep: a caller's is copied, unless nobody can change it.

    It is copied also if it is a part of something larger, which it would keep in memory.
    """
    memory = memory_of(tensor)
    if tensor.flags.writeable or (memory and len(memory) <= tensor.nbytes):
        return tensor
    copy = aligned(tensor.shape)
    np.copyto(copy, tensor)
    return copy


def _scaled(kernel: Array, factor: Array | np.float32) -> Array:
    return np.multiply(kernel, factor, out=aligned(kernel.shape))


def _rectifies(operation: Operation) -> bool:
    match operation:
        case Convolve():
            return operation.members[0].relu
        case Affine() | Add() | Pool():
            return operation.relu
    return False


def _convolve(
    inputs: tuple[str, ...], outputs: tuple[str, ...], own: Own, window: Window, filters: int
) -> Convolve:
    kernel = np.ascontiguousarray(own["kernel"], np.float32)
    if window.size == window.stride == (1, 1) and window.margins(1, 1) == NO_MARGINS:
        window = ONE_PIXEL  # however its padding was written
    bias = _alone(own["bias"]) if "bias" in own else None
    return Convolve(inputs, outputs, kernel, bias, window, (Member(filters, False),))


def _moving(layer: BatchNorm, own: Own) -> tuple[Array, Array]:
    """Batch norm by moving statistics as a factor and a shift; float32, worked out in float64."""
    wide = {name: tensor.astype(np.float64) for name, tensor in own.items()}
    factor, shift = layer.factor_and_shift(wide)
    return factor.astype(np.float32), shift.astype(np.float32)


def _side_by_side(operations: list[Operation]) -> list[Operation]:
    """Convolutions of one pixel with the same input as one, in the place of the first."""
    families: dict[str, list[Convolve]] = {}
    for operation in operations:
        if isinstance(operation, Convolve) and operation.window == ONE_PIXEL:
            families.setdefault(operation.inputs[0], []).append(operation)
    joined: list[Operation] = []
    for operation in operations:
        family = families.get(operation.inputs[0], []) if isinstance(operation, Convolve) else []
        if len(family) < 2 or operation not in family:
            joined.append(operation)
        elif operation is family[0]:
            joined.append(_join(family))
    return joined


def _join(family: list[Convolve]) -> Convolve:
    zeros = [np.zeros(one.kernel.shape[3], np.float32) for one in family]
    biases = [z if one.bias is None else one.bias for one, z in zip(family, zeros, strict=True)]
    shape = family[0].kernel.shape[:3]
    kernel = aligned((*shape, sum(map(len, biases))))
    np.concatenate([one.kernel for one in family], axis=3, out=kernel)
    return replace(
        family[0],
        outputs=tuple(name for one in family for name in one.outputs),
        kernel=kernel,
        bias=np.concatenate(biases),
        members=tuple(member for one in family for member in one.members),
    )
