"""The figure of `bench.py --plot`, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measurement import Measurement

OURS, OTHERS = "C0", "0.72"  # colours


def plot_measurements(path: Path, measured: Sequence[Measurement], title: str) -> None:
    """Write a figure of milliseconds per face, with a panel for each network and batch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(one.network for one in measured))
    batches = list(dict.fromkeys(one.batch for one in measured))
    size = (1 + 3.6 * len(batches), 0.8 + 2.6 * len(networks))
    figure = Figure(figsize=size, layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    figure.suptitle(f"milliseconds per face, and multiples of npfacenet's ({title})", fontsize=11)
    panels = figure.subplots(len(networks), len(batches), squeeze=False)
    for line, network in zip(panels, networks, strict=True):
        for panel, batch in zip(line, batches, strict=True):
            draw(panel, [one for one in measured if (one.network, one.batch) == (network, batch)])
            panel.set_title(f"{network}, batch {batch}", fontsize=10)
    figure.savefig(path)


def draw(panel: Any, measured: Sequence[Measurement]) -> None:
    """Draw a bar for each engine: the median, quartiles as whiskers, the ratio below the name."""
    heights = [one.ms_per_face for one in measured]
    spread = (
        [one.ms_per_face - one.quartiles[0] for one in measured],
        [one.quartiles[1] - one.ms_per_face for one in measured],
    )
    colours = [OURS if one.engine == "npfacenet" else OTHERS for one in measured]
    whiskers = {"elinewidth": 0.8, "capsize": 2}
    bars = panel.bar(
        range(len(measured)), heights, 0.75, yerr=spread, color=colours, error_kw=whiskers
    )  # fmt: skip
    panel.bar_label(bars, [f"{height:.3g}" for height in heights], fontsize=8, padding=2)
    panel.set_xticks(range(len(measured)), [label(one) for one in measured], fontsize=7)
    panel.tick_params(axis="y", labelsize=7)
    panel.margins(y=0.12)
    panel.spines[["top", "right"]].set_visible(False)


def label(one: Measurement) -> str:
    """Return the engine's name and its time as a multiple of npfacenet's."""
    return (
        one.engine if one.ratio is None else f"{one.engine}\n\N{MULTIPLICATION SIGN}{one.ratio:.2f}"
    )
