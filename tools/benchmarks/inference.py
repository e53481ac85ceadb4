"""From pictures to embeddings, npfacenet beside its peers: called by `bench.py`.

For each network and batch the engines (`engines.py`) are started and warmed up in
processes of their own, and then take turns (`turns.py`, which says why nothing large may
be imported here). Weights are drawn unless given: speed does not depend on them.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from turns import ORDER, PRODUCT, Engines, Turns, say

TOOLS = Path(__file__).resolve().parent
NETWORKS = ("npfacenet-small", "nn4.small2", "inception-resnet-v1")
NEEDS = {
    "npfacenet": (),
    "readable": (),
    "onnxruntime": ("onnxruntime", "onnx"),
    "torch": ("torch",),
    "opencv": ("cv2", "onnx"),
}
DISTRIBUTIONS = ("numpy", "onnxruntime", "torch", "opencv-python-headless", "opencv-python")
PRODUCT_GFLOP = 2 * ORDER**3 / 1e9
COLD_STARTS = 5  # rounds of them, at most
BUSY = 0.5  # processes that want to run before the benchmark does; with 1 the rates halve


@dataclass(frozen=True)
class Row:
    """One engine with one network and batch; medians over the rounds.

    `ratio` is this engine's time divided by npfacenet's of the same round: above 1, npfacenet
    is the faster one. `gflops` counts the operations of the plain convolution, whatever an
    engine does instead. `cold_start_seconds` is from the start of a process to its first output.
    """

    network: str
    batch: int
    engine: str
    ms_per_face: float
    quartiles: tuple[float, float]
    ratio: float | None
    gflops: float
    share_of_matrix_product: float
    peak_megabytes: int
    cold_start_seconds: float | None


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def summarise(
    network: str, batch: int, multiply_adds: int, turns: Turns, cold: Mapping[str, float]
) -> list[Row]:
    """A row for each engine from what it took in each round."""
    rates = [PRODUCT_GFLOP / seconds for seconds, _ in turns[PRODUCT]]
    gflop = 2 * multiply_adds * batch / 1e9
    rows = []
    for engine, turn in turns.items():
        if engine == PRODUCT:
            continue
        low, middle, high = quartiles([seconds for seconds, _ in turn])
        shares = [gflop / taken / rate for (taken, _), rate in zip(turn, rates, strict=True)]
        row = Row(
            network,
            batch,
            engine,
            ms_per_face=round(1000 * middle / batch, 3),
            quartiles=(round(1000 * low / batch, 3), round(1000 * high / batch, 3)),
            ratio=None,
            gflops=round(gflop / middle, 1),
            share_of_matrix_product=round(statistics.median(shares), 3),
            peak_megabytes=round(max(peak for _, peak in turn)),
            cold_start_seconds=round(cold[engine], 3) if engine in cold else None,
        )
        if ours := turns.get("npfacenet"):
            ratios = [its[0] / our[0] for its, our in zip(turn, ours, strict=True)]
            row = replace(row, ratio=round(statistics.median(ratios), 3))
        rows.append(row)
    return rows


def importable() -> list[str]:
    """The engines whose packages are installed; says on stderr which are not."""
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
    """Have the files written that the engines read; what their writer knows about them."""
    request = {"folder": folder, "networks": networks, "batches": batches, "weights": weights}
    command = [sys.executable, str(TOOLS / "engine_files.py"), json.dumps(request)]
    written = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if written.returncode:
        sys.exit("the files of the networks could not be written")
    answer: dict[str, Any] = json.loads(written.stdout)
    return answer


def machine(cores: int, blas: str) -> dict[str, object]:
    """What the times depend on."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        say(f"busy in the last minute (load {load:.1f}): if it still is, times mean little")
    if told := os.environ.get("OPENBLAS_CORETYPE"):
        say(f"OPENBLAS_CORETYPE={told} is set: unset it to let NumPy's OpenBLAS choose its kernels")
    return {
        "cpu": _cpu(),
        "cores": cores,
        "load_before": round(load, 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "blas": blas,
        "versions": versions,
    }


def _cpu() -> str:
    """The processor's name, and the widest vectors it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    known = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    flags = known.get("flags", "").split()
    widest = [name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags]
    return " with ".join([known.get("model name") or platform.machine(), *widest[:1]])


COLUMNS = f"{'ms/face':>9}{'quartiles':>17}{'ratio':>8}{'GFLOP/s':>9}{'share':>7}{'MB':>6}"
LEGEND = """
ratio: its time to npfacenet's, above 1 npfacenet is the faster one; GFLOP/s: of the plain
convolution's operations; share: of the rate of NumPy's product of large matrices; MB: the largest
memory of the process; cold start: from the start of the process to the first output."""


def print_rows(rows: Sequence[Row]) -> None:
    """One network with one batch."""
    print(f"\n{f'{rows[0].network}, {rows[0].batch}':24}{COLUMNS}{'cold start':>12}")
    for row in rows:
        spread = " - ".join(f"{quartile:.2f}" for quartile in row.quartiles)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        cold = "" if row.cold_start_seconds is None else f"{row.cold_start_seconds:.2f} s"
        print(
            f"{row.engine:24}{row.ms_per_face:9.2f}{spread:>17}{ratio:>8}{row.gflops:9.0f}"
            f"{row.share_of_matrix_product:7.2f}{row.peak_megabytes:6}{cold:>12}",
            flush=True,
        )


def measure(
    engines: Engines,
    networks: Mapping[str, int],
    batches: Sequence[int],
    rounds: int,
) -> Iterator[tuple[list[Row], float]]:
    """Yield the rows of each network and batch, and the machine's GFLOP/s meanwhile.

    `networks` holds their multiply-adds. The cold start is that of the smallest batch.
    """
    names = importable()
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
) -> None:
    """Measure every network with every batch; print tables or JSON, and draw the figure."""
    if plot is not None and find_spec("matplotlib") is None:
        sys.exit("--plot needs matplotlib: pip install 'npfacenet[bench]'")
    rows: list[Row] = []
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        files = prepare(folder, networks, batches, weights)
        described = machine(files["cores"], files["blas"])
        if not as_json:
            print(f"{described['cpu']}, {files['cores']} cores, {rounds} rounds", flush=True)
        engines = Engines(folder, files["cores"])
        for group, rate in measure(engines, files["multiply_adds"], batches, rounds):
            rows += group
            rates.append(rate)
            if not as_json:
                print_rows(group)
    described["matrix_product_gflops"] = round(statistics.median(rates), 1)
    if as_json:
        results = [asdict(row) for row in rows]
        print(json.dumps({"machine": described, "rounds": rounds, "results": results}, indent=2))
    else:
        print(f"\nNumPy's matrix product: {described['matrix_product_gflops']} GFLOP/s{LEGEND}")
    if plot is not None:
        from figure import plot_rows

        plot_rows(plot, rows, f"{described['cpu']}, {files['cores']} cores")
