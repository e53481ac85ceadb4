"""A fully convolutional network on pictures of ten sizes: `bench.py pyramid`.

A detector looks for faces in a pyramid of smaller and smaller copies of a picture. If the plan
keeps its memory for every size, a size costs as much in turn with the others as it does on its
own; if it does not, it is bound to the sizes anew each time.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.inference import Plan
from npfacenet.layers import Convolution, PReLU
from npfacenet.networks import Builder, Network
from npfacenet.threads.cores import cores

Picture: TypeAlias = npt.NDArray[np.float32]

LARGEST = (480, 640)
SCALE = 0.709  # of each size to the one before, as MTCNN
SIZES = 10
FILTERS = (10, 16, 16, 32, 5)
WARM_UP = 3


@dataclass(frozen=True)
class SizeMeasurement:
    """Median milliseconds of one size, in turn with the others and on its own."""

    height: int
    width: int
    ms_in_turn: float
    ms_alone: float
    ratio: float


def open_network() -> Network:
    """Return a network of five convolutions for pictures of any size of at least 11 x 11."""
    build = Builder("pyramid", input_shape=(None, None, 3))
    x = build.input
    for i, filters in enumerate(FILTERS):
        x = build.add(f"conv{i}", Convolution(filters, 3), x)
        x = build.add(f"prelu{i}", PReLU(), x)
    return build.network()


def pictures() -> list[Picture]:
    """Return a picture (1, H, W, 3) of noise for each size, the largest first."""
    rng = np.random.default_rng(0)
    sides = [[round(side * SCALE**i) for side in LARGEST] for i in range(SIZES)]
    return [rng.random((1, *size, 3), dtype=np.float32) for size in sides]


def milliseconds(plan: Plan, image: Picture) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    plan.run(image)
    return 1000 * (time.perf_counter() - start)


def in_turn(plan: Plan, images: Sequence[Picture]) -> list[float]:
    """Time every size after the one before."""
    return [milliseconds(plan, image) for image in images]


def alone(plan: Plan, images: Sequence[Picture]) -> list[float]:
    """Time every size after a call with the same size, which is not counted."""
    taken = []
    for image in images:
        plan.run(image)
        taken.append(milliseconds(plan, image))
    return taken


def pyramid(rounds: int, *, as_json: bool) -> None:
    """Time all sizes in turn and each on its own, round after round; print medians."""
    network = open_network()
    plan = Plan(network, network.initialise(0))  # speed does not depend on the weights
    images = pictures()
    for _ in range(WARM_UP):
        in_turn(plan, images)
    timed = [(in_turn(plan, images), alone(plan, images)) for _ in range(rounds)]
    measured = []
    for i, image in enumerate(images):
        pairs = [(turns[i], own[i]) for turns, own in timed]
        measured.append(
            SizeMeasurement(
                height=image.shape[1],
                width=image.shape[2],
                ms_in_turn=round(statistics.median(turn for turn, _ in pairs), 3),
                ms_alone=round(statistics.median(own for _, own in pairs), 3),
                ratio=round(statistics.median(turn / own for turn, own in pairs), 3),
            )
        )
    whole = round(statistics.median(sum(turns) / sum(own) for turns, own in timed), 3)
    if as_json:
        described = {"cores": cores(), "ratio": whole, "workspace_bytes": plan.workspace_bytes}
        print(json.dumps(described | {"results": [asdict(one) for one in measured]}, indent=2))
        return
    print(f"five convolutions, {SIZES} sizes, {cores()} cores, {rounds} rounds")
    print_table(measured, whole)
    print(f"memory of the plan: {plan.workspace_bytes / 2**20:.1f} MB")


def print_table(measured: Sequence[SizeMeasurement], ratio: float) -> None:
    """Print a line for each size, and one for all of them."""
    print(f"{'':12}{'ms in turn':>12}{'ms alone':>10}{'ratio':>8}")
    for one in measured:
        size = f"{one.height}x{one.width}"
        print(f"{size:12}{one.ms_in_turn:12.2f}{one.ms_alone:10.2f}{one.ratio:8.2f}")
    turns, own = sum(one.ms_in_turn for one in measured), sum(one.ms_alone for one in measured)
    print(f"{'all':12}{turns:12.2f}{own:10.2f}{ratio:8.2f}")
