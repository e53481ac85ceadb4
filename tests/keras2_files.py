"""Writing weight files in the layout of Keras 2, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from npfacenet.layers import Array
from npfacenet.networks import ParameterName


def write_keras2(
    path: Path,
    parameters: Mapping[ParameterName, Array],
    *,
    full_model: bool = False,
    suffix: str = ":0",
    storage: Mapping[str, object] | None = None,
) -> Path:
    """As Keras 2's save_weights does, or save with full_model."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if full_model else file
        layers = list(dict.fromkeys(layer for layer, _ in parameters))
        root.attrs["layer_names"] = np.array(["input_1", *layers], "S")
        root.create_group("input_1").attrs["weight_names"] = np.array([], "S")
        for layer in layers:
            names = [name for other, name in parameters if other == layer]
            group = root.create_group(layer)
            group.attrs["weight_names"] = np.array([f"{layer}/{n}{suffix}" for n in names], "S")
            for name in names:
                group.create_dataset(
                    f"{layer}/{name}{suffix}", data=parameters[layer, name], **(storage or {})
                )
        if full_model:
            file.attrs["model_config"] = '{"class_name": "Model"}'
            file.create_group("optimizer_weights").create_dataset("step", data=np.float32(3))
    return path
