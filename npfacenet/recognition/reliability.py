"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EvaluationError


@dataclass(frozen=True)
class Bin:
    """Pairs whose probability lies between two bounds: what was said, and what was so."""

    low: float
    high: float
    pairs: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Reliability:
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

    Raises EvaluationError for anything but as many labels as numbers from 0 to 1.

    >>> table = reliability([0.1, 0.1, 0.9, 0.9], [False, False, True, False], bins=2)
    >>> [(b.predicted, b.observed) for b in table.bins], round(table.calibration_error, 3)
    ([(0.1, 0.0), (0.9, 0.5)], 0.25)
    """
    said, so = np.asarray(probabilities, np.float64), np.asarray(genuine, np.bool_)
    if said.ndim != 1 or said.shape != so.shape or not len(said):
        raise EvaluationError(
            f"{said.shape} probabilities and {so.shape} labels are no labelled pairs"
        )
    if not ((said >= 0) & (said <= 1)).all():
        raise EvaluationError("a probability is a number from 0 to 1")
    if bins < 1:
        raise EvaluationError(f"there must be at least one bin, not {bins}")
    number = np.minimum((said * bins).astype(int), bins - 1)
    rows = []
    for i in np.unique(number):
        here = number == i
        predicted, observed = float(said[here].mean()), float(so[here].mean())
        rows.append(Bin(i / bins, (i + 1) / bins, int(here.sum()), predicted, observed))
    error = sum(row.pairs * abs(row.predicted - row.observed) for row in rows) / len(said)
    brier = float(np.square(said - so).mean())
    return Reliability(tuple(rows), error, brier, float(((said >= 0.5) == so).mean()))
