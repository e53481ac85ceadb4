"""Photographs of drawn people on black, and a detector that finds what is not black."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from drawn_detector import LANDMARKS
from drawn_people import draw_person, small_model
from PIL import Image

from npfacenet.cards import Preparation
from npfacenet.faces import Detector, Faces
from npfacenet.models import Model


@dataclass(frozen=True, eq=False)
class NotBlack(Detector):
    """Finds a face in every run of columns that are not black; the more to the left, the surer."""

    name: ClassVar[str] = "not-black"
    looked: ClassVar[list[tuple[int, ...]]] = []
    turn: float = 0.0

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        self.looked.append(picture.shape)
        columns = np.concatenate([[False], (picture > 0).any(axis=(0, 2)), [False]])
        boxes, landmarks = [], []
        for left, right in np.flatnonzero(np.diff(columns)).reshape(-1, 2).tolist():
            rows = np.flatnonzero((picture[:, left:right] > 0).any(axis=(1, 2)))
            top, bottom = int(rows[0]), int(rows[-1]) + 1
            if min(right - left, bottom - top) < smallest_face:
                continue
            boxes.append([left, top, right, bottom])
            tilt = np.array(
                [[np.cos(self.turn), -np.sin(self.turn)], [np.sin(self.turn), np.cos(self.turn)]]
            )
            points = (np.array(LANDMARKS) - 0.5) @ tilt + 0.5
            landmarks.append(points * (right - left, bottom - top) + (left, top))
        scores = np.linspace(0.99, 0.9, len(boxes), dtype=np.float32)
        if not boxes:
            return Faces(best_score=0.25)
        return Faces(np.array(boxes, np.float32), np.array(landmarks, np.float32), scores)


def photograph(people: Sequence[Image.Image], seed: int) -> Image.Image:
    """Return these pictures beside each other on black, each of 45 to 100 pixels."""
    rng = np.random.default_rng(seed)
    whole = Image.new("RGB", (130 * max(len(people), 1), 120))
    for place, person in enumerate(people):
        side = int(rng.integers(45, 101))
        left, top = rng.integers(5, 125 - side), rng.integers(0, 121 - side)
        lit = np.asarray(person.resize((side, side), Image.Resampling.BILINEAR)) | 1
        whole.paste(Image.fromarray(lit), (130 * place + int(left), int(top)))
    return whole


def photograph_people(folder: Path, people: int = 6, pictures: int = 4) -> Path:
    """FOLDER/person_0/0.png and so on; returns the folder."""
    for identity in range(people):
        home = folder / f"person_{identity}"
        home.mkdir(parents=True)
        for number in range(pictures):
            person = draw_person(identity, number)
            photograph([person], 100 * identity + number).save(home / f"{number}.png")
    return folder


def model_for_faces(alignment: str = "openface-similarity", seed: int = 0) -> Model:
    """A small model whose card says that this detector finds faces."""
    model = small_model(seed)
    return replace(model, card=model.card.with_preparation(Preparation("not-black", alignment)))
