"""The demo's sheet: the people enrolled, and everyone at the door with their nearest people."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.commands.demo_story import Story
from npfacenet.errors import printable, shortened
from npfacenet.faces.alignment import aligned
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.images import read
from npfacenet.images.contact_sheet import Tile, write_contact_sheet
from npfacenet.models import Embeddings
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recognition import Identification
from npfacenet.recognition.distance import within

SHOWN = 5  # candidates of a probe
ENROLLED_SHOWN = 12
LONGEST_NAME = 24  # characters of a name in a title
SIDE = 160  # pixels of a face that was cut out


def shown(path: Path, embedded: Embeddings) -> npt.NDArray[np.uint8]:
    """Return a picture, or the face in it that was embedded, aligned as the network saw it.

    `embedded` is the picture's one embedding.
    """
    pixels = read(path)
    if not embedded.faces or embedded.preparation is None:
        return pixels
    (face,) = embedded.faces
    alignment = ALIGNMENTS[str(embedded.preparation.alignment)]
    return aligned(pixels, np.array(face.box), np.array(face.landmarks), alignment, SIDE)


def in_title(name: str) -> str:
    """Return a name that leaves room for the rest of a title."""
    return shortened(printable(name), LONGEST_NAME)


def write_sheet(target: Path, story: Story) -> None:
    """Write the sheet: the people enrolled, each probe with its nearest people, the intruder."""
    pictures, names = story.pictures, story.gallery.people
    first = {name: i for i, name in reversed(list(enumerate(pictures.names)))}

    def enrolled(i: int) -> npt.NDArray[np.uint8]:
        return shown(pictures.enrolled[i], story.known[i])

    def row(title: str, probe: int, result: Identification) -> tuple[str, list[Tile]]:
        door = pictures.at_the_door[probe]
        caption = printable(pictures.labels[probe]).replace("/", "/\n")
        tiles = [Tile(shown(door, story.probes[probe]), caption)]
        for candidate in result.candidates[:SHOWN]:
            frame: Literal["yes", "no"] = (
                "yes" if within(candidate.distance, result.threshold) else "no"
            )
            face = enrolled(story.nearest_picture(probe, candidate.name))
            caption = f"{printable(candidate.name)}\n{candidate.distance:.3f}"
            tiles.append(Tile(face, caption, frame))
        return f"{title} (green: within {result.threshold:.4g})", tiles

    rows: list[tuple[str, list[Tile]]] = []
    for start in range(0, min(len(names), ENROLLED_SHOWN), 1 + SHOWN):
        some = names[start : start + 1 + SHOWN]
        threshold = f"the threshold for 1:K is {story.search.value:.4g}"
        title = "" if start else f"enrolled: {len(names)} people; {threshold}"
        rows.append((title, [Tile(enrolled(first[name]), printable(name)) for name in some]))
    for probe, result in enumerate(story.results):
        person = story.mistaken_for(probe)
        wrong = "" if person is None else f", wrong: it is {in_title(person)}"
        title = f"who is it? {in_title(result.match or 'unknown')}{wrong}"
        rows.append(row(title, probe, result))
    outcome = in_title(story.intruder.result.match or "unknown")
    title = f"the first one again, with {in_title(story.intruder.person)} not enrolled: {outcome}"
    rows.append(row(title, 0, story.intruder.result))
    with writing_in(target.parent), atomic_file(target) as file:
        write_contact_sheet(rows, file)
