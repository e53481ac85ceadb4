"""Reliability of probabilities: comparing them with observed frequencies."""

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
    """Pairs whose probability lies between two bounds: mean prediction and observed share."""

    low: float
    high: float
    pairs: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability(JsonReady):
    """A reliability table (DeGroot and Fienberg 1983).

    `calibration_error` is the mean |predicted - observed| of the bins, weighted by their pairs
    (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2); `brier` is the mean
    squared error; `accuracy` that of decisions at 0.5.
    """

    bins: tuple[Bin, ...]
    calibration_error: float
    brier: float
    accuracy: float


def reliability(
    probabilities: npt.ArrayLike, genuine: npt.ArrayLike, bins: int = 10
) -> Reliability:
    """Compare probabilities (N,) with the labels of the pairs; empty bins are left out.

    `genuine` (N,) holds booleans; `bins` is a whole number from 1 to about a million. Bin i holds
    the probabilities from i / bins to (i + 1) / bins, excluding the latter except in the last bin.

    Raises EvaluationError unless the probabilities are from 0 to 1 and the labels as many.

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
    table = []
    for i in np.unique(number).tolist():
        here, low, high = number == i, i / count, (i + 1) / count
        predicted, observed = float(said[here].mean()), float(so[here].mean())
        table.append(Bin(low, high, int(here.sum()), predicted, observed))
    error = sum(b.pairs * abs(b.predicted - b.observed) for b in table) / len(said)
    brier = float(np.square(said - so).mean())
    return Reliability(tuple(table), error, brier, float(((said >= 0.5) == so).mean()))
