"""Faces and their qualities as the texts that a gallery's database holds."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery.quality import Quality


def text_of_quality(quality: Quality | None) -> str | None:
    """Return the text of a quality."""
    return None if quality is None else json.dumps(asdict(quality))


def quality_of_text(text: str) -> Quality:
    """Return the quality of a text; raise TypeError or ValueError for any other text."""
    return Quality(**json.loads(text))


def text_of_face(face: ChosenFace) -> str:
    """Return the text of a face."""
    return json.dumps([face.box, face.landmarks, face.score, face.index, face.count])


def face_of_text(text: str) -> ChosenFace:
    """Return the face of a text; raise TypeError or ValueError for any other text."""
    box, landmarks, score, index, count = json.loads(text)
    left, top, right, bottom = np.array(box, float).tolist()
    points = tuple((x, y) for x, y in np.array(landmarks, float).tolist())
    found = ChosenFace((left, top, right, bottom), points, float(score), int(index), int(count))
    if not np.isfinite([*found.box, *np.ravel(points), found.score]).all():
        raise ValueError("a face that is nowhere")
    return found
