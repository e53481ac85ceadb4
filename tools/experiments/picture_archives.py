"""The archives of pictures that experiments learn from and measure on."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from npfacenet.errors import NpfacenetError

EACH, KEPT = 5, 4
"""Every fifth background is kept for measuring, counted from the fifth: nobody learns from it."""

Names = Sequence[str]


def pictures_in(
    path: Path, error: type[NpfacenetError], choose: Callable[[list[str]], Names] | None = None
) -> tuple[bytes, ...]:
    """Return the .jpg files in an archive, sorted by their names, or those that `choose` returns.

    Raises `error` for an archive that cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
            return tuple(archive.read(each) for each in (choose(names) if choose else names))
    except (OSError, zipfile.BadZipFile) as fault:
        raise error(f"{path} cannot be read: {fault}") from fault


def backgrounds(shared: Path, error: type[NpfacenetError], *, held_out: bool) -> tuple[bytes, ...]:
    """Return the photographs without a face that are kept for measuring, or all others.

    Raises `error` for an archive that cannot be read.
    """

    def chosen(names: list[str]) -> Names:
        return [name for i, name in enumerate(names) if (i % EACH == KEPT) == held_out]

    return pictures_in(shared / "backgrounds.zip", error, chosen)
