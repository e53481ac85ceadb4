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
from npfacenet.recognition.labelled_pairs import (
    NO_FAILURES,
    Distances,
    Failures,
    Flags,
    checked_labels,
    finite_vector,
    listed_folds,
)
from npfacenet.recognition.roc import (
    TrueAcceptRate,
    area,
    equal_error_rate,
    roc,
    true_accept_rate,
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
    *,
    failed: Sequence[npt.ArrayLike] | None = None,
) -> Evaluation:
    """Compute all rates from the distances of pairs, given fold by fold.

    `distances[i]` (n_i,), finite, and `genuine[i]` (n_i,), booleans, belong to fold i. So does
    `failed[i]` (n_i,), booleans: pairs whose distance is unknown, because a face was not found.
    They are wrong at every threshold, and their distances are not looked at.

    Raises EvaluationError for fewer than two folds, for lengths that differ, if genuine or impostor
    pairs with a distance are missing, and for invalid labels or rates.

    >>> evaluation = evaluate([[0.2, 1.2], [0.3, 1.1]], [[True, False], [True, False]])
    >>> evaluation.accuracy.mean, evaluation.area, evaluation.equal_error_rate
    (1.0, 1.0, 0.0)
    """
    given, labels = listed_folds(distances, "distances"), listed_folds(genuine, "labels")
    if len(given) != len(labels):
        raise EvaluationError(
            f"{len(given)} folds of distances and {len(labels)} of labels do not correspond"
        )
    missing = [None] * len(given) if failed is None else listed_folds(failed, "failures")
    if len(given) != len(missing):
        raise EvaluationError(
            f"{len(given)} folds of distances and {len(missing)} of failures do not correspond"
        )
    if not is_several(false_accept_rates):
        raise EvaluationError(f"false accept rates are a list, not {quoted(false_accept_rates)}")
    rates = list(false_accept_rates)
    folds = [_measured(*each) for each in zip(given, labels, missing, strict=True)]
    found = _accuracy(folds)
    all_distances = np.concatenate([fold.distances for fold in folds])
    all_genuine = np.concatenate([fold.genuine for fold in folds])
    accepted, impostors = all_distances[all_genuine], all_distances[~all_genuine]
    if not (len(accepted) and len(impostors)):
        raise EvaluationError("pairs of one person and pairs of two people are both needed")
    failures = Failures(
        sum(fold.failed.genuine for fold in folds), sum(fold.failed.impostors for fold in folds)
    )
    return Evaluation(
        found,
        area(accepted, impostors, failures),
        equal_error_rate(accepted, impostors, failures),
        tuple(true_accept_rate(accepted, impostors, rate, failures) for rate in rates),
        len(accepted) + failures.genuine,
        len(impostors) + failures.impostors,
    )


def accuracy(folds: Sequence[tuple[Distances, Flags]]) -> Accuracy:
    """Decide each fold by the threshold that is best on all other folds.

    Raises EvaluationError as `evaluate`.
    """
    return _accuracy([_Fold(*_both(fold)) for fold in listed_folds(folds, "folds")])


def _accuracy(folds: Sequence[_Fold]) -> Accuracy:
    if len(folds) < 2:
        raise EvaluationError("at least two folds are needed: a threshold is chosen on the others")
    rates, thresholds = [], []
    for i, fold in enumerate(folds):
        # Pairs that failed are wrong at every threshold, so that they have no part in its choice.
        others = [other for j, other in enumerate(folds) if j != i]
        distances = np.concatenate([other.distances for other in others])
        if not len(distances):
            raise EvaluationError(
                "no threshold can be chosen: a face was missing in every pair of the other folds"
            )
        threshold = best_threshold(distances, np.concatenate([other.genuine for other in others]))
        thresholds.append(threshold)
        right = (fold.distances <= threshold) == fold.genuine
        pairs = len(right) + fold.failed.genuine + fold.failed.impostors
        rates.append(float(right.sum() / pairs))
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


@dataclass(frozen=True, eq=False)
class _Fold:
    """The distances and labels of the pairs that did not fail, and the number of the others."""

    distances: Distances
    genuine: Flags
    failed: Failures = NO_FAILURES


def _measured(
    distances: npt.ArrayLike, genuine: npt.ArrayLike, failed: npt.ArrayLike | None
) -> _Fold:
    """Check a fold and take out the pairs that failed."""
    if failed is None:
        return _Fold(*_fold(distances, genuine))
    missing = checked_labels(failed)
    values = real_array(distances, "distances", EvaluationError)
    labels = checked_labels(genuine)
    if missing.ndim != 1 or missing.shape != values.shape or missing.shape != labels.shape:
        raise EvaluationError(
            "a fold has as many distances as labels and failures, not arrays of shape "
            f"{values.shape}, {labels.shape} and {missing.shape}"
        )
    counts = Failures(int((missing & labels).sum()), int((missing & ~labels).sum()))
    if missing.any() and missing.all():
        return _Fold(np.empty(0), np.empty(0, np.bool_), counts)
    return _Fold(*_fold(values[~missing], labels[~missing]), counts)


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
