"""All benchmarks. What is compared is measured in turn, in one run.

(no name)   from pictures to embeddings: npfacenet and its readable path beside ONNX Runtime,
            PyTorch and OpenCV where these are installed (`--json` for programs, `--plot` a figure;
            `--layers`: where our own time goes, operation by operation)

--training  a training step of nn4.small2, 48 faces, against PyTorch eager (`--json` for programs;
            `--layers`: where our own time goes, layer by layer)

cold-start  process start to the first embedding of a JPEG, from our own weight file and from
            Keras', against ONNX Runtime's first output from an ONNX file (without a JPEG)

pictures    a thousand JPEG files: reading them, the network alone, and `embed`, which does both

    .venv/bin/python -m pip install -e ".[bench]"
    .venv/bin/python tools/benchmarks/bench.py
    .venv/bin/python tools/benchmarks/bench.py --json --networks nn4.small2 --batches 8 --rounds 5
    .venv/bin/python tools/benchmarks/bench.py --training
    .venv/bin/python tools/benchmarks/bench.py cold-start --weights nn4.small2

Times of this machine mean little; the ratios are what counts. Ratios are medians of pairs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import inference

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
class Run:
    """What one process took: wall seconds, and its largest memory in MB."""

    seconds: float
    megabytes: float


def run(code: str, *arguments: str) -> Run:
    """Run code in a fresh interpreter."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"a benchmarked process failed with exit code {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


def prepare(weights: str, folder: Path) -> None:
    """Write the files that the contestants open."""
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
    """Compare the four in turn, round after round."""
    with tempfile.TemporaryDirectory() as name:
        # In a process of its own, because a child's peak of memory begins with its parent's.
        preparing = [sys.executable, __file__, "prepare", "--weights", weights, "--folder", name]
        if subprocess.call(preparing):
            sys.exit(1)
        face = f"{name}/face.jpg"
        contestants = {
            "ONNX Runtime": (ONNX, f"{name}/model.onnx"),
            "our file": (OURS, f"{name}/ours.h5", face),
            "Keras' file": (OURS, f"{name}/keras.h5", face),
            "imports alone": (IMPORTS,),
        }
        for command in contestants.values():  # once for the page cache
            run(*command)
        table: dict[str, list[Run]] = {key: [] for key in contestants}
        for _ in range(rounds):
            for key, command in contestants.items():
                table[key].append(run(*command))
    print_table(table, "ONNX Runtime")


def print_table(table: dict[str, list[Run]], base: str) -> None:
    """Medians, and the median ratio of each round to the base's time in that round."""
    print(f"{'':16}{'seconds':>9}{'MB':>8}{'ratio':>8}")
    for key, runs in table.items():
        seconds = statistics.median(r.seconds for r in runs)
        megabytes = statistics.median(r.megabytes for r in runs)
        pairs = zip(runs, table[base], strict=True)
        ratio = statistics.median(one.seconds / other.seconds for one, other in pairs)
        print(f"{key:16}{seconds:9.3f}{megabytes:8.0f}{ratio:8.2f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run one benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=["cold-start", "pictures", "prepare"])
    parser.add_argument("--training", action="store_true", help="a training step")
    parser.add_argument("--layers", action="store_true", help="where our own time goes")
    parser.add_argument("--json", action="store_true", help="for programs; not for cold-start")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="inference: a figure")
    parser.add_argument(
        "--networks", nargs="+", choices=inference.NETWORKS, default=inference.NETWORKS
    )
    parser.add_argument("--batches", nargs="+", type=positive, default=(1, 8, 32), metavar="N")
    parser.add_argument(
        "--weights",
        nargs="+",
        default=(),
        help="names or files; for cold-start and pictures one of nn4.small2",
    )
    parser.add_argument("--rounds", type=positive, default=15)
    parser.add_argument("--folder", type=Path, help="for prepare, which cold-start calls itself")
    chosen = parser.parse_args(arguments)
    if chosen.training and chosen.name is not None:
        parser.error(f"choose {chosen.name} or --training")
    run_chosen(chosen)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run_chosen(chosen: argparse.Namespace) -> None:
    """Run the benchmark; what the others need is not imported."""
    weights = (chosen.weights or ["nn4.small2"])[0]
    if chosen.training:
        import training

        if chosen.layers:
            training.layers(chosen.rounds)
        else:
            training.training(chosen.rounds, as_json=chosen.json)
    elif chosen.name == "prepare":
        prepare(weights, chosen.folder)
    elif chosen.name == "cold-start":
        cold_start(weights, chosen.rounds)
    elif chosen.name == "pictures":
        import pictures

        pictures.pictures(weights, chosen.rounds)
    elif chosen.layers:
        import plan_operations

        for network in chosen.networks:
            plan_operations.layers(network, chosen.rounds)
    else:
        inference.inference(
            chosen.networks, chosen.batches, chosen.rounds, chosen.weights,
            as_json=chosen.json, plot=chosen.plot,
        )  # fmt: skip


if __name__ == "__main__":
    main()
