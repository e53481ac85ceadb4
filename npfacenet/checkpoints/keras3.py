"""Keras 3's `.weights.h5`, which names its groups by class and running number.

`layers/conv2d_17/vars/0` is the first variable of the eighteenth convolution, counted in
the order of `model.layers` (keras.src.saving.saving_lib, `layer_order.py`). Keras 2.12 and
2.13, the first with this layout, have another group and count every layer with weights
twice: `_layer_checkpoint_dependencies/conv2d_34/vars/0` is the same variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from npfacenet.checkpoints.container import Container
from npfacenet.checkpoints.hdf5 import writing_hdf5
from npfacenet.checkpoints.layer_order import keras_order
from npfacenet.checkpoints.layout import Layout, Tensor, tensor_of
from npfacenet.layers import BatchNorm, Convolution, Dense, Layer
from npfacenet.networks import Network, NetworkParameters, Node, Outputs, ParameterName

GROUP = "layers"
FIRST_GROUP = "_layer_checkpoint_dependencies"
OWN_GROUP = "vars"  # of the model itself, which has none
GROUPS = (GROUP, FIRST_GROUP, OWN_GROUP)
CLASSES: dict[str, type[Layer]] = {
    "conv2d": Convolution,
    "batch_normalization": BatchNorm,
    "dense": Dense,
}
# Only as Keras spells them: `conv2d_0`, `conv2d_01` or `vars/00` would be second names.
_VARIABLE = re.compile(
    rf"/({'|'.join(CLASSES)})(?:_([1-9][0-9]{{0,4}}))?/vars/(0|[1-9][0-9]{{0,4}})"
)


class Keras3Weights(Layout):
    """A file of `model.save_weights("NAME.weights.h5")`, or the one inside a `.keras` archive."""

    name: ClassVar[str] = "keras3-weights"

    def __init__(self, container: Container) -> None:
        self.path = container.path
        self._variables: dict[tuple[str, int, int], tuple[str, Tensor]] = {}
        self._strays: dict[ParameterName, Tensor] = {}
        groups = {group: container.entries(group, skip=_is_seed) for group in GROUPS}
        used = GROUP if groups[GROUP] else FIRST_GROUP  # tensors of the other are second ones
        for group, entries in groups.items():
            for entry in entries:
                tensor = tensor_of(entry, self.path)
                named = _VARIABLE.fullmatch(entry.name.removeprefix(group))
                if named is None or group != used:
                    self._strays[entry.name, ""] = tensor
                else:
                    place = named[1], int(named[2] or 0), int(named[3])
                    self._variables[place] = entry.name, tensor
        if used == FIRST_GROUP and not any(number % 2 for _, number, _ in self._variables):
            self._variables = {
                (keras_class, number // 2, variable): named_tensor
                for (keras_class, number, variable), named_tensor in self._variables.items()
            }

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether the file has a group that this layout keeps its layers in."""
        return container.has_group(GROUP) or container.has_group(FIRST_GROUP)

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return the variables by the network's names, as far as their order reaches.

        The shapes prove the order afterwards, tensor by tensor. Layers of the same class and
        shapes cannot be told apart if a writer numbers them otherwise than Keras.
        """
        tensors = dict(self._strays)
        ordered = keras_order(network)
        nodes = {
            keras_class: [node for node in ordered if isinstance(node.layer, kind)]
            for keras_class, kind in CLASSES.items()
        }
        for (keras_class, number, variable), (path, tensor) in self._variables.items():
            name = _name(nodes[keras_class], number, variable) or (path, "")
            tensors[name] = tensor
        return tensors


def _is_seed(path: str) -> bool:
    return path.endswith("/seed_generator")


def _name(nodes: Sequence[Node], number: int, variable: int) -> ParameterName | None:
    """Return the network's name of a variable of the layer with this number; None if none."""
    if number >= len(nodes) or variable >= len(nodes[number].parameters):
        return None
    return nodes[number].name, list(nodes[number].parameters)[variable]


def write_keras3_weights(
    path: Path, parameters: NetworkParameters, network: Network[Outputs]
) -> None:
    """Write a `.weights.h5` as Keras 3 does, and Keras from 2.15 on, whole or not at all.

    Keras 2.12 and 2.13 want `write_keras_weights` instead. Raises OutputError if the file cannot
    be written.
    """
    running = dict.fromkeys(CLASSES, 0)
    with writing_hdf5(path) as file:
        file.create_group(OWN_GROUP)  # Keras before 3.6 asks for it
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
