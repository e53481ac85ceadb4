"""The demo's pictures: those in a folder, or of a drawn office (`demo_office`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from npfacenet.errors import GalleryError, OutputError, shortened
from npfacenet.recognition.people_folder import people_in

DOOR = "camera_"
NEEDS = (
    "name.jpg for each person and camera_0.jpg, camera_1.jpg, ... for who stands at the door; "
    "or name/1.jpg, name/2.jpg, ..., of which the last stands at the door"
)


@dataclass(frozen=True)
class DrawnFace:
    """A face on a drawn photograph: whose, None for a visitor's, and its box in pixels.

    A printed one is on a poster on the wall.
    """

    person: str | None
    box: tuple[float, float, float, float]
    printed: bool = False

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point is in the box."""
        left, top, right, bottom = self.box
        return left <= x <= right and top <= y <= bottom


@dataclass(frozen=True)
class DemoPictures:
    """The pictures of the gallery with their names, and those taken at the door.

    `labels` are what those at the door are called, and `persons` whom they show: an enrolled person
    (None if that is unknown). `drawn_in` is the folder of a drawn office (None for other pictures).
    `faces` are those on each photograph of its door, which say whom that shows (empty for others).
    """

    names: tuple[str, ...]
    enrolled: tuple[Path, ...]
    at_the_door: tuple[Path, ...]
    labels: tuple[str, ...]
    persons: tuple[str | None, ...]
    drawn_in: Path | None = None
    faces: tuple[tuple[DrawnFace, ...], ...] = ()


def pictures_from(folder: Path, *, leaving_out: Sequence[Path] = ()) -> DemoPictures:
    """Divide a folder's pictures into gallery and door, ignoring what an earlier demo left there.

    Raises GalleryError if no picture is left for the door; OutputError if the first path to leave
    out, which will be written, is a picture of a person.
    """
    found = people_in(folder, ignoring={path.name for path in leaving_out[1:]}).people
    written = [path.resolve() for path in leaving_out[:1]]
    for paths in found.values():
        for path in paths:
            if path.resolve() in written:
                raise OutputError(
                    f"{shortened(str(leaving_out[0]))} is one of the pictures: choose another "
                    "sheet with -o"
                )
    door = [path for name, paths in found.items() if name.startswith(DOOR) for path in paths]
    gallery = {name: list(paths) for name, paths in found.items() if not name.startswith(DOOR)}
    persons: list[str | None] = [None] * len(door)
    if not door:
        several = {name: paths for name, paths in gallery.items() if len(paths) > 1}
        door, persons = [paths.pop() for paths in several.values()], list(several)
    if not door or len(gallery) < 2:
        raise GalleryError(
            f"the pictures in {shortened(str(folder))} do not make a demo, which needs {NEEDS}"
        )
    names = tuple(name for name, paths in gallery.items() for _ in paths)
    enrolled = tuple(path for paths in gallery.values() for path in paths)
    labels = tuple(path.relative_to(folder).as_posix() for path in door)
    return DemoPictures(names, enrolled, tuple(door), labels, tuple(persons))
