"""Writes what the engines of `inference.py` read, and prints what describes it, as JSON.

It is a process of its own, because a child's peak of memory begins with its parent's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from engines import Task

import npfacenet
from npfacenet.cards import Card
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.models import Model
from npfacenet.models.fresh import fresh_model
from npfacenet.networks import Network, NetworkParameters, summarise
from npfacenet.recipes import recipes
from npfacenet.threads.blas import cores


def subject(name: str, models: Mapping[str, Model]) -> tuple[Network, NetworkParameters, Card]:
    """A network with its weights where there are some, or else with drawn ones."""
    if model := models.get(name):
        return model.network, model.parameters, model.card
    model = fresh_model(recipes(name)[0], seed=0)
    return model.network, model.parameters, model.card


def write(folder: Path, name: str, batches: Sequence[int], models: Mapping[str, Model]) -> int:
    """Write one network's files, and give its multiply-adds for a picture."""
    network, parameters, card = subject(name, models)
    task = Task(folder, name, max(batches), 1)
    write_checkpoint(task.weights, network, parameters, card)
    shape = (max(batches), *network.input_shape)
    pictures = np.random.default_rng(0).random(shape, dtype=np.float32)
    np.save(task.faces, pictures)
    np.save(task.expected, network.forward(parameters, pictures[:1])[0])
    if find_spec("onnx") is not None:
        from onnx_file import write_onnx

        for batch in batches:  # OpenCV must know the batch
            write_onnx(network, parameters, Task(folder, name, batch, 1).onnx, batch)
    return summarise(network).multiply_adds


def main(request: Mapping[str, Any]) -> None:
    """Write the files of every network that is asked for."""
    models = {model.network.name: model for model in map(npfacenet.load, request["weights"])}
    if strange := models.keys() - set(request["networks"]):
        sys.exit(f"there are weights of {min(strange)}, which is not measured")
    folder, batches = Path(request["folder"]), request["batches"]
    work = {name: write(folder, name, batches, models) for name in request["networks"]}
    print(json.dumps({"cores": cores(), "blas": blas(), "multiply_adds": work}))


def blas() -> str:
    """The library that NumPy leaves matrix products to."""
    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
