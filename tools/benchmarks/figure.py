"""The figure of `bench.py --plot`, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import Row

OURS, OTHERS = "C0", "0.72"  # colours


def plot_rows(path: Path, rows: Sequence[Row], title: str) -> None:
    """Write a picture: milliseconds per face, a panel for each network and batch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    networks = list(dict.fromkeys(row.network for row in rows))
    batches = list(dict.fromkeys(row.batch for row in rows))
    size = (1 + 3.6 * len(batches), 0.8 + 2.6 * len(networks))
    figure = Figure(figsize=size, layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    figure.suptitle(f"milliseconds per face, and multiples of npfacenet's ({title})", fontsize=11)
    panels = figure.subplots(len(networks), len(batches), squeeze=False)
    for line, network in zip(panels, networks, strict=True):
        for panel, batch in zip(line, batches, strict=True):
            draw(panel, [row for row in rows if (row.network, row.batch) == (network, batch)])
            panel.set_title(f"{network}, batch {batch}", fontsize=10)
    figure.savefig(path)


def draw(panel: Any, rows: Sequence[Row]) -> None:
    """A bar for each engine: the median, its quartiles as a whisker, the ratio below the name."""
    heights = [row.ms_per_face for row in rows]
    spread = (
        [row.ms_per_face - row.quartiles[0] for row in rows],
        [row.quartiles[1] - row.ms_per_face for row in rows],
    )
    colours = [OURS if row.engine == "npfacenet" else OTHERS for row in rows]
    whiskers = {"elinewidth": 0.8, "capsize": 2}
    bars = panel.bar(
        range(len(rows)), heights, 0.75, yerr=spread, color=colours, error_kw=whiskers
    )  # fmt: skip
    panel.bar_label(bars, [f"{height:.3g}" for height in heights], fontsize=8, padding=2)
    panel.set_xticks(range(len(rows)), [label(row) for row in rows], fontsize=7)
    panel.tick_params(axis="y", labelsize=7)
    panel.margins(y=0.12)
    panel.spines[["top", "right"]].set_visible(False)


def label(row: Row) -> str:
    """The engine, and how many times as long as npfacenet it takes."""
    return (
        row.engine if row.ratio is None else f"{row.engine}\n\N{MULTIPLICATION SIGN}{row.ratio:.2f}"
    )
