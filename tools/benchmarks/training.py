"""A training step of nn4.small2, 48 faces, against PyTorch eager: called by `bench.py --training`.

Each engine is a process of its own. All are started before any is timed, then they take turns,
one step each: idle threads of an engine in the same process would slow the others.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from turns import line

from npfacenet.layers import Array, Layer, Parameters, Saved, Shape
from npfacenet.networks import Network, summarise
from npfacenet.recipes import nn4_small2
from npfacenet.threads.blas import cores
from npfacenet.training import Configuration
from npfacenet.training.batch import Batch
from npfacenet.training.learner import Learner
from npfacenet.training.objectives import objectives

FACES = 48
IDENTITIES = 16
WARM_UP = 3
ENGINES = ("npfacenet", "torch")


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Noise in the shape of a batch, and its labels: 16 identities with 3 faces each."""
    images = np.random.default_rng(0).random((FACES, 96, 96, 3), dtype=np.float32)
    return images, np.repeat(np.arange(IDENTITIES), FACES // IDENTITIES)


def npfacenet_step(network: Network | None = None) -> Callable[[], object]:
    """Ours: forward, semi-hard triplets, backward, Adam; two shards in as many threads."""
    network = nn4_small2("course") if network is None else network
    choices = Configuration()
    terms = objectives(choices.loss, None, 128, IDENTITIES)
    learner = Learner(network, network.initialise(0), terms, choices, threads=cores())
    batch = Batch(*pictures())
    return lambda: learner.step(batch)


def torch_step() -> Callable[[], object]:
    """PyTorch eager: the same graph and Adam, and a triplet loss without mining."""
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
    """Make a step for every line that comes in; answer with its seconds, and the peak memory."""
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


def take_turns(engines: tuple[str, ...], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds and peak megabytes of each engine's steps, round after round."""
    processes = {
        engine: subprocess.Popen(
            [sys.executable, __file__, engine],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for engine in engines
    }  # fmt: skip
    try:
        for engine, process in processes.items():
            if line(process) != "ready":
                sys.exit(f"the process of {engine} did not start")
        table: dict[str, list[tuple[float, float]]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine, process in processes.items():
                seconds, peak = json.loads(line(process, "go"))
                table[engine].append((seconds, peak))
        return table
    finally:
        for process in processes.values():
            process.kill()


def training(rounds: int, *, as_json: bool) -> None:
    """Time the engines that are installed, and print medians, spread and ratio."""
    engines = tuple(e for e in ENGINES if e == "npfacenet" or find_spec(e) is not None)
    if "torch" not in engines:
        print("torch is not installed (pip install 'npfacenet[bench]')", file=sys.stderr)
    table = take_turns(engines, rounds)
    multiply_adds = 3 * summarise(nn4_small2("course")).multiply_adds
    results: list[dict[str, object]] = []
    quartiles: dict[str, tuple[float, float]] = {}
    for engine, steps in table.items():
        faces = [1000 * seconds / FACES for seconds, _ in steps]
        low, middle, high = statistics.quantiles(faces, n=4)
        quartiles[engine] = (low, high)
        pairs = zip(table["npfacenet"], steps, strict=True)
        results.append(
            {
                "network": "nn4.small2 training",
                "batch": FACES,
                "engine": engine,
                "ms_per_face": round(middle, 3),
                "quartiles": [round(low, 3), round(high, 3)],
                "gflops": round(2 * multiply_adds / middle / 1e6, 1),
                "peak_megabytes": round(max(peak for _, peak in steps)),
                "npfacenet_to_this": round(
                    statistics.median(ours[0] / other[0] for ours, other in pairs), 3
                ),
            }
        )
    if as_json:
        print(json.dumps({"cores": cores(), "rounds": rounds, "results": results}, indent=2))
        return
    print(f"forward + backward + update, nn4.small2, {FACES} faces, {cores()} cores, ", end="")
    print(f"{rounds} rounds")
    print(f"{'':12}{'ms/face':>9}{'quartiles':>18}{'GFLOP/s':>9}{'MB':>7}{'ours / it':>11}")
    for row in results:
        spread = " - ".join(f"{quartile:.2f}" for quartile in quartiles[str(row["engine"])])
        print(
            f"{row['engine']:12}{row['ms_per_face']:9.2f}{spread:>18}"
            f"{row['gflops']:9.0f}{row['peak_megabytes']:7}{row['npfacenet_to_this']:11.2f}"
        )


@dataclass(frozen=True)
class Timed(Layer):
    """A layer that writes down what its passes take, in seconds of a thread."""

    layer: Layer
    spent: dict[str, list[float]]

    def output_shape(self, *inputs: Shape) -> Shape:
        """The layer's."""
        return self.layer.output_shape(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """The layer's."""
        return self.layer.forward(parameters, *inputs)

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, dict[str, Array]]:
        """The layer's, timed."""
        start = time.perf_counter()
        result = self.layer.forward_saving(parameters, *inputs, training=training, rng=rng)
        self.spent["forward"].append(time.perf_counter() - start)
        return result

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[tuple[Array, ...], dict[str, Array]]:
        """The layer's, timed."""
        start = time.perf_counter()
        result = self.layer.backward(parameters, saved, upstream, to_inputs=to_inputs)
        self.spent["backward"].append(time.perf_counter() - start)
        return result


def layers(rounds: int) -> None:
    """Where the time of a step goes, layer by layer, in milliseconds of both threads per face."""
    plain = nn4_small2("course")
    spent: dict[str, dict[str, list[float]]] = {n.name: defaultdict(list) for n in plain.nodes}
    nodes = tuple(replace(n, layer=Timed(n.layer, spent[n.name])) for n in plain.nodes)
    step = npfacenet_step(replace(plain, nodes=nodes))
    for _ in range(WARM_UP):
        step()
    for times in spent.values():
        times.clear()
    start = time.perf_counter()
    for _ in range(rounds):
        step()
    whole = 1000 * (time.perf_counter() - start) / rounds / FACES
    scale = 1000 / rounds / FACES
    kinds: dict[str, float] = defaultdict(float)
    print(f"{'':26}{'forward':>9}{'backward':>10}{'GFLOP/s':>9}   ms of a thread per face")
    for node in plain.nodes:
        forward, backward = (scale * sum(spent[node.name][k]) for k in ("forward", "backward"))
        kinds[type(node.layer).__name__] += forward + backward
        work = 6 * node.layer.multiply_adds(*node.input_shapes)
        rate = f"{work / (forward + backward) / 1e6:9.0f}" if work else f"{'':9}"
        print(f"{node.name:26}{forward:9.3f}{backward:10.3f}{rate}   {type(node.layer).__name__}")
    print(f"\nof {2 * whole:.2f} ms of two threads per face ({whole:.2f} ms of the clock):")
    for kind, spent_on in sorted(kinds.items(), key=lambda item: -item[1]):
        print(f"{kind:26}{spent_on:9.2f}{100 * spent_on / whole / 2:8.1f} %")


if __name__ == "__main__":
    serve(sys.argv[1])
