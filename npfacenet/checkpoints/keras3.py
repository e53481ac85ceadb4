"""Keras 3's `.weights.h5`, which names its groups by class and running number.

`layers/conv2d_17/vars/0` is the first variable of the eighteenth convolution, counted in
the order of `model.layers` (keras.src.saving.saving_lib): by distance from the output,
then by creation (keras.src.ops.function.map_graph).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

from npfacenet.checkpoints.hdf5 import Dataset, TensorFile, writing_hdf5
from npfacenet.checkpoints.layout import Tensor, WeightFile
from npfacenet.errors import WeightsError
from npfacenet.layers import BatchNorm, Convolution, Dense, Layer
from npfacenet.networks import Network, NetworkParameters, Node, ParameterName

GROUP = "layers"
CLASSES: dict[str, type[Layer]] = {
    "conv2d": Convolution,
    "batch_normalization": BatchNorm,
    "dense": Dense,
}
_VARIABLE = re.compile(r"layers/(.+?)(?:_(\d+))?/vars/(\d+)")


class Keras3Weights(WeightFile):
    """A file of `model.save_weights("NAME.weights.h5")`, or the one inside a `.keras` archive."""

    layout: ClassVar[str] = "keras3-weights"

    def __init__(self, file: TensorFile) -> None:
        self.path = file.path
        self._file = file
        self._variables: dict[tuple[str, int], dict[int, Dataset]] = {}
        self._strays: list[Dataset] = []
        for dataset in file.datasets(GROUP, skip=lambda path: path.endswith("/seed_generator")):
            if dataset.dtype.kind != "f":
                raise WeightsError(f"{file.path}: {dataset.path!r} holds bytes, not numbers")
            named = _VARIABLE.fullmatch(dataset.path)
            if named is None or named[1] not in CLASSES:
                self._strays.append(dataset)
            else:
                layer = (named[1], int(named[2] or 0))
                self._variables.setdefault(layer, {})[int(named[3])] = dataset

    @classmethod
    def recognises(cls, file: TensorFile) -> bool:
        """Whether the file has the group that this layout keeps its layers in."""
        return file.has_group(GROUP)

    def tensors(self, network: Network) -> Mapping[ParameterName, Tensor]:
        """Variables by the network's names, as far as their order reaches.

        The shapes prove the order afterwards, tensor by tensor. Layers of the same class and
        shapes, put into each other's place by a writer who names them otherwise than Keras,
        could not be told apart.
        """
        named = {
            (dataset.path, ""): Tensor(dataset.shape, partial(self._file.read_into, dataset))
            for dataset in self._strays
        }
        for keras_class, kind in CLASSES.items():
            layers = sorted(layer for layer in self._variables if layer[0] == keras_class)
            nodes = [node for node in keras_order(network) if isinstance(node.layer, kind)]
            for i, layer in enumerate(layers):
                for number, dataset in self._variables[layer].items():
                    name = _name(nodes[i] if i < len(nodes) else None, layer, number)
                    named[name] = Tensor(dataset.shape, partial(self._file.read_into, dataset))
        return named


def keras_order(network: Network) -> list[Node]:
    """The nodes as Keras lists its layers: farthest from the output first, then as created.

    >>> from npfacenet.recipes import nn4_small2
    >>> names = [node.name for node in keras_order(nn4_small2())]
    >>> [name for name in names if name.startswith("inception_3a") and "conv" in name]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['inception_3a_3x3_conv1', 'inception_3a_5x5_conv1', 'inception_3a_pool_conv',
     'inception_3a_3x3_conv2', 'inception_3a_5x5_conv2', 'inception_3a_1x1_conv']
    """
    distance = {network.nodes[-1].name: 0}
    for node in reversed(network.nodes):
        for name in node.inputs:
            distance[name] = max(distance.get(name, 0), distance[node.name] + 1)
    return sorted(network.nodes, key=lambda node: -distance[node.name])


def _name(node: Node | None, layer: tuple[str, int], variable: int) -> ParameterName:
    """The network's name of a variable; the file's own where the network has none."""
    parameters = list(node.parameters) if node else []
    if node is not None and variable < len(parameters):
        return node.name, parameters[variable]
    return f"{layer[0]}_{layer[1]}", str(variable)


def write_keras3_weights(path: Path, parameters: NetworkParameters, network: Network) -> None:
    """Write a `.weights.h5` as Keras 3 does, whole or not at all.

    Raises OutputError if the file cannot be written.
    """
    running = dict.fromkeys(CLASSES, 0)
    with writing_hdf5(path) as file:
        for node in keras_order(network):
            for keras_class, kind in CLASSES.items():
                if isinstance(node.layer, kind):
                    number = running[keras_class]
                    running[keras_class] += 1
                    group = file.create_group(f"{_group(keras_class, number)}/vars")
                    group.attrs["name"] = node.name
                    for i, parameter in enumerate(node.parameters):
                        group[str(i)] = parameters[node.name, parameter]


def _group(keras_class: str, number: int) -> str:
    return f"{GROUP}/{keras_class}{f'_{number}' if number else ''}"
