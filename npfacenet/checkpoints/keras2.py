"""The HDF5 layouts of Keras that name their layers: weights files, and full models.

A weights file has one group for each layer, `conv1`, and in it the tensors under their
TensorFlow names, `conv1/conv1/kernel:0`; a full model keeps the same under
`model_weights` (keras.src.legacy.saving.legacy_h5_format). Keras 3 writes full models so
too, without the `:0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from npfacenet.checkpoints.hdf5 import TensorFile, writing_hdf5
from npfacenet.checkpoints.layout import Tensor, WeightFile
from npfacenet.errors import WeightsError
from npfacenet.networks import Network, NetworkParameters, ParameterName

MODEL_GROUP = "model_weights"
LIST = "layer_names"


class KerasWeights(WeightFile):
    """A weights file: Keras 2's `model.save_weights("NAME.h5")`."""

    layout: ClassVar[str] = "keras2-weights"
    group: ClassVar[str] = ""

    def __init__(self, file: TensorFile) -> None:
        self.path = file.path
        self._tensors: dict[ParameterName, Tensor] = {}
        for dataset in file.datasets(within=self.group):
            parts = dataset.path.removeprefix(f"{self.group}/").split("/")
            name = (parts[0], parts[-1].removesuffix(":0"))
            if len(parts) < 2:
                raise WeightsError(f"{file.path}: {dataset.path!r} is in the group of no layer")
            if dataset.dtype.kind != "f":
                raise WeightsError(f"{file.path}: {dataset.path!r} holds bytes, not numbers")
            if name in self._tensors:
                raise WeightsError(f"{file.path} holds {'/'.join(name)} twice")
            self._tensors[name] = Tensor(dataset.shape, partial(file.read_into, dataset))

    @classmethod
    def recognises(cls, file: TensorFile) -> bool:
        """Whether the file lists its layers where this layout does."""
        return file.has_attribute(cls.group, LIST)

    def tensors(self, network: Network) -> Mapping[ParameterName, Tensor]:
        """The file's own names, whatever the network."""
        return self._tensors


class KerasModel(KerasWeights):
    """A full model, `model.save("NAME.h5")`; its `model_config` and optimizer are not read."""

    layout: ClassVar[str] = "keras-model"
    group: ClassVar[str] = MODEL_GROUP


def write_keras_weights(path: Path, parameters: NetworkParameters) -> None:
    """Write a weights file as Keras 2 does, whole or not at all.

    Raises OutputError if the file cannot be written.
    """
    with writing_hdf5(path) as file:
        layers = list(dict.fromkeys(layer for layer, _ in parameters))
        file.attrs[LIST] = np.array(layers, "S")
        file.attrs["backend"] = b"npfacenet"
        for layer in layers:
            own = {name: tensor for (other, name), tensor in parameters.items() if other == layer}
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([f"{layer}/{name}:0" for name in own], "S")
            for name, tensor in own.items():
                group[f"{layer}/{name}:0"] = tensor
