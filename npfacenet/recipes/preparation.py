"""How the square that a network sees is cut out of a photograph."""

from __future__ import annotations

import re
from dataclasses import dataclass

from npfacenet.arguments import LONGEST_NAME, is_one_of, is_printable_name, is_whole
from npfacenet.errors import ArgumentError, quoted
from npfacenet.recipes.alignment import ALIGNMENTS

LARGEST_CROP = 100_000
_NAME = re.compile(r"[A-Za-z0-9._-]+(@[0-9a-f]{12})?")


@dataclass(frozen=True)
class Preparation:
    """What is done with a photograph before its pixels are scaled.

    With a `detector`, a face is found and cut out by `alignment` (`ALIGNMENTS`). Detectors are
    named as in `faces.DETECTORS`, or as `faces.Detector.identity` says; never by a path. Without
    one, the centre is used: `crop` pixels a side, or the whole central square if `crop` is None.
    Raises ArgumentError for other values, and for both at once.

    >>> print(Preparation("mtcnn", "margin-32"), Preparation(crop=150), Preparation(), sep="; ")
    mtcnn, margin-32; centre crop of 150 pixels; central square
    """

    detector: str | None = None
    alignment: str | None = None
    crop: int | None = None

    def __post_init__(self) -> None:
        detector, alignment, crop = self.detector, self.alignment, self.crop
        if detector is not None and not (is_printable_name(detector) and _NAME.fullmatch(detector)):
            raise ArgumentError(
                f"a detector's name has 1 to {LONGEST_NAME} letters, digits, '.', '_', '-' and, "
                f"before its digits, '@': {quoted(detector)}"
            )
        if (detector is None) != (alignment is None):
            raise ArgumentError(
                "a detector and an alignment are stated together, not "
                f"{quoted(detector)} and {quoted(alignment)}"
            )
        if alignment is not None and not is_one_of(alignment, *ALIGNMENTS):
            raise ArgumentError(f"no alignment {quoted(alignment)}; known: {', '.join(ALIGNMENTS)}")
        if crop is None:
            return
        if not is_whole(crop, 1, LARGEST_CROP):
            raise ArgumentError(
                f"crop is a whole number of pixels from 1 to {LARGEST_CROP:,}, not {quoted(crop)}"
            )
        if detector is not None:
            raise ArgumentError("a face is found or the centre is cropped, not both")
        object.__setattr__(self, "crop", int(crop))

    def __str__(self) -> str:
        if self.detector is not None:
            return f"{self.detector}, {self.alignment}"
        if self.crop is not None:
            return f"centre crop of {self.crop} pixels"
        return "central square"


CENTRAL_SQUARE = Preparation()
