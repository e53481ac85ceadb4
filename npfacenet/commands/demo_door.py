"""Who stands at the door: the faces that are found there, and whose they are."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from npfacenet.commands import options
from npfacenet.commands.demo_pictures import DemoPictures, DrawnFace
from npfacenet.commands.face_notes import note_choices, note_preparation, note_skipped
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.errors import EmbeddingError
from npfacenet.models import Embeddings, Model


@dataclass(frozen=True)
class Arrival:
    """A face at the door: its picture, what it is called, and whose it is (None: unknown).

    A printed one is on a poster.
    """

    picture: Path
    label: str
    person: str | None
    printed: bool = False


def embedded(
    model: Model, pictures: DemoPictures, arguments: argparse.Namespace, progress: ProgressBar
) -> tuple[Embeddings, Embeddings]:
    """Embed the pictures that are enrolled, and the faces at the door.

    On drawn photographs every face at the door counts unless a choice is stated, and pictures
    without a face are left out. Raises EmbeddingError if nobody is left, or if there is no
    threshold for pictures that are not drawn.
    """
    choices = options.face_choices(arguments)
    if pictures.drawn_in is None:
        probes = model.embed(pictures.at_the_door, **choices, progress=progress)
        options.require_threshold(model, arguments.threshold, probes)
        note_preparation(probes)
        known = model.embed(pictures.enrolled, **choices, progress=progress)
        for shown in (known, probes):
            note_choices(shown, arguments.choose)
        return known, probes
    if not pictures.faces:
        choices["detect"] = False
        probes = model.embed(pictures.at_the_door, **choices, progress=progress)
        return model.embed(pictures.enrolled, **choices, progress=progress), probes
    known = model.embed(pictures.enrolled, **choices, on_error="skip", progress=progress)
    note_skipped(known.skipped)
    choices["choose"] = "all" if arguments.choose is None else arguments.choose
    probes = model.embed(pictures.at_the_door, **choices, on_error="skip", progress=progress)
    for which, left in (("enrolled", known), ("at the door", probes)):
        if not len(left):
            raise EmbeddingError(f"no face was found on the pictures of who is {which}")
    return known, probes


def arrivals(pictures: DemoPictures, probes: Embeddings) -> tuple[Arrival, ...]:
    """Return who stands at the door, one for each probe."""
    count = Counter(probes.positions)
    result = []
    for row, position in enumerate(probes.positions):
        label, person, printed = pictures.labels[position], pictures.persons[position], False
        if probes.faces and count[position] > 1:
            face = probes.faces[row]
            label += f", face {face.index + 1} of {face.count}"
        if pictures.faces:
            drawn = _drawn_at(pictures, probes, row)
            person, printed = (drawn.person, drawn.printed) if drawn else (None, False)
        result.append(Arrival(pictures.at_the_door[position], label, person, printed))
    return tuple(result)


def unseen(pictures: DemoPictures, probes: Embeddings) -> Iterator[tuple[str, str]]:
    """Yield what the pictures are called in which a face is missing, and what is said of it."""
    found = [_drawn_at(pictures, probes, row) for row in range(len(probes))]
    for position, label in enumerate(pictures.labels):
        drawn = pictures.faces[position] if pictures.faces else ()
        missed = [face for face in drawn if face not in found and not face.printed]
        wrong = " and ".join(face.person or "a visitor" for face in missed)
        if position not in probes.positions:
            yield label, f"no face; wrong: it shows {wrong}" if wrong else "no face"
        elif wrong:
            yield label, f"not found: {wrong}"


def _drawn_at(pictures: DemoPictures, probes: Embeddings, row: int) -> DrawnFace | None:
    """Return which drawn face a probe is, if it is one."""
    if not pictures.faces or not probes.faces:
        return None
    left, top, right, bottom = probes.faces[row].box
    x, y = (left + right) / 2, (top + bottom) / 2
    drawn = pictures.faces[probes.positions[row]]
    return next((face for face in drawn if face.holds(x, y)), None)
