"""From the start of a process to its first output: `bench.py cold-start`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from turns import PROCESS

OURS = """
import sys, npfacenet
npfacenet.load(sys.argv[1]).embed(sys.argv[2])
"""
ONNX = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
session.run(None, {"image": numpy.zeros((1, 96, 96, 3), numpy.float32)})
"""
IMPORTS = "import numpy, h5py, PIL.Image"


@dataclass(frozen=True)
class ProcessCost:
    """Wall seconds of one process, and its largest memory in MB."""

    seconds: float
    megabytes: float


def run(code: str, *arguments: str) -> ProcessCost:
    """Run code in a fresh interpreter."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"a benchmarked process failed with exit code {process.returncode}")
    return ProcessCost(seconds, usage.ru_maxrss / 1024)


def prepare(weights: str, folder: Path) -> None:
    """Write the files that the contenders open."""
    import numpy as np
    from onnx_file import write_onnx
    from PIL import Image

    import npfacenet
    from npfacenet.checkpoints.conversion import write_checkpoint

    model = npfacenet.load(weights)
    for name, layout in (("ours.h5", "npfacenet"), ("keras.h5", "keras2-weights")):
        write_checkpoint(folder / name, model.network, model.parameters, model.card, layout=layout)
    write_onnx(model.network, model.parameters, folder / "model.onnx")
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(picture).save(folder / "face.jpg")


def cold_start(weights: str, rounds: int) -> None:
    """Compare the four in turn, round after round, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        # In a process of its own, because a child's peak of memory begins with its parent's.
        preparing = [sys.executable, str(PROCESS), "cold-start-files", weights, name]
        if subprocess.call(preparing):
            sys.exit(1)
        face = f"{name}/face.jpg"
        contenders = {
            "ONNX Runtime": (ONNX, f"{name}/model.onnx"),
            "our file": (OURS, f"{name}/ours.h5", face),
            "Keras' file": (OURS, f"{name}/keras.h5", face),
            "imports alone": (IMPORTS,),
        }
        for command in contenders.values():  # once to fill the page cache
            run(*command)
        table: dict[str, list[ProcessCost]] = {key: [] for key in contenders}
        for _ in range(rounds):
            for key, command in contenders.items():
                table[key].append(run(*command))
    print_table(table, "ONNX Runtime")


def print_table(table: dict[str, list[ProcessCost]], base: str) -> None:
    """Print medians, and the median ratio of each round to the base's time in that round."""
    print(f"{'':16}{'seconds':>9}{'MB':>8}{'ratio':>8}")
    for key, costs in table.items():
        seconds = statistics.median(cost.seconds for cost in costs)
        megabytes = statistics.median(cost.megabytes for cost in costs)
        pairs = zip(costs, table[base], strict=True)
        ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
        print(f"{key:16}{seconds:9.3f}{megabytes:8.0f}{ratio:8.2f}")
