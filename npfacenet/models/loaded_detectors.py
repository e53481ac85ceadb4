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
    """Detectors by the names or paths under which they were asked for; threads may share it."""

    _by_name: dict[str | bytes, Detector] = field(default_factory=dict)
    _loading: Lock = field(default_factory=Lock)

    def load(self, name_or_path: str | os.PathLike[str]) -> Detector:
        """Return a detector, which is loaded when it is first asked for.

        Raises what `faces.load` raises.
        """
        with without_forks():
            from npfacenet.faces.loading import load

        name = os.fspath(name_or_path)
        with self._loading.held():  # for threads that ask at the same time
            if name not in self._by_name:
                self._by_name[name] = load(name_or_path)
            return self._by_name[name]
