"""The weights that come with the package: they are never fetched, and so in no manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Packaged:
    """Weights in the package: a file, and the network that it holds.

    `weights` is the digest of the numbers inside, where something depends on it: the name of a
    detector stands for these and no others (`faces.Detector.identity`).
    """

    file_name: str
    architecture: str
    weights: str | None = None


DEFAULT_MODEL = "npfacenet-small"
"""The weights that are loaded where none are named.

This is the name of a file of weights, and not a fact about the network of the same name.
"""
FINDER = "finder"
"""The weights of the detector of that name."""
FINDER_WEIGHTS = "b98e980ee378abe9763d149bbe61937ca45c4e790f8deb46a1c11428150b433c"
"""The digest of its numbers, as `tools/experiments/train_finder.py finish` prints it."""
PACKAGED: Mapping[str, Packaged] = MappingProxyType(
    {
        DEFAULT_MODEL: Packaged("npfacenet-small.h5", "npfacenet-small"),
        FINDER: Packaged("npfacenet-finder.h5", "npfacenet-finder", weights=FINDER_WEIGHTS),
    }
)
"""Every one by its name, the default model first."""


def packaged(name: str) -> Packaged | None:
    """Return the packaged weights of a name, or None; a file's name without ".h5" counts, too.

    So that no other file can take a name under which one expects them.

    >>> packaged("finder") == packaged("npfacenet-finder"), packaged("mtcnn")
    (True, None)
    """
    files = (one for one in PACKAGED.values() if one.file_name == f"{name}.h5")
    return PACKAGED.get(name) or next(files, None)
