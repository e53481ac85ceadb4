"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import real_array, whole_number
from npfacenet.errors import EvaluationError, quoted
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.labelled_pairs import checked_labels, finite_vector

MOST_BINS = 1 << 20


@dataclass(frozen=True)
class Bin(JsonReady):
    """Pairs whose probability lies between two bounds: what was said, and what was so."""

    low: float
    high: float
    pairs: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability(JsonReady):
    """A reliability table (DeGroot and Fienberg 1983).

    `calibration_error` is the mean |predicted - observed| of the bins, each as heavy as the
    pairs in it (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2);
    `brier` the mean squared error; `accuracy` that of deciding at one half.
    """

    bins: tuple[Bin, ...]
    calibration_error: float
    brier: float
    accuracy: float


def reliability(
    probabilities: npt.ArrayLike, genuine: npt.ArrayLike, bins: int = 10
) -> Reliability:
    """Compare probabilities (N,) with what the pairs were; empty bins are left out.

    `genuine` (N,) holds booleans; `bins` is a whole number, from 1 to about a million. Bin i
    holds probabilities from i / bins up to, and without, (i + 1) / bins; the last one 1 as well.

    Raises EvaluationError for anything but as many labels as numbers from 0 to 1.

    >>> table = reliability([0.1, 0.1, 0.9, 0.9], [False, False, True, False], bins=2)
    >>> [(b.predicted, b.observed) for b in table.bins], round(table.calibration_error, 3)
    ([(0.1, 0.0), (0.9, 0.5)], 0.25)
    """
    given = real_array(probabilities, "probabilities", EvaluationError)
    so = checked_labels(genuine)
    if given.ndim != 1 or given.shape != so.shape or not len(given):
        raise EvaluationError(
            f"{given.shape} probabilities and {so.shape} labels are not labelled pairs"
        )
    said = finite_vector(given, "probabilities")
    if not ((said >= 0) & (said <= 1)).all():
        raise EvaluationError("a probability is a number from 0 to 1")
    count = whole_number(bins, 1, MOST_BINS)
    if count is None:
        raise EvaluationError(
            f"bins are a whole number from 1 to {MOST_BINS:,}, not {quoted(bins)}"
        )
    lows = np.arange(count) / count  # said * count would be off by one where it rounds
    number = np.searchsorted(lows, said, side="right") - 1
    rows = []
    for i in np.unique(number).tolist():
        here, low, high = number == i, i / count, (i + 1) / count
        predicted, observed = float(said[here].mean()), float(so[here].mean())
        rows.append(Bin(low, high, int(here.sum()), predicted, observed))
    error = sum(row.pairs * abs(row.predicted - row.observed) for row in rows) / len(said)
    brier = float(np.square(said - so).mean())
    return Reliability(tuple(rows), error, brier, float(((said >= 0.5) == so).mean()))
