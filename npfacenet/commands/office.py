"""An office of twelve drawn people for the demo: who is enrolled, and who stands at the door."""

from __future__ import annotations

from pathlib import Path

from npfacenet.checkpoints.placing import atomic_file, writing_in
from npfacenet.images.png import write_png
from npfacenet.samples import conditions, draw, identity

STAFF = (
    "Ada", "Boris", "Chidi", "Dalia", "Emil", "Fatou",
    "Greta", "Hugo", "Ines", "Jun", "Kofi", "Lea",
)  # fmt: skip
AT_THE_DOOR = ("Ada", "Dalia", "Hugo", "Kofi")
VISITOR = "visitor"
ENROLLED = 2  # pictures of each
FIRST = 900_000  # the seed of the first one: nobody whom the default network has learnt from


def draw_office(folder: Path, door: str) -> None:
    """Draw the staff as FOLDER/NAME/1.png and 2.png, who comes to the door as FOLDER/DOORNAME.png.

    Nobody there has been photographed: the faces belong to nobody. Raises OutputError for a
    folder that cannot be written.
    """
    for number, name in enumerate(STAFF):
        for k in range(ENROLLED):
            _draw(folder / name / f"{k + 1}.png", number, k)
    for name in AT_THE_DOOR:
        _draw(folder / f"{door}{name}.png", STAFF.index(name), ENROLLED)
    _draw(folder / f"{door}{VISITOR}.png", len(STAFF), ENROLLED)


def _draw(path: Path, person: int, number: int) -> None:
    seed = FIRST + person
    image = draw(identity(seed), conditions((ENROLLED + 1) * seed + number))
    with writing_in(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with writing_in(path.parent), atomic_file(path) as file:
        write_png(image, file)
