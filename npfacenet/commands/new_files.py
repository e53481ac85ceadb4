"""Files that a command writes into a folder: named after pictures, and never over another file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from npfacenet.errors import OutputError, quoted
from npfacenet.files.atomic import require_writable, writing_in


@dataclass(frozen=True)
class NewFiles:
    """Paths in `folder`, each given once; `option` is the command's option that names it."""

    folder: str
    option: str
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, folder: str, option: str) -> NewFiles:
        """Make the folder; raise OutputError if it has no name, or cannot be made or written in."""
        if not folder:
            raise OutputError(f"{option} names no folder")
        with writing_in(Path(folder)):
            Path(folder).mkdir(parents=True, exist_ok=True)
        require_writable(Path(folder, "picture.png"))
        return cls(folder, option)

    def path(self, stem: str, suffix: str) -> Path:
        """Return FOLDER/STEM.SUFFIX, or if that was given already, STEM-2, STEM-3 and so on.

        Names that differ only in case count as one, as on some disks.
        """
        name, number = f"{stem}{suffix}", 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.casefold())
        return Path(self.folder, name)

    def require_new(self, path: Path) -> None:
        """Raise OutputError if the file exists: it may be a photograph, or somebody's result."""
        if os.path.lexists(path):
            raise OutputError(
                f"{quoted(str(path))} exists already, and is not overwritten; name another folder "
                f"with {self.option}"
            )

    def require_none_of(self, stems: Sequence[str], suffix: str) -> None:
        """Raise OutputError if the folder holds a file that `path` could return for a stem."""
        wanted = {stem.casefold() for stem in stems}
        for name in sorted(os.listdir(self.folder)):
            stem, ending = os.path.splitext(name.casefold())
            first, _, number = stem.rpartition("-")
            if ending == suffix and (stem in wanted or (number.isdecimal() and first in wanted)):
                self.require_new(Path(self.folder, name))
