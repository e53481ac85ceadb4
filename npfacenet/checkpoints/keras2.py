"""The layouts of Keras that name their layers: weights files, and full models.

A weights file has one group for each layer, `conv1`, and in it the tensors under their
TensorFlow names, `conv1/conv1/kernel:0`; a full model keeps the same under
`model_weights` (keras.src.legacy.saving.legacy_h5_format). Keras 3 writes full models so
too, without the `:0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from npfacenet.checkpoints.container import Container
from npfacenet.checkpoints.hdf5 import writing_hdf5
from npfacenet.checkpoints.layer_order import keras_order
from npfacenet.checkpoints.layout import Layout, Tensor, shown, tensor_of
from npfacenet.errors import WeightsError
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName

MODEL_GROUP = "model_weights"
LIST = "layer_names"


class KerasWeights(Layout):
    """A weights file: Keras 2's `model.save_weights("NAME.h5")`."""

    name: ClassVar[str] = "keras2-weights"
    group: ClassVar[str] = ""
    unread: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, container: Container) -> None:
        self.path = container.path
        self._tensors: dict[ParameterName, Tensor] = {}
        prefix = f"{self.group}/" if self.group else ""
        for entry in container.entries(skip=self.unread.__contains__):
            parts = entry.name.removeprefix(prefix).split("/")
            name = (parts[0], parts[-1].removesuffix(":0"))
            if not entry.name.startswith(prefix):
                name = (entry.name, "")  # beside the layers, so of no network
            elif len(parts) < 2:
                raise WeightsError(f"{self.path}: {entry.name!r} is not in the group of a layer")
            if name in self._tensors:
                raise WeightsError(
                    f"{self.path} holds {shown(name)} twice: as {entry.name!r} and by another "
                    "name; save it again with Keras"
                )
            self._tensors[name] = tensor_of(entry, self.path)

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether the file lists its layers where this layout does."""
        return container.has_attribute(cls.group, LIST)

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return the tensors by the file's own names, whatever the network."""
        return self._tensors


class KerasModel(KerasWeights):
    """A full model, `model.save("NAME.h5")`; its `model_config` and optimizer are not read."""

    name: ClassVar[str] = "keras-model"
    group: ClassVar[str] = MODEL_GROUP
    unread: ClassVar[frozenset[str]] = frozenset({"optimizer_weights"})


def write_keras_weights(
    path: Path, parameters: NetworkParameters, network: Network[Outputs]
) -> None:
    """Write a weights file as Keras 2 does, whole or not at all.

    Plain `load_weights` reads by position: the n-th layer with weights in the list goes into the
    n-th layer with weights of the model, and each layer's tensors in the order of its own list.
    Raises OutputError if the file cannot be written.
    """
    with writing_hdf5(path) as file:
        nodes = [node for node in keras_order(network) if node.parameters]
        file.attrs[LIST] = np.array([node.name for node in nodes], "S")
        # Without these, Keras takes the file for one of Keras 1, and flips the kernels.
        file.attrs["keras_version"] = b"2.0.0"
        file.attrs["backend"] = b"tensorflow"
        for node in nodes:
            group = file.create_group(node.name)
            names = {parameter: f"{node.name}/{parameter}:0" for parameter in node.parameters}
            group.attrs["weight_names"] = np.array(list(names.values()), "S")
            for parameter, name in names.items():
                group[name] = parameters[node.name, parameter]
