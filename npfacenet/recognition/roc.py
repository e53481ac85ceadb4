"""The ROC curve of genuine and impostor distances, and the rates that are read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.calibration import CARRIES, errors_allowed
from npfacenet.recognition.labelled_pairs import (
    NO_FAILURES,
    Distances,
    Failures,
    finite_vector,
    require_failures,
)


@dataclass(frozen=True)
class TrueAcceptRate(JsonReady):
    """The share of genuine pairs accepted if at most `false_accept_rate` of impostors are.

    `rate` and `threshold` are None if `impostor_pairs` are too few to support the claim: a rate
    below 3 / n could be zero by chance (the rule of three). If more of them failed than the rate
    allows, no threshold is small enough: `rate` is 0, and `threshold` None. The number of impostors
    that a rate allows is computed in decimals (`calibration.errors_allowed`).
    """

    false_accept_rate: float
    rate: float | None
    threshold: float | None
    impostor_pairs: int


def roc(
    genuine: Distances, impostors: Distances, failed: Failures = NO_FAILURES
) -> tuple[Distances, Distances, Distances]:
    """Return false accept rates, true accept rates and thresholds, from accepting none to all.

    Pairs that `failed` count as errors at every threshold, here and in the functions below: the
    impostors among them are always accepted. Like all functions here, raises EvaluationError if
    there are no distances or they are not finite.
    """
    genuine, impostors = finite_vector(genuine), finite_vector(impostors)
    require_failures(failed)
    thresholds = np.unique(np.concatenate([genuine, impostors]))
    start = np.nextafter(thresholds[:1], -1)
    thresholds = np.concatenate([start, thresholds])
    false = np.searchsorted(np.sort(impostors), thresholds, side="right") + failed.impostors
    true = np.searchsorted(np.sort(genuine), thresholds, side="right")
    return (
        false / (len(impostors) + failed.impostors),
        true / (len(genuine) + failed.genuine),
        thresholds,
    )


def area(genuine: Distances, impostors: Distances, failed: Failures = NO_FAILURES) -> float:
    """Return the chance that a genuine pair is nearer than an impostor pair; ties count half."""
    genuine, ordered = finite_vector(genuine), np.sort(finite_vector(impostors))
    require_failures(failed)
    farther = len(ordered) - np.searchsorted(ordered, genuine, side="right")
    level = np.searchsorted(ordered, genuine, side="right") - np.searchsorted(ordered, genuine)
    chance = float((farther + level / 2).mean() / len(ordered))
    measured = len(genuine) * len(ordered)
    pairs = (len(genuine) + failed.genuine) * (len(ordered) + failed.impostors)
    return chance if pairs == measured else chance * measured / pairs


def equal_error_rate(
    genuine: Distances, impostors: Distances, failed: Failures = NO_FAILURES
) -> float:
    """Return where the ROC curve, linearly interpolated, meets the line of equal errors."""
    false, true, _ = roc(genuine, impostors, failed)
    excess = false - (1 - true)
    after = int(np.argmax(excess >= 0))
    if after == 0:
        return float(false[0])
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    return float(false[after - 1] + share * (false[after] - false[after - 1]))


def true_accept_rate(
    genuine: Distances,
    impostors: Distances,
    false_accept_rate: float,
    failed: Failures = NO_FAILURES,
) -> TrueAcceptRate:
    """Return the true accept rate at the largest threshold with this false accept rate."""
    false, true, thresholds = roc(genuine, impostors, failed)
    pairs = len(impostors) + failed.impostors
    allowed = errors_allowed(false_accept_rate, pairs)
    rate = float(false_accept_rate)
    if allowed < CARRIES:
        return TrueAcceptRate(rate, None, None, pairs)
    possible = np.flatnonzero(np.rint(false * pairs) <= allowed)
    if not len(possible):
        return TrueAcceptRate(rate, 0.0, None, pairs)
    last = int(possible[-1])
    return TrueAcceptRate(rate, float(true[last]), float(thresholds[last]), pairs)
