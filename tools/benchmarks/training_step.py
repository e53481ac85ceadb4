"""A training step of nn4.small2, 48 faces, by npfacenet and by PyTorch: for `training.py`."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from npfacenet.networks import Network
from npfacenet.recipes import nn4_small2
from npfacenet.threads.cores import cores
from npfacenet.training import Configuration
from npfacenet.training.batch import Batch
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import objectives

FACES = 48
IDENTITIES = 16
WARM_UP = 3


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return noise in the shape of a batch, and its labels: 16 identities with 3 faces each."""
    images = np.random.default_rng(0).random((FACES, 96, 96, 3), dtype=np.float32)
    return images, np.repeat(np.arange(IDENTITIES), FACES // IDENTITIES)


def npfacenet_step(network: Network | None = None) -> Callable[[], object]:
    """Return a step of ours: forward, semi-hard triplets, backward, Adam, shared by all cores."""
    network = nn4_small2("course") if network is None else network
    choices = Configuration()
    terms = objectives(choices.loss, None, 128, IDENTITIES)
    learner = Learner(network, network.initialise(0), terms, choices, threads=cores())
    batch = Batch(*pictures())
    return lambda: learner.step(batch)


def torch_step() -> Callable[[], object]:
    """Return a step of PyTorch eager: the same graph, Adam, and a triplet loss without mining."""
    import torch
    from torch_network import TorchNetwork

    torch.set_num_threads(cores())
    network = nn4_small2("course")
    module = TorchNetwork(network, network.initialise(0))
    images, _ = pictures()
    faces = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)

    def step() -> object:
        optimizer.zero_grad(set_to_none=True)
        anchor, positive, other = module(faces).reshape(IDENTITIES, 3, -1).unbind(1)
        to_positive = (anchor - positive).square().sum(1)
        to_negative = (anchor - other.roll(1, 0)).square().sum(1)
        loss = torch.relu(to_positive - to_negative + 0.2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def serve(engine: str) -> None:
    """Make a step for every line of standard input; print its seconds and the peak memory."""
    step = {"npfacenet": npfacenet_step, "torch": torch_step}[engine]()
    for _ in range(WARM_UP):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([seconds, peak]), flush=True)
