"""Checking paths that callers pass."""

from __future__ import annotations

import os
from pathlib import Path

from npfacenet.errors import NpfacenetError, quoted


def checked_path(path: object, what: str, error: type[NpfacenetError]) -> Path:
    """Return the path; raise `error`, which names `what` has it, for anything but a path.

    >>> checked_path("people", "a gallery", ValueError).name
    'people'
    """
    if isinstance(path, (str, os.PathLike)):
        try:
            text = os.fsdecode(path)
        except TypeError as fault:  # an object whose __fspath__ gives something else
            raise error(f"{what} has a path, not {quoted(path)}: {fault}") from fault
        if text.strip() and "\0" not in text:
            return Path(text)
    raise error(f"{what} has a path, not {quoted(path)}; name it by text or a Path")
