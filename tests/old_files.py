"""Weight files as earlier versions wrote them: without a description of their network."""

from __future__ import annotations

from pathlib import Path

import h5py

from npfacenet.checkpoints.native import CHECKED, NETWORK


def without_graph(path: Path) -> Path:
    """The file of our own layout, its network taken out."""
    with h5py.File(path, "r+") as file:
        del file[NETWORK], file[CHECKED[NETWORK]]
    return path
