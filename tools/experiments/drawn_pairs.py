"""How well raw pixels and a network tell drawn people apart, on the fixed 1,000 pairs.

    python tools/experiments/drawn_pairs.py --model ../shared/weights/inception_resnet_v1_128_f16.h5

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
from verification_rates import FOLDS, rates, sentence

import npfacenet
from npfacenet.errors import ArgumentError
from npfacenet.images import preprocessing, resize
from npfacenet.samples import Pairs, pairs

SMALL = 32


def measured(
    a: npt.NDArray[np.number], b: npt.NDArray[np.number], genuine: npt.NDArray[np.bool_]
) -> str:
    """The rates of Euclidean distances between rows, in a line."""
    difference = a.reshape(len(a), -1).astype(np.float64) - b.reshape(len(b), -1)
    return sentence(rates(np.linalg.norm(difference, axis=1), genuine))


def prewhitened(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Every picture as networks see it: mean 0 and standard deviation 1."""
    return preprocessing("prewhiten").scale(pictures)


def smaller(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every picture at 32 x 32."""
    return np.stack([resize(picture, SMALL, "bilinear") for picture in pictures])


def report(name: str, found: str) -> None:
    """The rates under a name."""
    print(f"{name:34} {found}", flush=True)


def report_pixels(drawn: Pairs) -> None:
    """What raw pixels say."""
    for size, (a, b) in {
        "pixels": (drawn.a, drawn.b),
        f"pixels at {SMALL}": (smaller(drawn.a), smaller(drawn.b)),
    }.items():
        report(size, measured(a, b, drawn.genuine))
        white = measured(prewhitened(a), prewhitened(b), drawn.genuine)
        report(f"{size}, prewhitened", white)


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
    if arguments.count < FOLDS or arguments.count % FOLDS:
        raise ArgumentError(f"--count is a multiple of {FOLDS}, not {arguments.count}")
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
