"""From pictures to embeddings, npfacenet against its peers: the work of `bench.py`.

For each network and batch the engines (`engines.py`) are started and warmed up in processes of
their own, and then take turns (`turns.py`, which says why nothing large may be imported here).
Weights are drawn unless given: speed does not depend on them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from machine import machine
from measurement import PRODUCT_GFLOP, Measurement, summarise
from turns import AGAINST, PROCESS, PRODUCT, Engines, say

NETWORKS = ("npfacenet-small", "nn4.small2", "inception-resnet-v1")
NEEDS = {
    "npfacenet": (),
    "readable": (),
    "onnxruntime": ("onnxruntime", "onnx"),
    "torch": ("torch",),
    "opencv": ("cv2", "onnx"),
}
COLD_STARTS = 5  # rounds of them, at most


def importable() -> list[str]:
    """Return the engines whose packages are installed; say on stderr which are not."""
    found = []
    for engine, modules in NEEDS.items():
        if missing := [name for name in modules if find_spec(name) is None]:
            remedy = "pip install 'npfacenet[bench]'"
            say(f"{engine} is left out: {' and '.join(missing)} not installed ({remedy})")
        else:
            found.append(engine)
    return found


def prepare(
    folder: str, networks: Sequence[str], batches: Sequence[int], weights: Sequence[str]
) -> dict[str, Any]:
    """Have the engines' files written; return their description."""
    request = {"folder": folder, "networks": networks, "batches": batches, "weights": weights}
    command = [sys.executable, str(PROCESS), "files", json.dumps(request)]
    written = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if written.returncode:
        sys.exit("the files of the networks could not be written")
    answer: dict[str, Any] = json.loads(written.stdout)
    return answer


COLUMNS = f"{'ms/face':>9}{'quartiles':>17}{'ratio':>8}{'GFLOP/s':>9}{'share':>7}{'MB':>6}"
LEGEND = """
ratio: its time divided by npfacenet's, above 1 npfacenet is faster; GFLOP/s: of the plain
convolution's operations; share: of the rate of NumPy's product of large matrices; MB: the largest
memory of the process; cold start: from the start of the process to the first output."""


def print_table(measured: Sequence[Measurement]) -> None:
    """Print the measurements of one network with one batch."""
    print(f"\n{f'{measured[0].network}, {measured[0].batch}':24}{COLUMNS}{'cold start':>12}")
    for one in measured:
        spread = " - ".join(f"{quartile:.2f}" for quartile in one.quartiles)
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        cold = "" if one.cold_start_seconds is None else f"{one.cold_start_seconds:.2f} s"
        print(
            f"{one.engine:24}{one.ms_per_face:9.2f}{spread:>17}{ratio:>8}{one.gflops:9.0f}"
            f"{one.share_of_matrix_product:7.2f}{one.peak_megabytes:6}{cold:>12}",
            flush=True,
        )


def measure(
    engines: Engines,
    networks: Mapping[str, int],
    batches: Sequence[int],
    rounds: int,
) -> Iterator[tuple[list[Measurement], float]]:
    """Yield the measurements of each network and batch, and the machine's GFLOP/s meanwhile.

    `networks` maps names to multiply-adds. The cold start is that of the smallest batch.
    """
    names = [*importable(), *([] if engines.against is None else [AGAINST])]
    for network, multiply_adds in networks.items():
        for batch in batches:
            turns = engines.take_turns(names, network, batch, rounds)
            cold = {}
            if batch == min(batches):
                running = [engine for engine in turns if engine != PRODUCT]
                cold = engines.cold_starts(running, network, batch, min(rounds, COLD_STARTS))
            product = statistics.median(seconds for seconds, _ in turns[PRODUCT])
            yield summarise(network, batch, multiply_adds, turns, cold), PRODUCT_GFLOP / product


def inference(
    networks: Sequence[str],
    batches: Sequence[int],
    rounds: int,
    weights: Sequence[str],
    *,
    as_json: bool,
    plot: Path | None,
    against: Path | None = None,
) -> None:
    """Measure every network with every batch; print tables or JSON, and draw the figure.

    `against` is a checkout of another version of npfacenet, which takes turns as well.
    """
    if plot is not None and find_spec("matplotlib") is None:
        sys.exit("--plot needs matplotlib: pip install 'npfacenet[bench]'")
    measured: list[Measurement] = []
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        files = prepare(folder, networks, batches, weights)
        described = machine(files["cores"], files["blas"])
        if not as_json:
            print(f"{described['cpu']}, {files['cores']} cores, {rounds} rounds", flush=True)
        engines = Engines(
            folder, files["cores"], None if against is None else str(against.resolve())
        )
        for group, rate in measure(engines, files["multiply_adds"], batches, rounds):
            measured += group
            rates.append(rate)
            if not as_json:
                print_table(group)
    described["matrix_product_gflops"] = round(statistics.median(rates), 1)
    if as_json:
        results = [asdict(one) for one in measured]
        print(json.dumps({"machine": described, "rounds": rounds, "results": results}, indent=2))
    else:
        print(f"\nNumPy's matrix product: {described['matrix_product_gflops']} GFLOP/s{LEGEND}")
    if plot is not None:
        from figure import plot_measurements

        plot_measurements(plot, measured, f"{described['cpu']}, {files['cores']} cores")
