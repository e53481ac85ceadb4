"""What stands in the table of `finding.py`: counts with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.recognition.calibration import Z, interval

WIDTH = 42  # of a cell


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, and what of it each detector has."""

    label: str
    cells: Mapping[str, str]


def table(rows: Iterator[Row], detectors: Sequence[str], label_width: int = 44) -> Iterator[str]:
    """Yield the lines of a table, each when its row is measured."""
    yield " " * label_width + "".join(f"{name:>{WIDTH}}" for name in detectors)
    for row in rows:
        cells = "".join(f"{row.cells.get(name, ''):>{WIDTH}}" for name in detectors)
        yield f"{row.label:<{label_width}}{cells}".rstrip()


def share(found: int, trials: int) -> str:
    """Return a number of `trials`, as a share with its interval.

    >>> share(52, 57)
    '52 of 57: 0.912 (0.811 to 0.962)'
    >>> share(300, 300)
    '300 of 300: 1.000 (0.990 to 1.000)'
    """
    if trials == 0:
        return "0 of 0"
    high, low = (1 - bound for bound in interval(trials - found, trials))
    if found == 0:
        low, high = interval(0, trials)
    return f"{found} of {trials}: {found / trials:.3f} ({low:.3f} to {high:.3f})"


def false_faces(counts: Sequence[int]) -> str:
    """Return how many false faces there are, and in how many pictures any, of counts by picture.

    >>> false_faces([0, 2, 0, 1])
    '3, in 2 of 4: 0.500 (0.150 to 0.850)'
    """
    return f"{sum(counts)}, in {share(sum(count > 0 for count in counts), len(counts))}"


def quantile(values: npt.NDArray[np.floating], level: float) -> str:
    """Return a quantile of shares in percent, and the order statistics that bound it.

    The bounds are the values at the ranks n q +- 1.96 sqrt(n q (1 - q)), whatever the distribution.

    >>> quantile(np.arange(1001) / 1000, 0.5)
    '50.00 % (46.80 to 53.20)'
    """
    if not len(values):
        return "of none"
    ranked, last = np.sort(values), len(values) - 1
    spread = Z * math.sqrt(len(values) * level * (1 - level))
    low = ranked[max(0, math.floor(last * level - spread))]
    high = ranked[min(last, math.ceil(last * level + spread))]
    middle = float(np.quantile(ranked, level))
    return f"{100 * middle:.2f} % ({100 * low:.2f} to {100 * high:.2f})"
