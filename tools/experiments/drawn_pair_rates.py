"""How well raw pixels and networks tell drawn people apart: the work of `drawn_pairs.py`."""

from __future__ import annotations

import time
from collections.abc import Sequence

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
    """Return the rates of Euclidean distances between rows, in one line."""
    difference = a.reshape(len(a), -1).astype(np.float64) - b.reshape(len(b), -1)
    return sentence(rates(np.linalg.norm(difference, axis=1), genuine))


def prewhitened(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return every picture as networks receive it: mean 0 and standard deviation 1."""
    return preprocessing("prewhiten").scale(pictures)


def smaller(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return every picture at 32 x 32 pixels."""
    return np.stack([resize(picture, SMALL, "bilinear") for picture in pictures])


def print_rates(name: str, found: str) -> None:
    """Print the rates of a method on a line."""
    print(f"{name:34} {found}", flush=True)


def report_pixels(drawn: Pairs) -> None:
    """Print the rates of raw pixels."""
    for size, (a, b) in {
        "pixels": (drawn.a, drawn.b),
        f"pixels at {SMALL}": (smaller(drawn.a), smaller(drawn.b)),
    }.items():
        print_rates(size, measured(a, b, drawn.genuine))
        white = measured(prewhitened(a), prewhitened(b), drawn.genuine)
        print_rates(f"{size}, prewhitened", white)


def report(models: Sequence[str], count: int, seed: int, size: int) -> None:
    """Draw the pairs, and print the rates of raw pixels and of each model.

    Raises ArgumentError for a number of pairs that the folds cannot share equally.
    """
    if count < FOLDS or count % FOLDS:
        raise ArgumentError(f"--count must be a multiple of {FOLDS}, not {count}")
    start = time.process_time()
    drawn = pairs(count, seed, size)
    rate = 2 * count / (time.process_time() - start)
    print(f"{count} pairs of {size} x {size}, {rate:.0f} pictures per second of processor time")
    report_pixels(drawn)
    for name in models:
        model = npfacenet.load(name)
        a, b = (model.embed(list(side), detect=False).values for side in (drawn.a, drawn.b))
        print_rates(name.rpartition("/")[2], measured(a, b, drawn.genuine))
