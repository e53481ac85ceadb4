"""How long computations report their progress: to one kind of callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as `progress(what, done, total)`; `total` is None where it is unknown.

`done` and `total` count bytes of files, pictures, or views. Only commands draw it.
"""


def silent(what: str, done: int, total: int | None) -> None:
    """Report to nobody."""
