"""What `inference.py` measures of an engine, computed from its turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from turns import ORDER, PRODUCT, Turns

PRODUCT_GFLOP = 2 * ORDER**3 / 1e9


@dataclass(frozen=True)
class Measurement:
    """Medians over the rounds, for one engine with one network and batch.

    `ratio` is this engine's time divided by npfacenet's in the same round: above 1, npfacenet is
    faster. `gflops` counts the operations of the plain convolution, whatever an engine computes
    instead. `cold_start_seconds` is the time from the start of a process to its first output.
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
    """Return the lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def summarise(
    network: str, batch: int, multiply_adds: int, turns: Turns, cold: Mapping[str, float]
) -> list[Measurement]:
    """Return a measurement of each engine from its turns."""
    rates = [PRODUCT_GFLOP / seconds for seconds, _ in turns[PRODUCT]]
    gflop = 2 * multiply_adds * batch / 1e9
    measured = []
    for engine, turn in turns.items():
        if engine == PRODUCT:
            continue
        low, middle, high = quartiles([seconds for seconds, _ in turn])
        shares = [gflop / taken / rate for (taken, _), rate in zip(turn, rates, strict=True)]
        one = Measurement(
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
            one = replace(one, ratio=round(statistics.median(ratios), 3))
        measured.append(one)
    return measured
