"""The detectors that a model has used, each loaded once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npfacenet.threads import Lock, without_forks

if TYPE_CHECKING:
    from npfacenet.faces.detector import Detector


@dataclass
class LoadedDetectors:
    """Detectors by the names under which they were asked for; threads may share it.

    What a path means can change at any time, so files are loaded at each call.
    """

    _by_name: dict[str, Detector] = field(default_factory=dict)
    _loading: Lock = field(default_factory=Lock)

    def load(self, name_or_path: str | os.PathLike[str]) -> Detector:
        """Return a detector; one that has a name is loaded when it is first asked for.

        Raises what `faces.load` raises.
        """
        with without_forks():
            from npfacenet.faces.loading import DETECTORS, load

        if not (isinstance(name_or_path, str) and name_or_path in DETECTORS):
            return load(name_or_path)
        with self._loading.held():  # for threads that ask at the same time
            if name_or_path not in self._by_name:
                self._by_name[name_or_path] = load(name_or_path)
            return self._by_name[name_or_path]
