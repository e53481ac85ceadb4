"""Where the time of npfacenet's training step goes: `bench.py --training --layers`."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from training_step import FACES, WARM_UP, npfacenet_step

from npfacenet.layers import Array, Layer, Parameters, Saved, Shape
from npfacenet.recipes import nn4_small2


@dataclass(frozen=True)
class Timed(Layer):
    """A layer that records the seconds of its passes, in a thread."""

    layer: Layer
    spent: dict[str, list[float]]

    def output_shape(self, *inputs: Shape) -> Shape:
        """As the layer."""
        return self.layer.output_shape(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """As the layer."""
        return self.layer.forward(parameters, *inputs)

    def forward_saving(
        self,
        parameters: Parameters,
        *inputs: Array,
        training: bool = True,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Saved, dict[str, Array]]:
        """As the layer, timed."""
        start = time.perf_counter()
        result = self.layer.forward_saving(parameters, *inputs, training=training, rng=rng)
        self.spent["forward"].append(time.perf_counter() - start)
        return result

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[tuple[Array, ...], dict[str, Array]]:
        """As the layer, timed."""
        start = time.perf_counter()
        result = self.layer.backward(parameters, saved, upstream, to_inputs=to_inputs)
        self.spent["backward"].append(time.perf_counter() - start)
        return result


def layers(rounds: int) -> None:
    """Print the time of a step, layer by layer, in milliseconds of both threads per face."""
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
