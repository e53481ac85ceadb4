"""What was passed over, and why."""

from __future__ import annotations

from dataclasses import dataclass

from npfacenet.arguments import is_whole
from npfacenet.errors import ArgumentError, quoted
from npfacenet.models.json_ready import JsonReady


@dataclass(frozen=True)
class Skipped(JsonReady):
    """A picture or another file that was passed over, and the reason.

    `position` is its place among the pictures of the call, from 0; None for another file, and for
    one of several calls. `no_face` tells that the picture is sound, but shows no face that can be
    used; with several faces the reason says which of them.
    """

    source: str
    reason: str
    position: int | None = None
    no_face: bool = False

    def __post_init__(self) -> None:
        texts: tuple[object, ...] = (self.source, self.reason)
        if not all(isinstance(text, str) for text in texts):
            raise ArgumentError(f"source and reason are text, not {quoted(texts)}")
        if self.position is not None and not is_whole(self.position, low=0):
            raise ArgumentError(f"a position is a whole number >= 0, not {quoted(self.position)}")
