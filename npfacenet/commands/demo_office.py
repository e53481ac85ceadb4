"""The drawn office of the demo: twelve people, who belong to nobody, and its door."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.commands.demo_pictures import DemoPictures, DrawnFace
from npfacenet.errors import OutputError, shortened
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.images.png import write_png
from npfacenet.samples import Scene, people, scene

STAFF = (
    "Ada", "Kofi", "Chris", "Hugo", "Emil", "Greta",
    "Fatou", "Boris", "Ines", "Gus", "Lea", "Jun",
)  # fmt: skip
AT_THE_DOOR = ("Ada", "Hugo", "Boris", "Lea")
VISITOR, NOBODY, POSTER = "visitor", "nobody", "Greta"
DOOR: dict[str, tuple[str, ...]] = {
    "Ada": ("Ada",),
    "Hugo": ("Hugo",),
    "Boris_and_Lea": ("Boris", "Lea"),
    VISITOR: (VISITOR,),
    NOBODY: (),
}
"""The photographs at the door, and who is on them; the poster is behind the visitor."""
ENROLLED = 2  # pictures of each
FIRST = 900_000  # the first person's seed: none whom the default network has learnt from
WIDTH, HEIGHT = 480, 360  # of photographs
FACES = (50.0, 120.0)  # the smallest and largest on them, in pixels
_PART = re.compile(r"\.[0-9a-f]{16}\.part")  # `atomic_file`'s
Picture = npt.NDArray[np.uint8]


def draw_office(folder: Path, *, photographs: bool) -> DemoPictures:
    """Draw the staff, FOLDER/staff/NAME/1.png and 2.png, and the door, FOLDER/door/NAME.png.

    On photographs people stand in rooms and streets: `DOOR` says who is at the door. Other pictures
    are cropped to the face, and four of the staff and a visitor are at the door. No real person is
    shown. Raises OutputError for a folder that cannot be written, or that holds anything else.
    """
    staff, door = folder / "staff", folder / "door"
    enrolled = [(name, staff / name / f"{k + 1}.png") for name in STAFF for k in range(ENROLLED)]
    crops, photos = [*AT_THE_DOOR, VISITOR], list(DOOR)
    visits = [door / f"{name}.png" for name in (photos if photographs else crops)]
    every = {door / f"{name}.png" for name in (*crops, *photos)}
    _require_own(folder, {path for _, path in enrolled} | every)
    for path in every - set(visits):  # what the demo drew for another model
        with writing_in(path.parent):
            path.unlink(missing_ok=True)
    names, paths = zip(*enrolled, strict=True)
    labels = tuple(path.name for path in visits)
    if not photographs:
        _write(dict(zip((*paths, *visits), _crops(), strict=True)))
        return DemoPictures(names, paths, tuple(visits), labels, (*AT_THE_DOOR, None), folder)
    for number, (name, path) in enumerate(enrolled):
        _write({path: _photograph(number, (name,)).picture})
    faces: list[tuple[DrawnFace, ...]] = []
    for number, path in enumerate(visits):
        shown = DOOR[path.stem]
        drawn = _photograph(len(enrolled) + number, shown, (POSTER,) * (path.stem == VISITOR))
        _write({path: drawn.picture})
        faces.append(tuple(_faces(drawn)))
    unsaid = (None,) * len(visits)
    return DemoPictures(names, paths, tuple(visits), labels, unsaid, folder, tuple(faces))


def _crops() -> Iterator[Picture]:
    """Draw two pictures of each of the staff, then those at the door, cropped to the face."""
    drawn = people(len(STAFF) + 1, ENROLLED + 1, FIRST).pictures
    each = drawn.reshape(len(STAFF) + 1, ENROLLED + 1, *drawn.shape[1:])
    yield from (each[i, k] for i in range(len(STAFF)) for k in range(ENROLLED))
    yield from (each[STAFF.index(name), ENROLLED] for name in AT_THE_DOOR)
    yield each[len(STAFF), ENROLLED]


def _photograph(number: int, shown: Sequence[str], posters: Sequence[str] = ()) -> Scene:
    """Draw photograph `number` of the office."""
    return scene(
        FIRST + number,
        width=WIDTH,
        height=HEIGHT,
        people=tuple(_seed(name) for name in shown),
        posters=tuple(_seed(name) for name in posters),
        smallest_face=FACES[0],
        largest_face=FACES[1],
        least_visible=1.0,
    )


def _seed(name: str) -> int:
    """Return the seed of one of the staff, or of the visitor."""
    return FIRST + (STAFF.index(name) if name in STAFF else len(STAFF))


def _faces(drawn: Scene) -> Iterator[DrawnFace]:
    for who, edges, printed in zip(
        drawn.people.tolist(), drawn.boxes.tolist(), drawn.printed.tolist(), strict=True
    ):
        left, top, right, bottom = edges
        index = who - FIRST
        name = STAFF[index] if index < len(STAFF) else None
        yield DrawnFace(name, (left, top, right, bottom), printed)


def _write(pictures: Mapping[Path, Picture]) -> None:
    for path, picture in pictures.items():
        with writing_in(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        with writing_in(path.parent), atomic_file(path) as file:
            write_png(picture, file)


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
