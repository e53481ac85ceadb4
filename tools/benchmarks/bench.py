"""Run a benchmark. Contenders are measured in turn, within one run.

(no name)   from pictures to embeddings: npfacenet and its readable path against ONNX Runtime,
            PyTorch and OpenCV where these are installed (`--json` for programs, `--plot` a figure;
            `--layers`: the time of npfacenet's plan, operation by operation; `--against
            CHECKOUT`: another version of npfacenet in turn with this one)

--training  a training step of nn4.small2, 48 faces, against PyTorch eager (`--json` for programs;
            `--layers`: npfacenet's time, layer by layer)

cold-start  process start to the first embedding of a JPEG, from our own weight file and from
            Keras', against ONNX Runtime's first output from an ONNX file (without a JPEG)

pictures    a thousand JPEG files: reading them, the network alone, and `embed`, which does both

pyramid     a fully convolutional network on pictures of ten sizes in turn, as a detector uses one,
            against each size on its own (`--json` for programs)

detection   face detectors on a photograph at its own size, on 640x480 pixels, and on a JPEG file of
            12 megapixels: npfacenet's finder and YuNet against OpenCV's YuNet, and its MTCNN
            against facenet-pytorch and faceie, whose environments it makes (6 GB) in a temporary
            folder or in `--environments FOLDER`; `--engines` chooses (`--json` for programs)

photographs a JPEG of 12 megapixels, and one of 640x480 pixels with the default model and detector,
            to a decision, in parts; photographs of mixed sizes, with memory and overlap
            (`--count`; `--against CHECKOUT`: crops without a detector and a cold start, in turn
            with another version; `--json` for programs)

search      the five nearest of a million people (`--count`) for 1 and 64 probes, and a gallery's
            file, from opening to the first answer: npfacenet against the exact searches of faiss,
            usearch and scikit-learn, whose environments it makes (0.7 GB) in a temporary folder
            or in `--environments FOLDER`; `--engines` chooses (`--json` for programs)

    .venv/bin/python -m pip install -e ".[bench]"
    .venv/bin/python tools/benchmarks/bench.py
    .venv/bin/python tools/benchmarks/bench.py --json --networks nn4.small2 --batches 8 --rounds 5
    .venv/bin/python tools/benchmarks/bench.py --against ../before --rounds 9
    .venv/bin/python tools/benchmarks/bench.py --training
    .venv/bin/python tools/benchmarks/bench.py cold-start --weights nn4.small2

Needs npfacenet: run it with .venv/bin/python, which `python3 tools/test.py --install-only` makes.
Contenders that are not installed are left out, except by cold-start, which needs ONNX Runtime.
Times depend on the machine; compare the ratios, which are medians over pairs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True  # --help leaves no __pycache__ in the checkout
sys.path.append(str(Path(__file__).resolve().parents[1]))
import face_detection
import inference
import people_search
from environment import IN_THE_ENVIRONMENT, exit_code, require

PACKAGES = ("numpy", "h5py", "PIL", "npfacenet")
NAMES = ("cold-start", "pictures", "pyramid", "detection", "photographs", "search")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run one benchmark; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=NAMES)
    parser.add_argument("--training", action="store_true", help="a training step")
    parser.add_argument("--layers", action="store_true", help="npfacenet's own time in detail")
    parser.add_argument(
        "--json", action="store_true", help="for programs; not for cold-start and pictures"
    )
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
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT",
        help="inference, photographs: a checkout of another version",
    )  # fmt: skip
    add_detection(parser)
    parser.add_argument(
        "--count", type=positive,
        help="photographs: how many of mixed sizes (1,000); search: how many people (1,000,000)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=positive, default=15)
    chosen = parser.parse_args(arguments)
    if chosen.training and chosen.name is not None:
        parser.error(f"choose {chosen.name} or --training")
    if chosen.against is not None and not (chosen.against / "npfacenet/__init__.py").is_file():
        parser.error(f"{chosen.against} is not a checkout of npfacenet")
    known = {"detection": face_detection.ENGINES, "search": people_search.ENGINES}
    for engine in chosen.engines or ():
        if engine not in known.get(chosen.name, (engine,)):
            parser.error(f"{engine} is not one of {chosen.name}'s: {', '.join(known[chosen.name])}")
    return exit_code(run, chosen)


def add_detection(parser: argparse.ArgumentParser) -> None:
    """Add the options of the benchmark of detectors."""
    shared = Path(__file__).resolve().parents[3] / "shared"
    parser.add_argument(
        "--shared", type=Path, default=shared, metavar="FOLDER",
        help="detection, photographs: where pictures/multiface.jpg and the weights are",
    )  # fmt: skip
    parser.add_argument(
        "--environments", type=Path, metavar="FOLDER",
        help="detection, search: where the environments of others are kept",
    )  # fmt: skip
    parser.add_argument(
        "--engines", nargs="+", choices=(*face_detection.ENGINES, *people_search.ENGINES),
        help="detection, search: what to measure; all if not given",
    )  # fmt: skip


def positive(text: str) -> int:
    """Return a whole number of at least 1; raise ValueError for any other text."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run(chosen: argparse.Namespace) -> int:
    """Run the benchmark, importing only what it needs; return the exit code."""
    require(PACKAGES, IN_THE_ENVIRONMENT)
    weights = (chosen.weights or ["nn4.small2"])[0]
    if chosen.training:
        run_training(chosen)
    elif chosen.name == "cold-start":
        import cold_start

        require(("onnx", "onnxruntime"), "pip install 'npfacenet[bench]'")
        cold_start.cold_start(weights, chosen.rounds)
    elif chosen.name == "pictures":
        import pictures

        pictures.pictures(weights, chosen.rounds)
    elif chosen.name == "pyramid":
        import pyramid

        pyramid.pyramid(chosen.rounds, as_json=chosen.json)
    elif chosen.name == "detection":
        face_detection.detection(
            chosen.shared, chosen.environments, chosen.engines or face_detection.ENGINES,
            chosen.rounds, as_json=chosen.json,
        )  # fmt: skip
    elif chosen.name == "photographs":
        import photographs

        photographs.photographs(
            chosen.shared, 1000 if chosen.count is None else chosen.count, chosen.rounds,
            as_json=chosen.json, against=chosen.against,
        )  # fmt: skip
    elif chosen.name == "search":
        people_search.search(
            1_000_000 if chosen.count is None else chosen.count, chosen.environments,
            chosen.engines or people_search.ENGINES, chosen.rounds, as_json=chosen.json,
        )  # fmt: skip
    elif chosen.layers:
        import plan_operations

        for network in chosen.networks:
            plan_operations.layers(network, chosen.rounds)
    else:
        inference.inference(
            chosen.networks, chosen.batches, chosen.rounds, chosen.weights,
            as_json=chosen.json, plot=chosen.plot, against=chosen.against,
        )  # fmt: skip
    return 0


def run_training(chosen: argparse.Namespace) -> None:
    """Run the benchmark of a training step, or show where its time goes."""
    if chosen.layers:
        import training_layers

        training_layers.layers(chosen.rounds)
    else:
        import training

        training.training(chosen.rounds, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
