"""The legacy HDF5 layout of Keras 2: weights files, and full models.

A weights file has one group for each layer, `conv1`, and in it the tensors under their
TensorFlow names, `conv1/conv1/kernel:0`; a full model keeps the same under
`model_weights` (keras.src.legacy.saving.legacy_h5_format). Keras 3 writes the names
without `:0`.
"""

from __future__ import annotations

from npfacenet.checkpoints.hdf5 import Dataset, TensorFile
from npfacenet.errors import WeightsError
from npfacenet.networks import ParameterName

MODEL_GROUP = "model_weights"
BESIDE_WEIGHTS = ("optimizer_weights", "top_level_model_weights")


def is_keras2(file: TensorFile) -> bool:
    """Whether this is a weights file or a full model: both list the names of their layers."""
    return any(file.has_attribute(group, "layer_names") for group in ("", MODEL_GROUP))


def tensors(file: TensorFile) -> dict[ParameterName, Dataset]:
    """Every tensor of the network by (layer, parameter); the state of an optimizer is left out.

    Raises WeightsError for two tensors of one name and for one outside of any layer.
    """
    full_model = file.has_attribute(MODEL_GROUP, "layer_names")
    named: dict[ParameterName, Dataset] = {}
    for dataset in file.datasets():
        parts = dataset.path.split("/")
        if full_model:
            if parts[0] in BESIDE_WEIGHTS:
                continue
            if parts[0] == MODEL_GROUP:
                del parts[0]
        if len(parts) < 2:
            raise WeightsError(f"{file.path}: {dataset.path!r} is in the group of no layer")
        name = (parts[0], parts[-1].removesuffix(":0"))
        if name in named:
            raise WeightsError(f"{file.path} holds {'/'.join(name)} twice")
        named[name] = dataset
    return named
