"""People of LFW who were not trained on, and pictures of them made poor: for `gate_rates.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from npfacenet.errors import EvaluationError
from npfacenet.faces.choice import ChosenFace
from npfacenet.images import resize
from npfacenet.images.degradation import blurred, erased, jpeg_compressed, relit

Picture = npt.NDArray[np.uint8]
Damage = Callable[[Picture, ChosenFace], Picture]
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Offer:
    """A picture of somebody, and the number of that person."""

    path: Path
    person: int


def offers(folder: Path, limit: int | None = None) -> list[Offer]:
    """Return all pictures of LFW's people who are not in `train_people.txt`, person by person.

    `limit` bounds the number of people, of which every n-th is taken. Raises EvaluationError if
    there are none.
    """
    lines = (folder / "train_people.txt").read_text("utf-8").splitlines()
    trained_on = {line.split("\t")[0] for line in lines}
    homes = sorted(home for home in (folder / "images").iterdir() if home.name not in trained_on)
    if limit is not None:
        homes = homes[:: max(1, len(homes) // limit)][:limit]
    found = [
        Offer(path, person)
        for person, home in enumerate(homes)
        for path in sorted(home.glob("*.jpg"))
    ]
    if not found:
        raise EvaluationError(f"{folder} has no pictures of people who were not trained on")
    return found


def shrunk(picture: Picture, *, share: float) -> Picture:
    """Scale a square picture to this share of its side."""
    return resize(picture, max(1, round(share * len(picture))), "bilinear")


def covered(picture: Picture, face: ChosenFace, *, lower: bool) -> Picture:
    """Cover the lower or the upper half of a face's box with grey."""
    height, width, _ = picture.shape
    left, top, right, bottom = face.box
    middle = (top + bottom) / 2
    first, last = (middle, bottom) if lower else (top, middle)
    rows = [round(min(max(edge, 0), height - 1)) for edge in (first, last)]
    columns = [round(min(max(edge, 0), width - 1)) for edge in (left, right)]
    return erased(
        picture, rows[0], columns[0], max(1, rows[1] - rows[0]), max(1, columns[1] - columns[0]),
        GREY,
    )  # fmt: skip


def _plainly(damage: Callable[[Picture], Picture]) -> Damage:
    """Return a damage that does not depend on where the face is."""
    return lambda picture, _: damage(picture)


POOR: Mapping[str, Damage] = MappingProxyType(
    {
        "shrunk to 1/4": _plainly(partial(shrunk, share=1 / 4)),
        "shrunk to 1/6": _plainly(partial(shrunk, share=1 / 6)),
        "blurred, radius 3": _plainly(partial(blurred, radius=3)),
        "blurred, radius 5": _plainly(partial(blurred, radius=5)),
        "0.06 of the light": _plainly(partial(relit, brightness=0.06)),
        "0.03 of the light": _plainly(partial(relit, brightness=0.03)),
        "3 times the light": _plainly(partial(relit, brightness=3)),
        "0.06 of the contrast": _plainly(partial(relit, contrast=0.06)),
        "JPEG of quality 5": _plainly(partial(jpeg_compressed, quality=5)),
        "JPEG of quality 2": _plainly(partial(jpeg_compressed, quality=2)),
        "lower half covered": partial(covered, lower=True),
        "upper half covered": partial(covered, lower=False),
    }
)
"""What is done to LFW's pictures, whose 250 pixels have the eyes about 42 apart."""
