"""Figures of an evaluation, by matplotlib (extra `plot`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import IO

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.recognition.distance import checked_distance
from npfacenet.recognition.evaluation import Distances, Evaluation, roc
from npfacenet.recognition.labelled_pairs import finite_vector


def require_matplotlib() -> None:
    """Raise ArgumentError, with the remedy, where matplotlib is missing."""
    if find_spec("matplotlib") is None:
        raise ArgumentError("figures need matplotlib: pip install 'npfacenet[plot]'")


def plot_evaluation(
    file: IO[bytes],
    evaluation: Evaluation,
    genuine: Distances,
    impostors: Distances,
    title: str,
    threshold: float | None = None,
) -> None:
    """Write a PNG: ROC curve, DET curve, and the distances of both kinds of pair.

    `threshold` is marked in all three. Raises ArgumentError where matplotlib is missing and for
    what is not an evaluation or a threshold, EvaluationError for what are not distances.
    """
    require_matplotlib()
    if not isinstance(evaluation, Evaluation):
        raise ArgumentError(f"what `evaluate` gives is drawn, not {quoted(evaluation)}")
    genuine, impostors = finite_vector(genuine), finite_vector(impostors)
    threshold = None if threshold is None else checked_distance(threshold)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    false, true, _ = roc(genuine, impostors)
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    curve, errors, histogram = figure.subplots(1, 3)

    curve.plot(false, true, color="C0")
    curve.plot([0, 1], [0, 1], ":", color="0.6")
    curve.set(xlabel="false accept rate", ylabel="true accept rate")
    curve.set_title(f"ROC, area {evaluation.area:.4f}")

    # Below 3 / n a rate is not measurable, so the axes end there.
    lowest = 3 / max(len(impostors), len(genuine))
    errors.loglog(np.maximum(false, lowest / 3), np.maximum(1 - true, lowest / 3), color="C0")
    errors.plot([lowest / 3, 1], [lowest / 3, 1], ":", color="0.6")
    errors.set(xlabel="false accept rate", ylabel="false reject rate")
    errors.set(xlim=(lowest / 3, 1), ylim=(lowest / 3, 1))
    errors.axvspan(lowest / 3, lowest, color="0.92")
    errors.set_title(f"DET, equal error rate {evaluation.equal_error_rate:.4f}")

    bins = np.linspace(0, max(2.0, float(np.concatenate([genuine, impostors]).max())), 60)
    histogram.hist(genuine, bins, alpha=0.6, color="C2", label=f"genuine ({len(genuine)})")
    histogram.hist(impostors, bins, alpha=0.6, color="C3", label=f"impostor ({len(impostors)})")
    histogram.set(xlabel="distance", ylabel="pairs")
    histogram.set_title("distances")
    if threshold is not None:
        label = f"threshold {threshold:.3f}"
        histogram.axvline(threshold, color="0.2", linestyle="--", label=label)
        point = (float((impostors <= threshold).mean()), float((genuine <= threshold).mean()))
        curve.plot(*point, "o", color="0.2")
        errors.plot(
            max(point[0], lowest / 3),
            max(1 - point[1], lowest / 3),
            "o",
            color="0.2",
            clip_on=False,
        )
    histogram.legend()
    figure.savefig(file, format="png", dpi=110)
