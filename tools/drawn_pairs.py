"""How well raw pixels and a network tell drawn people apart, on the fixed 1,000 pairs.

    python tools/drawn_pairs.py --model ../shared/weights/inception_resnet_v1_128_f16.h5

Verification accuracy in ten folds, each with the threshold that is best on the other nine: of the
distances of raw pixels (as they are, at 32 x 32, and prewhitened: mean 0 and deviation 1), which
say how difficult the pairs are, and of each model's embeddings. Also how fast pictures are drawn.
About two minutes for inception-resnet-v1 on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import numpy.typing as npt

import npfacenet
from npfacenet.images import resize
from npfacenet.recognition.evaluation import Evaluation, evaluate
from npfacenet.samples import Pairs, pairs

FOLDS = 10
SMALL = 32


def measured(
    a: npt.NDArray[np.floating], b: npt.NDArray[np.floating], genuine: npt.NDArray[np.bool_]
) -> Evaluation:
    """The rates of Euclidean distances between rows."""
    distances = np.linalg.norm(
        a.reshape(len(a), -1).astype(np.float64) - b.reshape(len(b), -1), axis=1
    )
    return evaluate(np.array_split(distances, FOLDS), np.array_split(genuine, FOLDS))


def prewhitened(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Every picture with mean 0 and standard deviation 1."""
    values = pictures.reshape(len(pictures), -1).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    whitened: npt.NDArray[np.float32] = values / np.maximum(values.std(axis=1, keepdims=True), 1)
    return whitened


def smaller(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every picture at 32 x 32."""
    return np.stack([resize(picture, SMALL, "bilinear") for picture in pictures])


def report(name: str, evaluation: Evaluation) -> None:
    """The rates in a line."""
    print(
        f"{name:34} accuracy {evaluation.accuracy.mean:.3f} +- {evaluation.accuracy.std:.3f}, "
        f"area {evaluation.area:.3f}, equal error rate {evaluation.equal_error_rate:.3f}",
        flush=True,
    )


def report_pixels(drawn: Pairs) -> None:
    """What raw pixels say."""
    small_a, small_b = smaller(drawn.a), smaller(drawn.b)
    float_a, float_b = drawn.a.astype(np.float32), drawn.b.astype(np.float32)
    report("pixels", measured(float_a, float_b, drawn.genuine))
    report("pixels, prewhitened", measured(
        prewhitened(drawn.a), prewhitened(drawn.b), drawn.genuine
    ))  # fmt: skip
    report(f"pixels at {SMALL}", measured(
        small_a.astype(np.float32), small_b.astype(np.float32), drawn.genuine
    ))  # fmt: skip
    report(f"pixels at {SMALL}, prewhitened", measured(
        prewhitened(small_a), prewhitened(small_b), drawn.genuine
    ))  # fmt: skip


def main() -> None:
    """Draw the pairs, measure, and print everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME|FILE", help="may be repeated"
    )
    parser.add_argument("--count", type=int, default=1000, help="pairs (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="another set of pairs (default 0)")
    parser.add_argument("--size", type=int, default=112, help="pixels (default 112)")
    arguments = parser.parse_args()
    start = time.process_time()
    drawn = pairs(arguments.count, arguments.seed, arguments.size)
    rate = 2 * arguments.count / (time.process_time() - start)
    print(f"{arguments.count} pairs of {arguments.size} x {arguments.size}, {rate:.0f} pictures "
          "per second of processor time")  # fmt: skip
    report_pixels(drawn)
    for name in arguments.model:
        model = npfacenet.load(name)
        a, b = (model.embed(list(side)).values for side in (drawn.a, drawn.b))
        report(name.rpartition("/")[2], measured(a, b, drawn.genuine))


if __name__ == "__main__":
    try:
        main()
    except npfacenet.errors.NpfacenetError as error:
        sys.exit(f"error: {error}")
