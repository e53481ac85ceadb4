"""Curves of a training run, by matplotlib (extra `plot`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO

import numpy as np

from npfacenet.recognition.plots import require_matplotlib

SMOOTHED = 20  # steps of the moving mean


def plot_run(file: IO[bytes], entries: Iterable[Mapping[str, object]], title: str) -> None:
    """Write a PNG of a run's log: the loss, its measure, and the rates of validations.

    Raises ArgumentError if matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = list(entries)
    steps = [line for line in lines if "loss" in line]
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    loss, measure, validation = figure.subplots(1, 3)

    number = np.array([line["step"] for line in steps], np.float64)
    for axes, name in ((loss, "loss"), (measure, _measure(steps))):
        if name is not None:
            values = np.array([line.get(name, np.nan) for line in steps], np.float64)
            axes.plot(number, values, color="C0", alpha=0.3)
            axes.plot(number, _smooth(values), color="C0")
            axes.set_title({"active": "active triplets, share"}.get(name, name))
        axes.set_xlabel("step")
    found = [line for line in lines if isinstance(line.get("validation"), dict)]
    at = [line["step"] for line in found]
    for name, label in (("area", "area under ROC"), ("accuracy", "accuracy")):
        rates = [line["validation"][name] for line in found]  # type: ignore[index]  # a dict, see above
        validation.plot(at, rates, "o-", label=label, markersize=3)
    validation.set(xlabel="step", title="held-out people")
    if found:
        validation.legend()
    figure.savefig(file, format="png", dpi=110)


def _measure(steps: list[Mapping[str, object]]) -> str | None:
    return next((n for n in ("active", "accuracy", "cosine") if steps and n in steps[0]), None)


def _smooth(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    return [float(values[max(0, i - SMOOTHED + 1) : i + 1].mean()) for i in range(len(values))]
