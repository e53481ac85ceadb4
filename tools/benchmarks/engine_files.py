"""Write the files that the engines of `inference.py` read, and print their description as JSON.

It has a process of its own, because a child's peak of memory begins with its parent's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from engines import Task

import npfacenet
from npfacenet.cards import Card
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.models import Model
from npfacenet.models.fresh import fresh_model
from npfacenet.networks import Network, NetworkParameters, Outputs, sole, summarise
from npfacenet.recipes import recipes
from npfacenet.threads.cores import cores


def subject(
    name: str, models: Mapping[str, Model]
) -> tuple[Network[Outputs], NetworkParameters, Card]:
    """Return a network with its weights, drawn ones unless some were given, and its card."""
    if model := models.get(name):
        return model.network, model.parameters, model.card
    model = fresh_model(recipes(name)[0], seed=0)
    return model.network, model.parameters, model.card


def write(folder: Path, name: str, batches: Sequence[int], models: Mapping[str, Model]) -> int:
    """Write one network's files; return its multiply-adds per picture."""
    network, parameters, card = subject(name, models)
    task = Task(folder, name, max(batches), 1)
    write_checkpoint(task.weights, network, parameters, card)
    write_checkpoint(task.keras, network, parameters, card, layout="keras2-weights")
    shape = (max(batches), *network.input_shape)
    pictures = np.random.default_rng(0).random(shape, dtype=np.float32)
    np.save(task.faces, pictures)
    np.save(task.expected, sole(network.forward(parameters, pictures[:1]))[0])
    if find_spec("onnx") is not None:
        from onnx_file import write_onnx

        for batch in batches:  # OpenCV needs a fixed batch
            write_onnx(network, parameters, Task(folder, name, batch, 1).onnx, batch)
    return summarise(network).multiply_adds


def write_all(text: str) -> None:
    """Write the files of every requested network; the request is JSON (`inference.prepare`)."""
    request = json.loads(text)
    models = {model.network.name: model for model in map(npfacenet.load, request["weights"])}
    if strange := models.keys() - set(request["networks"]):
        sys.exit(f"there are weights of {min(strange)}, which is not measured")
    folder, batches = Path(request["folder"]), request["batches"]
    work = {name: write(folder, name, batches, models) for name in request["networks"]}
    print(json.dumps({"cores": cores(), "blas": blas(), "multiply_adds": work}))


def blas() -> str:
    """Return the name and version of the library that multiplies matrices for NumPy."""
    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"
