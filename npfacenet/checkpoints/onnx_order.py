"""The layouts of ONNX files: tensors are paired with layers in the order of computation.

Exporters name tensors as they please, or number them. File and network agree on shapes, and on the
order of the operations that have weights. So each layer of the network takes the first operation
left that is of its kind and has a kernel of its shape.

Kernels are (filters, channels, height, width) in ONNX, and (height, width, channels, filters) here.
A matrix product after `Flatten` is a convolution whose kernel covers the whole map.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.checkpoints.onnx import OnnxFile
from npfacenet.errors import WeightsError
from npfacenet.layers import (
    Array,
    Convolution,
    Dense,
    DepthwiseConvolution,
    Layer,
    PReLU,
    Shape,
)
from npfacenet.networks import Network, Outputs, ParameterName

OF_SHAPES = ("Reshape", "Resize", "Upsample", "Slice", "Expand", "Pad", "Unsqueeze", "Squeeze")
"""Operations whose stored inputs are sizes and factors, not weights."""
_KERAS_KERNEL = re.compile(r"conv2d(_\d+)?/kernel:0")


class OnnxInOrder(Layout):
    """The tensors of an ONNX graph in the order of computation."""

    name: ClassVar[str] = "onnx"
    limits: ClassVar[str] = (
        "it is an ONNX model, which is read for detectors only; of a network that embeds faces, "
        "Keras' HDF5 file is needed"
    )
    on_its_side: ClassVar[bool] = False
    """Whether the network was trained on pictures whose rows are columns."""

    def __init__(self, container: Container) -> None:
        if not isinstance(container, OnnxFile):
            raise WeightsError(f"{container.path} is {container.kind}, not an ONNX model")
        self.path = container.path
        self._file = container

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether it is an ONNX model."""
        return isinstance(container, OnnxFile)

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return every weight of the file by the name that it has in this network."""
        return tensors_in_order(self._file, network, on_its_side=self.on_its_side)


class MtcnnOnnx(OnnxInOrder):
    """MTCNN as keras2onnx wrote it from the public Keras version.

    The authors trained it in MATLAB, on pictures whose rows are columns.
    """

    name: ClassVar[str] = "mtcnn-onnx"
    on_its_side: ClassVar[bool] = True

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether it is an ONNX model with slopes, and with kernels called as by Keras."""
        if not isinstance(container, OnnxFile):
            return False
        kinds = {operation.kind for operation in container.operations}
        names = [entry.name for entry in container.entries()]
        return "PRelu" in kinds and any(_KERAS_KERNEL.fullmatch(name) for name in names)


@dataclass(frozen=True)
class Weighted:
    """An operation with weights: a kernel or a slope, and where there is one, a bias."""

    kind: str
    kernel: Entry
    bias: Entry | None


def tensors_in_order(
    file: OnnxFile, network: Network[Outputs], *, on_its_side: bool = False
) -> dict[ParameterName, Tensor]:
    """Return every weight of the file by the name that it has in this network.

    `on_its_side` is for a network that was trained on pictures whose rows are columns: height and
    width of its kernels change places. Tensors that have no place in the network keep the name of
    the file.
    """
    stored = {entry.name: entry for entry in file.entries()}
    left = weighted_operations(file, stored)
    tensors: dict[ParameterName, Tensor] = {}
    used: set[str] = set()
    for node in network.nodes:
        for operation in left if node.parameters else ():
            shapes = {name: spec.shape for name, spec in node.parameters.items()}
            if found := _tensors_of(operation, node.layer, shapes, on_its_side=on_its_side):
                tensors |= {(node.name, name): tensor for name, tensor in found.items()}
                used |= {e.name for e in (operation.kernel, operation.bias) if e is not None}
                left.remove(operation)
                break
    sizes = {name for one in file.operations if one.kind in OF_SHAPES for name in one.inputs}
    for name, entry in stored.items():
        if name not in used | sizes:
            tensors["", name] = Tensor(entry.shape or (), entry.read)
    return tensors


def weighted_operations(file: OnnxFile, stored: Mapping[str, Entry]) -> list[Weighted]:
    """List the operations that read stored weights, in the order of the file."""
    added = {  # what is added to a result: the bias of a product of matrices
        result: stored[other]
        for one in file.operations
        if one.kind == "Add" and len(one.inputs) == 2
        for result, other in (one.inputs, one.inputs[::-1])
        if other in stored and result not in stored
    }
    found = []
    for one in file.operations:
        if one.kind not in ("Conv", "PRelu", "MatMul") or len(one.inputs) < 2:
            continue
        kernel = stored.get(one.inputs[1])
        if kernel is None:
            continue
        bias = stored.get(one.inputs[2]) if len(one.inputs) > 2 else None
        if one.kind == "MatMul" and one.outputs:
            bias = added.get(one.outputs[0])
        found.append(Weighted(one.kind, kernel, bias))
    return found


def _tensors_of(
    operation: Weighted, layer: Layer, shapes: Mapping[str, Shape], *, on_its_side: bool
) -> dict[str, Tensor] | None:
    """Return an operation's weights as a layer names and shapes them; None if they do not fit."""
    main = "alpha" if isinstance(layer, PReLU) else "kernel"
    shape = operation.kernel.shape
    if shape is None or main not in shapes:
        return None
    move = _move(operation.kind, layer, shape, shapes[main], on_its_side=on_its_side)
    if move is None or ("bias" in shapes) != (operation.bias is not None):
        return None
    found = {main: _moved(operation.kernel, shape, move, shapes[main])}
    if operation.bias is not None:
        if operation.bias.shape != shapes["bias"]:
            return None
        found["bias"] = Tensor(shapes["bias"], operation.bias.read)
    return found


@dataclass(frozen=True)
class Move:
    """A reordering of numbers: reshape to `seen_as`, then transpose to `axes`."""

    seen_as: Shape
    axes: tuple[int, ...]


def _move(
    kind: str, layer: Layer, stored: Shape, wanted: Shape, *, on_its_side: bool
) -> Move | None:
    """Return how to reorder a kernel for a layer; None if the operation is not the layer's."""
    move: Move | None = None
    if kind == "PRelu" and isinstance(layer, PReLU):
        move = Move((prod(stored),), (0,))
    elif kind == "Conv" and len(stored) == 4 and isinstance(layer, Convolution):
        move = Move(stored, (2, 3, 1, 0))
    elif kind == "Conv" and len(stored) == 4 and isinstance(layer, DepthwiseConvolution):
        move = Move(stored, (2, 3, 0, 1))
    elif kind == "MatMul" and len(stored) == 2 and isinstance(layer, Dense):
        move = Move(stored, (0, 1))
    elif kind == "MatMul" and len(stored) == 2 and isinstance(layer, Convolution):
        turned = (wanted[1], wanted[0], *wanted[2:]) if on_its_side else wanted
        move = Move(turned, (0, 1, 2, 3)) if prod(stored) == prod(wanted) else None
    if move is not None and on_its_side and len(move.axes) == 4:
        move = Move(move.seen_as, (move.axes[1], move.axes[0], *move.axes[2:]))
    if move is None or tuple(move.seen_as[axis] for axis in move.axes) != wanted:
        return None
    return move


def _moved(entry: Entry, stored: Shape, move: Move, wanted: Shape) -> Tensor:
    def read(output: Array) -> None:
        numbers = np.empty(stored, np.float32)
        entry.read(numbers)
        np.copyto(output, numbers.reshape(move.seen_as).transpose(move.axes))

    return Tensor(wanted, read)
