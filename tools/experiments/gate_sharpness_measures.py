"""What `gate_sharpness.py` compares, and on which pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from finder_damage import LUMA
from finding_conditions import noisy
from gate_pictures import Picture, offers, shrunk

import npfacenet
from npfacenet.faces.alignment import aligned
from npfacenet.faces.choice import ChosenFace, chosen
from npfacenet.gallery.quality import SIDE, quality_of
from npfacenet.images import read, resize
from npfacenet.images.degradation import blurred, jpeg_compressed, relit
from npfacenet.recipes.alignment import ALIGNMENTS

Floats = npt.NDArray[np.float64]
Damage = Callable[[Picture], Picture]
Measure = Callable[[Floats], float]
TEMPLATE = ALIGNMENTS["openface-similarity"]


def enlarged(picture: Picture, share: float) -> Picture:
    """Shrink a square picture to this share of its side, and scale it back."""
    return resize(shrunk(picture, share=share), len(picture), "bilinear")


IN_FOCUS: Mapping[str, Damage] = {
    "as taken": np.copy,
    "half size": partial(shrunk, share=0.5),
    "0.3 of the light": partial(relit, brightness=0.3),
    "0.3 of the contrast": partial(relit, contrast=0.3),
    "noise 10": partial(noisy, deviation=10),
    "JPEG 50": partial(jpeg_compressed, quality=50),
    "JPEG 20": partial(jpeg_compressed, quality=20),
}
SOFT: Mapping[str, Damage] = {
    "blur 3": partial(blurred, radius=3),
    "blur 4": partial(blurred, radius=4),
    "from 1/6": partial(enlarged, share=1 / 6),
    "blur 3, noise 10": lambda picture: noisy(blurred(picture, 3), 10),
    "blur 3, JPEG 20": lambda picture: jpeg_compressed(blurred(picture, 3), 20),
    "from 1/6, JPEG 20": lambda picture: jpeg_compressed(enlarged(picture, 1 / 6), 20),
}
EVERY: Mapping[str, Damage] = {**IN_FOCUS, **SOFT}


def _gaussian(deviation: float) -> Floats:
    place = np.arange(SIDE)
    weights = np.exp(-((place[:, np.newaxis] - place) ** 2) / (2 * deviation**2))
    matrix: Floats = weights / weights.sum(axis=1, keepdims=True)
    return matrix


def _smooth(face: Floats, deviation: float) -> Floats:
    kernel = _gaussian(deviation)
    return kernel @ face @ kernel.T


def laplacian(face: Floats) -> float:
    """Return the deviation of the Laplacian beside that of the face."""
    inner = face[1:-1, 1:-1]
    around = face[1:-1, :-2] + face[1:-1, 2:] + face[:-2, 1:-1] + face[2:, 1:-1]
    return float((around - 4 * inner).std() / face.std())


def band(face: Floats) -> float:
    """Return the deviation of detail of 1 to 2 pixels beside that of the face."""
    return float((_smooth(face, 1) - _smooth(face, 2)).std() / face.std())


def lost(face: Floats) -> float:
    """Return which share of the differences between neighbours a blur takes (Crete et al. 2007)."""
    before, after = (np.abs(np.diff(each)).sum() for each in (face, _smooth(face, 3)))
    return float(1 - after / before)


OTHERS: Mapping[str, Measure] = {
    "Laplacian / contrast": laplacian,
    "detail of 1 to 2 / contrast": band,
    "differences lost by a blur": lost,
}


def report(folder: Path, limit: int) -> None:
    """Print the table."""
    found: dict[str, dict[str, list[float]]] = {}
    for picture, face in _pictures(folder, limit):
        for label, damage in EVERY.items():
            for name, value in _values(damage(picture), face, len(picture)):
                found.setdefault(name, {}).setdefault(label, []).append(value)
    for name, values in found.items():
        sharp, soft = (
            np.array([value for label in labels for value in values[label]])
            for labels in (IN_FOCUS, SOFT)
        )
        area = (soft[:, np.newaxis] < sharp).mean()
        spread = np.log(values["as taken"]).std()
        print(f"{name}: area {area:.4f}, spread {spread:.3f}, {len(values['as taken'])} pictures")
        medians = (f"{label} {np.median(values[label]):.3f}" for label in EVERY)
        print("   " + "; ".join(medians))


def _pictures(folder: Path, limit: int) -> Iterator[tuple[Picture, ChosenFace]]:
    detector = npfacenet.faces.load("finder")
    for offer in offers(folder / "lfw", limit):
        picture = read(offer.path)
        height, width, _ = picture.shape
        faces = detector.detect(picture, threads=1)
        for face in chosen(faces, "central", width, height, offer.path.name):
            yield picture, face


def _values(picture: Picture, face: ChosenFace, side: int) -> Iterator[tuple[str, float]]:
    """Measure a picture, whose face is where it was in one of `side` pixels."""
    scale = len(picture) / side
    points = tuple((scale * x, scale * y) for x, y in face.landmarks)
    placed = ChosenFace(face.box, points, face.score, face.index, face.count)
    yield "two octaves of detail", quality_of(picture, placed).sharpness
    seen = aligned(picture, np.array(face.box), np.array(points), TEMPLATE, SIDE)
    luminance = seen @ LUMA
    for name, of in OTHERS.items():
        yield name, of(luminance)
