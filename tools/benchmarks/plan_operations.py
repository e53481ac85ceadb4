"""Where the time of npfacenet's plan goes, operation by operation: `bench.py --layers`.

Measured on one core with eight pictures at a time, as each thread of a large batch works.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from npfacenet.inference import Plan
from npfacenet.inference.batching import TOGETHER
from npfacenet.recipes import recipes
from npfacenet.threads.blas import single_threaded

WARM_UP = 3
GROUPS = {"matmul": "products", "copyto": "copies"}  # all others are element-wise passes


def layers(network: str, rounds: int) -> None:
    """Print a line for each operation, and the sums by kind."""
    recipe = recipes(network)[0].build()
    plan = Plan(recipe, recipe.initialise(0))  # speed does not depend on the weights
    bound = plan.bind(TOGETHER)
    faces = np.random.default_rng(0).random((TOGETHER, *plan.network.input_shape), np.float32)
    output = np.empty((TOGETHER, *plan.network.output_shape), np.float32)
    times: list[list[dict[str, float]]] = [[] for _ in bound.work]
    with single_threaded(), np.errstate(all="ignore"):
        for _ in range(WARM_UP):
            bound.run(faces, output)
        for _ in range(rounds):
            bound.run(faces, output)
            for work, spent in zip(bound.work, times, strict=True):
                spent.append(_timed(work.calls))
    print(f"{network}, {TOGETHER} pictures at a time, one core: microseconds a picture")
    print(f"{'':46}{'kind':16}{'us':>8}{'GFLOP/s':>9}{'products':>10}{'copies':>8}{'passes':>8}")
    kinds: dict[str, float] = defaultdict(float)
    groups: dict[str, float] = defaultdict(float)
    for work, spent in zip(bound.work, times, strict=True):
        medians = {
            group: 1e6 / TOGETHER * statistics.median(one.get(group, 0.0) for one in spent)
            for group in ("products", "copies", "passes")
        }
        total = sum(medians.values())
        kinds[work.kind] += total
        for group, value in medians.items():
            groups[group] += value
        if total:
            rate = (
                f"{2 * work.multiply_adds / total / 1e3:9.0f}" if work.multiply_adds else f"{'':9}"
            )
            parts = f"{medians['products']:10.1f}{medians['copies']:8.1f}{medians['passes']:8.1f}"
            print(f"{work.names[0]:46}{work.kind:16}{total:8.1f}{rate}{parts}")
    whole = sum(kinds.values())
    print(f"\n{'':46}{'all':16}{whole:8.1f}, of which")
    for name, value in [*groups.items(), *sorted(kinds.items(), key=lambda item: -item[1])]:
        if value:
            print(f"{'':46}{name:16}{value:8.1f}{100 * value / whole:8.1f} %")


def _timed(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    """Return seconds by group of NumPy's functions."""
    spent: dict[str, float] = defaultdict(float)
    for call in calls:
        name = getattr(getattr(call, "func", None), "__name__", "")
        start = time.perf_counter()
        call()
        spent[GROUPS.get(name, "passes")] += time.perf_counter() - start
    return spent
