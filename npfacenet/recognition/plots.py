"""Figures of an evaluation, by matplotlib (extra `plot`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.recognition.calibration import errors_at
from npfacenet.recognition.distance import checked_distance
from npfacenet.recognition.evaluation import Evaluation, roc
from npfacenet.recognition.labelled_pairs import (
    NO_FAILURES,
    Distances,
    Failures,
    finite_vector,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def require_matplotlib() -> None:
    """Raise ArgumentError, with the remedy, if matplotlib is missing."""
    if find_spec("matplotlib") is None:
        raise ArgumentError("figures need matplotlib: pip install 'npfacenet[plot]'")


def plot_evaluation(
    file: IO[bytes],
    evaluation: Evaluation,
    genuine: Distances,
    impostors: Distances,
    title: str,
    threshold: float | None = None,
    failed: Failures = NO_FAILURES,
) -> None:
    """Write a PNG with the ROC curve, the DET curve, and histograms of the distances.

    `threshold` is marked in all three. Pairs that `failed` count as errors in both curves; they
    have no distance, so the histograms leave them out and say so.

    Raises ArgumentError if matplotlib is missing, and for anything but an evaluation and a
    threshold; EvaluationError for anything but distances.
    """
    require_matplotlib()
    if not isinstance(evaluation, Evaluation):
        raise ArgumentError(f"the evaluation is what `evaluate` returns, not {quoted(evaluation)}")
    genuine, impostors = finite_vector(genuine), finite_vector(impostors)
    threshold = None if threshold is None else checked_distance(threshold)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    curve, errors, histogram = figure.subplots(1, 3)
    false, true, _ = roc(genuine, impostors, failed)
    # Below 3 / n a rate is not measurable, so the axes end there.
    lowest = 3 / max(len(impostors) + failed.impostors, len(genuine) + failed.genuine)
    _draw_roc(curve, false, true, evaluation.area)
    _draw_det(errors, false, true, lowest, evaluation.equal_error_rate)
    _draw_histogram(histogram, genuine, impostors, failed)
    if threshold is not None:
        label = f"threshold {threshold:.3f}"
        histogram.axvline(threshold, color="0.2", linestyle="--", label=label)
        at = errors_at(threshold, genuine, impostors, failed)
        _mark(curve, errors, at.false_match.rate, 1 - at.false_non_match.rate, lowest)
    histogram.legend()
    figure.savefig(file, format="png", dpi=110)


def _draw_roc(curve: Axes, false: Distances, true: Distances, area: float) -> None:
    curve.plot(false, true, color="C0")
    curve.plot([0, 1], [0, 1], ":", color="0.6")
    curve.set(xlabel="false accept rate", ylabel="true accept rate")
    curve.set_title(f"ROC, area {area:.4f}")


def _draw_det(
    errors: Axes, false: Distances, true: Distances, lowest: float, equal_error_rate: float
) -> None:
    errors.loglog(np.maximum(false, lowest / 3), np.maximum(1 - true, lowest / 3), color="C0")
    errors.plot([lowest / 3, 1], [lowest / 3, 1], ":", color="0.6")
    errors.set(xlabel="false accept rate", ylabel="false reject rate")
    errors.set(xlim=(lowest / 3, 1), ylim=(lowest / 3, 1))
    errors.axvspan(lowest / 3, lowest, color="0.92")
    errors.set_title(f"DET, equal error rate {equal_error_rate:.4f}")


def _draw_histogram(
    histogram: Axes, genuine: Distances, impostors: Distances, failed: Failures
) -> None:
    farthest = max(2.0, float(np.concatenate([genuine, impostors]).max()))
    bins = np.linspace(0, farthest, 60).tolist()
    histogram.hist(genuine, bins, alpha=0.6, color="C2", label=f"genuine ({len(genuine)})")
    histogram.hist(impostors, bins, alpha=0.6, color="C3", label=f"impostor ({len(impostors)})")
    histogram.set(xlabel="distance", ylabel="pairs")
    pairs = failed.genuine + failed.impostors
    histogram.set_title("distances" + (f" (without {pairs} pairs: no face found)" if pairs else ""))


def _mark(curve: Axes, errors: Axes, false: float, true: float, lowest: float) -> None:
    """Mark the point of the threshold on both curves."""
    curve.plot(false, true, "o", color="0.2")
    errors.plot(max(false, lowest / 3), max(1 - true, lowest / 3), "o", color="0.2", clip_on=False)
