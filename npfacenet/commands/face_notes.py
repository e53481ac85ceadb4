"""Which faces were embedded, and which pictures skipped: in remarks for people, and in JSON."""

from __future__ import annotations

from collections.abc import Sequence

from npfacenet.commands import options
from npfacenet.errors import shortened
from npfacenet.faces.choice import ChosenFace
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import Skipped

MOST_NOTED = 3
"""Pictures that get a remark of their own."""
_WHICH = {"largest": "largest", "central": "most central"}


def note_preparation(embeddings: Embeddings) -> None:
    """Print a remark that pictures count as cropped faces, if no detector was used."""
    preparation = embeddings.preparation
    if preparation is not None and preparation.detector is None:
        options.note(
            f"no detector is used: every picture counts as a face that is cropped already "
            f"({preparation}); for photographs: --detect finder"
        )


def note_choices(embeddings: Embeddings, choose: str | None) -> None:
    """Print which face is used of each picture that shows several; a few remarks at most."""
    if choose == "all":
        return
    several = [
        (source, face)
        for source, face in zip(embeddings.sources, embeddings.faces, strict=False)
        if face.count > 1
    ]
    for source, face in several[:MOST_NOTED]:
        which = _WHICH[choose or "largest"]
        options.note(
            f"{shortened(source)} shows {face.count} faces; the {which}, {face.size:.0f} pixels, "
            "is used"
        )
    if (more := len(several) - MOST_NOTED) > 0:
        options.note(f"{more} more {'picture shows' if more == 1 else 'pictures show'} several")


def note_skipped(skipped: Sequence[Skipped]) -> None:
    """Print which pictures could not be used, and why; a few remarks at most."""
    for each in skipped[:MOST_NOTED]:
        options.note(f"skipped: {_fault(each)}")
    note_more_skipped(len(skipped))


def note_more_skipped(count: int) -> None:
    """Print how many of `count` pictures that were skipped got no remark of their own."""
    if (more := count - MOST_NOTED) > 0:
        options.note(f"{more} more skipped")


def _fault(skipped: Skipped) -> str:
    """Return the reason without its advice, which follows a semicolon.

    >>> _fault(Skipped("a;b.jpg", "a;b.jpg shows no face that can be found; give another picture"))
    'a;b.jpg shows no face that can be found'
    """
    named, source, said = skipped.reason.partition(skipped.source)
    return (named + source + said.partition(";")[0]) if source else named.partition(";")[0]


def faces_as_json(embeddings: Embeddings) -> list[dict[str, object] | None]:
    """Return each row's face, for programs; None where no detector found it."""
    if not embeddings.faces:
        return [None] * len(embeddings)
    return [face.as_json() for face in embeddings.faces]


def row_names(embeddings: Embeddings, choose: str | None) -> list[str]:
    """Return a name for each row: its picture's, and with "all" which face of several it is."""
    if choose != "all":
        return list(embeddings.sources)
    named = zip(embeddings.sources, embeddings.faces, strict=True)
    return [source if face.count == 1 else f"{source}, {_place(face)}" for source, face in named]


def _place(face: ChosenFace) -> str:
    left, top, _, _ = face.box
    return f"face {face.index + 1} of {face.count} at {left:.0f},{top:.0f}"
