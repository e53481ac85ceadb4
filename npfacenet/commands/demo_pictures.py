"""The demo's pictures: those in a folder, or a drawn office of twelve people."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from npfacenet.errors import GalleryError, OutputError, shortened
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.images.png import write_png
from npfacenet.recognition.people_folder import people_in
from npfacenet.samples import people

DOOR = "camera_"
NEEDS = (
    "name.jpg for each person and camera_0.jpg, camera_1.jpg, ... for who stands at the door; "
    "or name/1.jpg, name/2.jpg, ..., of which the last stands at the door"
)
STAFF = (
    "Ada", "Kofi", "Chris", "Hugo", "Emil", "Greta",
    "Fatou", "Boris", "Ines", "Gus", "Lea", "Jun",
)  # fmt: skip
AT_THE_DOOR = ("Ada", "Hugo", "Boris", "Lea")
VISITOR = "visitor"
ENROLLED = 2  # pictures of each
_PART = re.compile(r"\.[0-9a-f]{16}\.part")  # `atomic_file`'s
FIRST = 900_000  # the first person's seed: none whom the default network has learnt from


@dataclass(frozen=True)
class DemoPictures:
    """The pictures of the gallery with their names, and those taken at the door.

    `labels` are what those at the door are called, and `persons` whom they show: an enrolled person
    (None if that is unknown). `drawn_in` is the folder of a drawn office (None for other pictures).
    """

    names: tuple[str, ...]
    enrolled: tuple[Path, ...]
    at_the_door: tuple[Path, ...]
    labels: tuple[str, ...]
    persons: tuple[str | None, ...]
    drawn_in: Path | None = None


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


def draw_office(folder: Path) -> DemoPictures:
    """Draw the staff, FOLDER/staff/NAME/1.png and 2.png, and the door, FOLDER/door/NAME.png.

    Four of the staff and a visitor are at the door. No real person is shown. Raises OutputError for
    a folder that cannot be written, or that holds anything else.
    """
    staff, door = folder / "staff", folder / "door"
    enrolled = [(name, staff / name / f"{k + 1}.png") for name in STAFF for k in range(ENROLLED)]
    visits = [door / f"{name}.png" for name in (*AT_THE_DOOR, VISITOR)]
    _require_own(folder, {path for _, path in enrolled} | set(visits))
    drawn = people(len(STAFF) + 1, ENROLLED + 1, FIRST).pictures
    each = drawn.reshape(len(STAFF) + 1, ENROLLED + 1, *drawn.shape[1:])
    pictures = [each[STAFF.index(name), k] for name in STAFF for k in range(ENROLLED)]
    pictures += [each[STAFF.index(name), ENROLLED] for name in AT_THE_DOOR]
    pictures.append(each[len(STAFF), ENROLLED])
    for path, picture in zip([*(path for _, path in enrolled), *visits], pictures, strict=True):
        with writing_in(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        with writing_in(path.parent), atomic_file(path) as file:
            write_png(picture, file)
    names, paths = zip(*enrolled, strict=True)
    labels = tuple(path.name for path in visits)
    return DemoPictures(names, paths, tuple(visits), labels, (*AT_THE_DOOR, None), folder)


def _require_own(folder: Path, own: Collection[Path]) -> None:
    """Raise OutputError for files that the demo has not drawn; remove what a killed demo left."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(
            f"{shortened(str(folder))} is where the demo draws, and is not a folder: move it, or "
            "choose another place with -o"
        )
    folders = {folder, *(parent for path in own for parent in path.parents)}
    for path in sorted(folder.rglob("*")):
        if _PART.fullmatch(path.name):
            with writing_in(path.parent):
                path.unlink(missing_ok=True)
            continue
        own_one = path in (folders if path.is_dir() else own) and not path.is_symlink()
        if not own_one and not path.name.startswith("."):  # hidden files are a file manager's
            raise OutputError(
                f"{shortened(str(folder))} is where the demo draws, and holds "
                f"{shortened(str(path.relative_to(folder)))}: move "
                "that, or choose another place with -o"
            )
