"""Weight files of the finder with drawn numbers: they find faces anywhere, but need no data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from npfacenet.cards import derived_card
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.recipes.finder import NPFACENET_FINDER, npfacenet_finder
from npfacenet.zoo.manifest import data_folders
from npfacenet.zoo.packaged import FINDER, PACKAGED


def write_finder(path: Path, seed: int = 3) -> Path:
    """Write one as the one that ships is written, kernels as float16; return the path."""
    network = npfacenet_finder()
    card = replace(derived_card(NPFACENET_FINDER, 0, path), licence="for tests (and no more)")
    write_native(path, network, network.initialise(seed), card, half=True)
    return path


def install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a file, called npfacenet-finder.h5, taken for the one in the package."""
    folders = (file.parent, *data_folders())
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: folders)
    digest = weights_digest(read_checkpoint(file).parameters)
    known = {**PACKAGED, FINDER: replace(PACKAGED[FINDER], weights=digest)}
    monkeypatch.setattr("npfacenet.zoo.manifest.PACKAGED", known)
