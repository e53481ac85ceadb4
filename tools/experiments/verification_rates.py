"""Verification rates on the fixed 1,000 pairs of drawn people, in ten folds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npfacenet.recognition.evaluation import Distances, Evaluation, Flags, evaluate

FOLDS = 10


def in_folds(
    distances: Distances, genuine: npt.NDArray[np.bool_]
) -> tuple[list[Distances], list[Flags]]:
    """Split distances (N,) of pairs, and which are genuine (N,), into ten folds of N / 10."""
    return np.split(distances, FOLDS), np.split(genuine, FOLDS)


def rates(distances: Distances, genuine: npt.NDArray[np.bool_]) -> Evaluation:
    """Evaluate distances; each fold with the threshold that is best on the other nine."""
    return evaluate(*in_folds(distances, genuine))


def sentence(found: Evaluation) -> str:
    """Return the rates in one line."""
    return (
        f"accuracy {found.accuracy.mean:.4f} +- {found.accuracy.std:.4f}, area {found.area:.4f}, "
        f"equal error rate {found.equal_error_rate:.4f}"
    )
