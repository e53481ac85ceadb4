"""The demo's sheet: the people enrolled, and everyone at the door with their nearest people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.commands.demo_story import Story, names_of
from npfacenet.errors import printable, shortened
from npfacenet.faces.alignment import aligned
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.gallery import Identification
from npfacenet.images import read
from npfacenet.images.contact_sheet import Row, Tile, write_contact_sheet
from npfacenet.images.crop import central_square
from npfacenet.images.face_marks import FaceMark
from npfacenet.models import Embeddings
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recognition.distance import within

SHOWN = 5  # candidates of a probe
ENROLLED_SHOWN = 12
PHOTOGRAPHS_SHOWN = 6
PHOTO_WIDTH, PHOTO_HEIGHT, PHOTOS_IN_ROW = 232, 174, 3
LONGEST_NAME = 24  # characters of a name in a title
SIDE = 160  # pixels of a face that was cut out


def shown(path: Path, embedded: Embeddings) -> npt.NDArray[np.uint8]:
    """Return the central square of a picture, or the face in it that was embedded, aligned.

    `embedded` is the picture's one embedding.
    """
    pixels = read(path)
    if not embedded.faces or embedded.preparation is None:
        return central_square(pixels)
    (face,) = embedded.faces
    alignment = ALIGNMENTS[str(embedded.preparation.alignment)]
    return aligned(pixels, np.array(face.box), np.array(face.landmarks), alignment, SIDE)


def in_title(name: str) -> str:
    """Return a name that leaves room for the rest of a title."""
    return shortened(printable(name), LONGEST_NAME)


def in_caption(label: str) -> str:
    """Return what a picture is called, on two lines if need be."""
    return printable(label).replace("/", "/\n").replace(", ", "\n")


def write_sheet(target: Path, story: Story) -> None:
    """Write the sheet: who is enrolled, the door, each face there with its nearest people."""
    rows = [*_enrolled(story), *_photographs(story)]
    for probe, result in enumerate(story.results):
        person = story.mistaken_for(probe)
        wrong = "" if person is None else f", wrong: it is {in_title(person)}"
        title = f"who is it? {in_title(result.match or 'unknown')}{wrong}"
        rows.append(_nearest(story, title, probe, result))
    outcome = in_title(story.intruder.result.match or "unknown")
    title = f"the first one again, with {in_title(story.intruder.person)} not enrolled: {outcome}"
    rows.append(_nearest(story, title, 0, story.intruder.result))
    with writing_in(target.parent), atomic_file(target) as file:
        write_contact_sheet(rows, file)


def _enrolled(story: Story) -> Iterator[Row]:
    """Yield rows with a picture of each person."""
    names = story.gallery.people
    rows = list(enumerate(names_of(story.pictures, story.known)))
    first = {name: i for i, name in reversed(rows)}
    for start in range(0, min(len(names), ENROLLED_SHOWN), 1 + SHOWN):
        some = names[start : start + 1 + SHOWN]
        threshold = f"the threshold for 1:K is {story.search.value:.4g}"
        title = "" if start else f"enrolled: {len(names)} people; {threshold}"
        yield Row(title, [Tile(_face(story, first[name]), printable(name)) for name in some])


def _photographs(story: Story) -> Iterator[Row]:
    """Yield rows with the photographs at the door, and the faces that were found on them."""
    if not story.probes.faces:
        return
    pictures = story.pictures
    count = min(len(pictures.at_the_door), PHOTOGRAPHS_SHOWN)
    missing = dict(story.unseen)
    for start in range(0, count, PHOTOS_IN_ROW):
        title = "" if start else "at the door: the faces that were found, and who they are"
        tiles = [
            Tile(
                read(pictures.at_the_door[i]),
                f"{printable(pictures.labels[i])}\n{missing.get(pictures.labels[i], '')}",
                faces=tuple(_marks(story, i)),
            )
            for i in range(start, min(start + PHOTOS_IN_ROW, count))
        ]
        yield Row(title, tiles, PHOTO_WIDTH, PHOTO_HEIGHT)


def _marks(story: Story, position: int) -> Iterator[FaceMark]:
    """Yield the marks of the faces that were found on a photograph at the door."""
    for row, face in enumerate(story.probes.faces):
        if story.probes.positions[row] == position:
            match = story.results[row].match
            yield FaceMark(face.box, face.landmarks, printable(match or "unknown"))


def _nearest(story: Story, title: str, probe: int, result: Identification) -> Row:
    """Return a row with a face at the door and the people nearest to it; a match is framed."""
    arrival = story.arrivals[probe]
    tiles = [Tile(shown(arrival.picture, story.probes[probe]), in_caption(arrival.label))]
    for place, candidate in enumerate(result.candidates[:SHOWN]):
        best = place == 0 and within(candidate.distance, result.threshold)
        frame: Literal["yes", "plain"] = "yes" if best else "plain"
        face = _face(story, story.nearest_picture(probe, candidate.name))
        caption = f"{printable(candidate.name)}\n{candidate.distance:.3f}"
        tiles.append(Tile(face, caption, frame))
    return Row(f"{title} (threshold {result.threshold:.4g})", tiles)


def _face(story: Story, row: int) -> npt.NDArray[np.uint8]:
    """Return the picture of a row of the enrolled, or its face."""
    return shown(story.enrolled_picture(row), story.known[row])
