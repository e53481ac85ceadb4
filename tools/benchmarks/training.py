"""A training step of nn4.small2, 48 faces, against PyTorch eager: `bench.py --training`.

Each engine has a process of its own. All are started before any is timed, then they take turns,
one step each: idle threads of an engine in the same process would slow the others.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TypeAlias

from training_step import FACES
from turns import PROCESS, line

from npfacenet.networks import summarise
from npfacenet.recipes import nn4_small2
from npfacenet.threads.cores import cores

ENGINES = ("npfacenet", "torch")

Steps: TypeAlias = list[tuple[float, float]]  # seconds of a step, peak megabytes


@dataclass(frozen=True)
class StepMeasurement:
    """Medians over the rounds, for one engine; `npfacenet_to_this` is a ratio of times."""

    network: str
    batch: int
    engine: str
    ms_per_face: float
    quartiles: tuple[float, float]
    gflops: float
    peak_megabytes: int
    npfacenet_to_this: float


def take_turns(engines: tuple[str, ...], rounds: int) -> dict[str, Steps]:
    """Return seconds and peak megabytes of each engine's steps, round after round."""
    processes = {
        engine: subprocess.Popen(
            [sys.executable, str(PROCESS), "training", engine],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for engine in engines
    }  # fmt: skip
    try:
        for engine, process in processes.items():
            if line(process) != "ready":
                sys.exit(f"the process of {engine} did not start")
        table: dict[str, Steps] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine, process in processes.items():
                seconds, peak = json.loads(line(process, "go"))
                table[engine].append((seconds, peak))
        return table
    finally:
        for process in processes.values():
            process.kill()


def measurements(table: Mapping[str, Steps], multiply_adds: int) -> list[StepMeasurement]:
    """Return a measurement of each engine; `multiply_adds` are those of a step for one face."""
    measured = []
    for engine, steps in table.items():
        faces = [1000 * seconds / FACES for seconds, _ in steps]
        low, middle, high = statistics.quantiles(faces, n=4)
        pairs = zip(table["npfacenet"], steps, strict=True)
        one = StepMeasurement(
            "nn4.small2 training",
            FACES,
            engine,
            ms_per_face=round(middle, 3),
            quartiles=(round(low, 3), round(high, 3)),
            gflops=round(2 * multiply_adds / middle / 1e6, 1),
            peak_megabytes=round(max(peak for _, peak in steps)),
            npfacenet_to_this=round(
                statistics.median(ours[0] / other[0] for ours, other in pairs), 3
            ),
        )
        measured.append(one)
    return measured


def print_table(measured: Sequence[StepMeasurement]) -> None:
    """Print a line for each engine."""
    print(f"{'':12}{'ms/face':>9}{'quartiles':>18}{'GFLOP/s':>9}{'MB':>7}{'ours / it':>11}")
    for one in measured:
        spread = " - ".join(f"{quartile:.2f}" for quartile in one.quartiles)
        print(
            f"{one.engine:12}{one.ms_per_face:9.2f}{spread:>18}{one.gflops:9.0f}"
            f"{one.peak_megabytes:7}{one.npfacenet_to_this:11.2f}"
        )


def training(rounds: int, *, as_json: bool) -> None:
    """Time the engines that are installed, and print medians, spread and ratio."""
    engines = tuple(e for e in ENGINES if e == "npfacenet" or find_spec(e) is not None)
    if "torch" not in engines:
        print("torch is not installed (pip install 'npfacenet[bench]')", file=sys.stderr)
    table = take_turns(engines, rounds)
    measured = measurements(table, 3 * summarise(nn4_small2("course")).multiply_adds)
    if as_json:
        results = [asdict(one) for one in measured]
        print(json.dumps({"cores": cores(), "rounds": rounds, "results": results}, indent=2))
        return
    print(f"forward + backward + update, nn4.small2, {FACES} faces, {cores()} cores, ", end="")
    print(f"{rounds} rounds")
    print_table(measured)
