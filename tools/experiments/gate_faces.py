"""Embeddings and measures of faces as offered to a gallery: for `gate_rates.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gate_pictures import POOR, Offer, Picture

from npfacenet.errors import ArgumentError, EvaluationError
from npfacenet.faces.choice import ChosenFace
from npfacenet.files.atomic import atomic_file
from npfacenet.gallery.quality import Quality, quality_of
from npfacenet.images import read
from npfacenet.models import Model
from npfacenet.models.face_options import Detect

Floats = npt.NDArray[np.float64]
TOGETHER = 32
MEASURES = tuple(field.name for field in fields(Quality))


@dataclass(frozen=True, eq=False)
class Seen:
    """N pictures as a model sees them; rows of pictures without a face are NaN.

    `vectors` (N, D), `measures` (N, 6), the fields of `Quality` in their order.
    """

    vectors: Floats
    measures: Floats

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Whether a face was found, (N,)."""
        return ~np.isnan(self.vectors[:, 0])

    def quality(self, row: int) -> Quality:
        """Return the measures of one picture."""
        sharpness, brightness, contrast, size, turn, faces = self.measures[row].tolist()
        return Quality(sharpness, brightness, contrast, size, turn, int(faces))


@dataclass(frozen=True, eq=False)
class Faces:
    """All pictures, (N,): whose each is, as it was taken, and made poor.

    `made` is the place of what was done to it in `POOR`. `threshold` is the model's.
    """

    people: npt.NDArray[np.int64]
    made: npt.NDArray[np.int64]
    good: Seen
    poor: Seen
    threshold: float


def faces_of(
    model: Model,
    detect: Detect,
    found: Sequence[Offer],
    kept: Path | None,
    say: Callable[[int, int], None],
) -> Faces:
    """Embed and measure all pictures, good and poor, or recall them from the file `kept`.

    Raises EvaluationError for a file of another model or of other pictures, ArgumentError for a
    model whose preparation finds no faces.
    """
    if not model.finds_faces(detect=detect):
        raise ArgumentError("this model's card states no detector: --detect finder")
    names = [str(offer.path.name) for offer in found]
    if kept is None or not kept.exists():
        stored = dict(_measured(model, detect, found, say))
        stored["names"] = np.array(names)
        if kept is None:
            return _faces(stored)
        with atomic_file(kept) as file:
            np.savez(file, allow_pickle=False, **stored)
    with np.load(kept) as archive:
        stored = dict(archive)
    same = str(stored["model"]) == model.fingerprint and stored["names"].tolist() == names
    if not same or stored["conditions"].tolist() != list(POOR):
        raise EvaluationError(f"{kept} is of another model or of other pictures; delete it")
    return _faces(stored)


def _faces(stored: dict[str, npt.NDArray[np.generic]]) -> Faces:
    good, poor = (
        Seen(
            *(np.asarray(stored[f"{kind} {what}"], np.float64) for what in ("vectors", "measures"))
        )
        for kind in ("good", "poor")
    )
    return Faces(
        np.asarray(stored["people"], np.int64), np.asarray(stored["made"], np.int64), good, poor,
        float(stored["threshold"]),
    )  # fmt: skip


def _measured(
    model: Model, detect: Detect, found: Sequence[Offer], say: Callable[[int, int], None]
) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    made = [number % len(POOR) for number in range(len(found))]
    damages = list(POOR.values())
    good, poor, thresholds = [], [], []
    for start in range(0, len(found), TOGETHER):
        places = made[start : start + TOGETHER]
        pictures = [read(offer.path) for offer in found[start : start + TOGETHER]]
        faces, seen, threshold = _seen(model, detect, pictures)
        good.append(seen)
        thresholds.append(threshold)
        worse = [
            picture if face is None else damages[place](picture, face)
            for picture, face, place in zip(pictures, faces, places, strict=True)
        ]
        poor.append(_seen(model, detect, worse)[1])
        say(start + len(pictures), len(found))
    for kind, parts in (("good", good), ("poor", poor)):
        for what in ("vectors", "measures"):
            yield f"{kind} {what}", np.concatenate([getattr(part, what) for part in parts])
    yield "people", np.array([offer.person for offer in found])
    yield "made", np.array(made)
    yield "threshold", np.array(thresholds[0])
    yield "model", np.array(model.fingerprint)
    yield "conditions", np.array(list(POOR))


def _seen(
    model: Model, detect: Detect, pictures: Sequence[Picture]
) -> tuple[list[ChosenFace | None], Seen, float]:
    """Embed and measure the central faces of some pictures."""
    embeddings = model.embed(
        pictures, detect=detect, choose="central", on_error="skip-no-face", threads=1
    )
    vectors = np.full((len(pictures), embeddings.values.shape[1]), np.nan)
    measures = np.full((len(pictures), len(MEASURES)), np.nan)
    faces: list[ChosenFace | None] = [None] * len(pictures)
    rows = zip(embeddings.positions, embeddings.values, embeddings.faces, strict=True)
    for place, vector, face in rows:
        vectors[place], faces[place] = vector, face
        measures[place] = astuple(quality_of(pictures[place], face))
    threshold = embeddings.threshold
    return faces, Seen(vectors, measures), np.nan if threshold is None else threshold.value
