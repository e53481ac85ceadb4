"""Error rates from the distances of genuine and impostor pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import real_array
from npfacenet.errors import EvaluationError, quoted
from npfacenet.images.argument import is_several
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.calibration import CARRIES, errors_allowed
from npfacenet.recognition.labelled_pairs import (
    Distances,
    Flags,
    checked_labels,
    finite_vector,
    listed_folds,
)

__all__ = [
    "Accuracy",
    "Distances",
    "Evaluation",
    "Flags",
    "TrueAcceptRate",
    "accuracy",
    "area",
    "best_threshold",
    "equal_error_rate",
    "evaluate",
    "roc",
    "true_accept_rate",
]

FALSE_ACCEPT_RATES = (1e-2, 1e-3)


@dataclass(frozen=True)
class Accuracy(JsonReady):
    """The share of correct decisions; each fold is decided by a threshold from the other folds.

    `std` is the standard deviation over the folds (n - 1), as in LFW's protocol.
    """

    mean: float
    std: float
    folds: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class TrueAcceptRate(JsonReady):
    """The share of genuine pairs accepted if at most `false_accept_rate` of impostors are.

    `rate` and `threshold` are None if `impostor_pairs` are too few to support the claim: a rate
    below 3 / n could be zero by chance (the rule of three). The number of impostors that a rate
    allows is computed in decimals (`calibration.errors_allowed`).
    """

    false_accept_rate: float
    rate: float | None
    threshold: float | None
    impostor_pairs: int


@dataclass(frozen=True)
class Evaluation(JsonReady):
    """The rates of a model on labelled pairs.

    `area` is the area under the ROC curve; `equal_error_rate` is the rate at which false accepts
    and false rejects are equally frequent.
    """

    accuracy: Accuracy
    area: float
    equal_error_rate: float
    true_accept_rates: tuple[TrueAcceptRate, ...]
    genuine_pairs: int
    impostor_pairs: int


def evaluate(
    distances: Sequence[npt.ArrayLike],
    genuine: Sequence[npt.ArrayLike],
    false_accept_rates: Sequence[float] = FALSE_ACCEPT_RATES,
) -> Evaluation:
    """Compute all rates from the distances of pairs, given fold by fold.

    `distances[i]` (n_i,), finite, and `genuine[i]` (n_i,), booleans, belong to fold i. Raises
    EvaluationError for fewer than two folds, for lengths that differ, if genuine or impostor pairs
    are missing, and for invalid labels or rates.

    >>> evaluation = evaluate([[0.2, 1.2], [0.3, 1.1]], [[True, False], [True, False]])
    >>> evaluation.accuracy.mean, evaluation.area, evaluation.equal_error_rate
    (1.0, 1.0, 0.0)
    """
    given, labels = listed_folds(distances, "distances"), listed_folds(genuine, "labels")
    if len(given) != len(labels):
        raise EvaluationError(
            f"{len(given)} folds of distances and {len(labels)} of labels do not correspond"
        )
    if not is_several(false_accept_rates):
        raise EvaluationError(f"false accept rates are a list, not {quoted(false_accept_rates)}")
    rates = list(false_accept_rates)
    folds = [_fold(d, g) for d, g in zip(given, labels, strict=True)]
    _require_several(folds)
    all_distances = np.concatenate([d for d, _ in folds])
    all_genuine = np.concatenate([g for _, g in folds])
    accepted, impostors = all_distances[all_genuine], all_distances[~all_genuine]
    if not (len(accepted) and len(impostors)):
        raise EvaluationError("pairs of one person and pairs of two people are both needed")
    return Evaluation(
        accuracy(folds),
        area(accepted, impostors),
        equal_error_rate(accepted, impostors),
        tuple(true_accept_rate(accepted, impostors, rate) for rate in rates),
        len(accepted),
        len(impostors),
    )


def accuracy(folds: Sequence[tuple[Distances, Flags]]) -> Accuracy:
    """Decide each fold by the threshold that is best on all other folds.

    Raises EvaluationError as `evaluate`.
    """
    folds = [_both(fold) for fold in listed_folds(folds, "folds")]
    _require_several(folds)
    rates, thresholds = [], []
    for i, (distances, genuine) in enumerate(folds):
        others = [fold for j, fold in enumerate(folds) if j != i]
        threshold = best_threshold(
            np.concatenate([d for d, _ in others]), np.concatenate([g for _, g in others])
        )
        thresholds.append(threshold)
        rates.append(float(((distances <= threshold) == genuine).mean()))
    return Accuracy(
        float(np.mean(rates)), float(np.std(rates, ddof=1)), tuple(rates), tuple(thresholds)
    )


def best_threshold(distances: Distances, genuine: Flags) -> float:
    """Return the threshold with most correct decisions; of several, the middle one.

    Thresholds lie half-way between neighbouring distances.

    >>> best_threshold(np.array([0.2, 0.4, 0.8, 1.0]), np.array([True, True, False, False]))
    0.6...

    Raises EvaluationError unless the distances are finite and the labels as many.
    """
    given, labels = _fold(distances, genuine)
    order = np.argsort(given)
    ordered, is_genuine = given[order], labels[order]
    # right[k]: the number of correct decisions if exactly the k nearest pairs are accepted.
    right = np.concatenate([[0], np.cumsum(np.where(is_genuine, 1, -1))]) + (~labels).sum()
    edges = np.concatenate([[0.0], ordered[1:] / 2 + ordered[:-1] / 2, ordered[-1:]])
    possible = np.concatenate([[ordered[0] > 0], ordered[1:] > ordered[:-1], [True]])
    best = np.flatnonzero(possible & (right == right[possible].max()))
    return float(edges[best[len(best) // 2]])


def roc(genuine: Distances, impostors: Distances) -> tuple[Distances, Distances, Distances]:
    """Return false accept rates, true accept rates and thresholds, from accepting none to all.

    Like all functions here, raises EvaluationError if there are no distances or they are not
    finite.
    """
    genuine, impostors = finite_vector(genuine), finite_vector(impostors)
    thresholds = np.unique(np.concatenate([genuine, impostors]))
    false = np.searchsorted(np.sort(impostors), thresholds, side="right") / len(impostors)
    true = np.searchsorted(np.sort(genuine), thresholds, side="right") / len(genuine)
    start = np.zeros(1)
    return (
        np.concatenate([start, false]),
        np.concatenate([start, true]),
        np.concatenate([np.nextafter(thresholds[:1], -1), thresholds]),
    )


def area(genuine: Distances, impostors: Distances) -> float:
    """Return the chance that a genuine pair is nearer than an impostor pair; ties count half."""
    genuine, ordered = finite_vector(genuine), np.sort(finite_vector(impostors))
    farther = len(ordered) - np.searchsorted(ordered, genuine, side="right")
    level = np.searchsorted(ordered, genuine, side="right") - np.searchsorted(ordered, genuine)
    return float((farther + level / 2).mean() / len(ordered))


def equal_error_rate(genuine: Distances, impostors: Distances) -> float:
    """Return where the ROC curve, linearly interpolated, meets the line of equal errors."""
    false, true, _ = roc(genuine, impostors)
    excess = false - (1 - true)
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(false[0])
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(false[after - 1] + share * (false[after] - false[after - 1]))


def true_accept_rate(
    genuine: Distances, impostors: Distances, false_accept_rate: float
) -> TrueAcceptRate:
    """Return the true accept rate at the largest threshold with this false accept rate."""
    false, true, thresholds = roc(genuine, impostors)
    pairs = len(impostors)
    allowed = errors_allowed(false_accept_rate, pairs)
    rate = float(false_accept_rate)
    if allowed < CARRIES:
        return TrueAcceptRate(rate, None, None, pairs)
    last = int(np.flatnonzero(np.rint(false * pairs) <= allowed)[-1])
    return TrueAcceptRate(rate, float(true[last]), float(thresholds[last]), pairs)


def _require_several(folds: Sequence[object]) -> None:
    if len(folds) < 2:
        raise EvaluationError("at least two folds are needed: a threshold is chosen on the others")


def _both(fold: object) -> tuple[Distances, Flags]:
    """Check a fold; return its distances and labels."""
    if not isinstance(fold, (list, tuple)) or len(fold) != 2:
        raise EvaluationError(f"a fold is a pair of distances and labels, not {quoted(fold)}")
    return _fold(*fold)


def _fold(distances: npt.ArrayLike, genuine: npt.ArrayLike) -> tuple[Distances, Flags]:
    """Check the distances and labels of a fold; return both as arrays."""
    values = real_array(distances, "distances", EvaluationError)
    flags = checked_labels(genuine)
    if values.ndim != 1 or values.shape != flags.shape or not len(values):
        raise EvaluationError(
            "a fold is a list of distances and as many labels, not arrays of shape "
            f"{values.shape} and {flags.shape}"
        )
    return finite_vector(values), flags
