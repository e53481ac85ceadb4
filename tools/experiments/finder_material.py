"""The training pictures of the finder: faces of known places pasted into pictures without any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from finder_answers import Labels, Material
from finder_damage import damaged, recoloured
from remembered_faces import MIRRORED

from npfacenet.faces.boxes import overlaps
from npfacenet.images.affine import resampled

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SIDE = 256  # of a training picture
SMALLEST, LARGEST = 17.0, 300.0  # geometric means of the sides of a face, in pixels
TIGHT = 0.08  # the share of pictures that are one tight crop
EMPTY = 0.12  # without a face
SEEN = 0.5  # the share of a box that lies in the picture, from which on a face is to be found
HIDDEN = 0.25  # the share of a box that another picture may cover
MOST = 6  # pasted pictures


@dataclass(frozen=True)
class Sample:
    """A training picture, uint8 (SIDE, SIDE, 3), and its labels, in pixels."""

    picture: Picture
    labels: Labels


@dataclass(frozen=True)
class Pasted:
    """A picture to paste: pixels, labels, and which face decides about its size."""

    pixels: Picture
    labels: Labels
    main: int
    framed: Floats  # left, top, right, bottom of what is shown


@dataclass(frozen=True)
class Scenery:
    """Everything that training pictures are made of."""

    material: Material
    of_photographs: Sequence[Labels]
    of_crops: Sequence[Labels]
    backgrounds: Sequence[Picture]
    seed: int

    def sample(self, number: int) -> Sample:
        """Return a picture that depends on the number and the seed only."""
        rng = np.random.default_rng([self.seed, number])
        kind = rng.random()
        if kind < TIGHT:
            return finished(self._tight(rng), rng)
        canvas = self._ground(rng)
        sample = Sample(canvas, Labels.none())
        if kind >= TIGHT + EMPTY:
            for size in _sizes(rng):
                sample = pasted(sample, self._face(rng), size, rng)
        return finished(sample, rng)

    def _ground(self, rng: np.random.Generator) -> Picture:
        """Return a cut-out of a photograph without a face, or a surface of few colours."""
        if rng.random() < 0.12:
            return _surface(rng)
        source = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        height, width, _ = source.shape
        step = math.exp(rng.uniform(math.log(0.35), math.log(min(height, width) / SIDE * 1.3)))
        turn = math.radians(rng.normal(0, 4))
        middle = rng.uniform(0.2, 0.8, 2) * (width, height)
        return resampled(
            source, about(middle, step, turn, rng.random() < 0.5, SIDE), SIDE, "triangle"
        )

    def _face(self, rng: np.random.Generator) -> Pasted:
        """Return a photograph or a crop with a face, framed widely or narrowly."""
        if rng.random() < 0.62:
            number = _with_a_face(self.of_photographs, rng)
            labels = self.of_photographs[number]
            middle = np.hypot(*(_centres(labels.boxes) - 125).T)
            main = int(middle.argmin())
            whole = np.array([0, 0, 250, 250], np.float32)
            framed = whole if rng.random() < 0.6 else _around(labels.boxes[main], whole, rng)
            return Pasted(self.material.photograph(number), labels, main, framed)
        number = _with_a_face(self.of_crops, rng)
        labels = self.of_crops[number]
        main = int((labels.boxes[:, 2] - labels.boxes[:, 0]).argmax())
        framed = np.array([56, 56, 168, 168], np.float32)
        return Pasted(self.material.crop(number), labels, main, framed)

    def _tight(self, rng: np.random.Generator) -> Sample:
        """Return a crop as data sets of faces have them: a face fills the picture."""
        face = self._face(rng)
        left, top, right, bottom = face.labels.boxes[face.main].tolist()
        side = max(right - left, bottom - top) * rng.uniform(0.85, 1.9)
        shift = rng.normal(0, 0.07, 2) * side
        middle = np.array([left + right, top + bottom]) / 2 + shift
        matrix = about(middle, side / SIDE, _turn(rng), rng.random() < 0.5, SIDE)
        return Sample(resampled(face.pixels, matrix, SIDE, "triangle"), moved(face.labels, matrix))


def pasted(sample: Sample, face: Pasted, size: float, rng: np.random.Generator) -> Sample:
    """Paste a face of this size in pixels, unless it would hide another one."""
    box = face.labels.boxes[face.main]
    step = math.sqrt(float((box[2] - box[0]) * (box[3] - box[1]))) / size
    overhang = 0.25 * size  # of the centre of a face beyond the border, at most
    place = (
        rng.uniform(-overhang, SIDE + overhang, 2)
        if rng.random() < 0.2
        else rng.uniform(min(0.5 * size, SIDE / 2 - 1), SIDE - min(0.5 * size, SIDE / 2 - 1), 2)
    )
    matrix = about(_centres(box[np.newaxis])[0], step, _turn(rng), rng.random() < 0.5, 0.0, place)
    new = moved(face.labels, matrix)
    corners = _corners(face.framed) @ _inverse(matrix)[:, :2].T + _inverse(matrix)[:, 2]
    covered = np.concatenate([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)
    shared = overlaps(covered, sample.labels.boxes, of="smaller")
    if (shared > HIDDEN).any():
        return sample
    window = _window(covered)
    if window is None:
        return sample
    (left, top), side = window
    here = matrix.copy()
    here[:, 2] += matrix[:, :2] @ (left, top)
    patch = resampled(face.pixels, here, side, "triangle")
    cover = _cover(here, side, face.framed, step, rng)
    patch = recoloured(patch, rng)
    canvas = sample.picture.copy()
    part = canvas[top : top + side, left : left + side]
    part[:] = np.rint(part + cover[..., np.newaxis] * (patch.astype(np.float32) - part))
    old = sample.labels
    return Sample(
        canvas,
        Labels(
            np.concatenate([old.boxes, new.boxes]),
            np.concatenate([old.landmarks, new.landmarks]),
            np.concatenate([old.ignored, new.ignored]),
        ),
    )


def moved(labels: Labels, matrix: npt.NDArray[np.float64]) -> Labels:
    """Return labels as they lie after a map from the new picture to the old one."""
    back = _inverse(matrix)
    scale = math.sqrt(abs(float(np.linalg.det(back[:, :2]))))
    mirrored = float(np.linalg.det(back[:, :2])) < 0
    cosine, sine = np.abs(back[:, 0]) / scale
    # An ellipse in the box, turned, fits into an upright box of these sides.

    def boxes(old: Floats) -> Floats:
        halves = (old[:, 2:] - old[:, :2]) / 2 * scale
        wide = np.hypot(halves[:, 0] * cosine, halves[:, 1] * sine)
        high = np.hypot(halves[:, 0] * sine, halves[:, 1] * cosine)
        centres = _centres(old) @ back[:, :2].T + back[:, 2]
        half = np.stack([wide, high], axis=1)
        return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)

    points = labels.landmarks @ back[:, :2].T + back[:, 2]
    points = points[:, MIRRORED] if mirrored else points
    return Labels(boxes(labels.boxes), points.astype(np.float32), boxes(labels.ignored))


def finished(sample: Sample, rng: np.random.Generator) -> Sample:
    """Damage the picture as cameras and files do; faces mostly outside are ignored."""
    labels = sample.labels
    boxes = labels.boxes
    inside = np.clip(boxes, 0, SIDE)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (inside, boxes)]
    sides = np.sqrt(areas[1])
    known = (areas[0] >= SEEN * areas[1]) & (sides >= SMALLEST) & (sides <= 1.4 * LARGEST)
    gone = areas[0] <= 0.02 * areas[1]
    kept = Labels(
        boxes[known],
        labels.landmarks[known],
        np.concatenate([labels.ignored, boxes[~known & ~gone]]),
    )
    return Sample(damaged(sample.picture, rng), kept)


def _sizes(rng: np.random.Generator) -> list[float]:
    """Draw sizes of the faces of a picture, the largest first."""
    kind = rng.random()
    if kind < 0.3:
        return [math.exp(rng.uniform(math.log(90), math.log(LARGEST)))]
    low, high, most = (30, 110, 4) if kind < 0.65 else (SMALLEST + 1, 56, MOST)
    count = int(rng.integers(1, most + 1))
    return sorted(
        (math.exp(rng.uniform(math.log(low), math.log(high))) for _ in range(count)), reverse=True
    )


def _turn(rng: np.random.Generator) -> float:
    """Draw an angle in radians: mostly small, up to 40 degrees."""
    spread = rng.random()
    degrees = rng.uniform(-42, 42) if spread < 0.3 else rng.normal(0, 9)
    return math.radians(degrees)


def _with_a_face(labels: Sequence[Labels], rng: np.random.Generator) -> int:
    while True:
        number = int(rng.integers(len(labels)))
        if len(labels[number].boxes):
            return number


def _around(box: Floats, whole: Floats, rng: np.random.Generator) -> Floats:
    """Return a frame around a face that shows some of its surroundings."""
    side = float(max(box[2:] - box[:2]))
    margins = rng.uniform(0.1, 0.9, 4) * side * (-1, -1, 1, 1)
    frame = np.clip(box + margins, np.tile(whole[:2], 2), np.tile(whole[2:], 2))
    return np.asarray(frame, np.float32)


def about(
    middle: npt.NDArray[np.floating], step: float, turn: float, mirrored: bool, side: float,
    place: npt.NDArray[np.floating] | None = None,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Return the map from a new picture to the old one that shows `middle` at `place`.

    `step` is the distance in the old picture of neighbouring pixels of the new one.
    """
    cosine, sine = step * math.cos(turn), step * math.sin(turn)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        linear[:, 0] *= -1
    at = np.array([side / 2, side / 2]) if place is None else np.asarray(place)
    return np.concatenate([linear, (middle - linear @ at)[:, np.newaxis]], axis=1)


def _inverse(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = np.linalg.inv(matrix[:, :2])
    return np.concatenate([linear, -(linear @ matrix[:, 2])[:, np.newaxis]], axis=1)


def _window(covered: Floats) -> tuple[tuple[int, int], int] | None:
    """Return the first pixel and the side of a square in the picture around what is covered."""
    clipped = np.clip(covered, 0, SIDE)
    if (clipped[2:] <= clipped[:2]).any():
        return None
    low, high = np.floor(clipped[:2]).astype(int), np.ceil(clipped[2:]).astype(int)
    side = int((high - low).max())
    left, top = (int(min(at, SIDE - side)) for at in low)
    return (left, top), side


def _cover(
    matrix: npt.NDArray[np.float64], side: int, framed: Floats, step: float,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Return how much of each pixel the pasted picture covers, 0 to 1: (side, side)."""
    at = np.arange(side, dtype=np.float32) + 0.5
    x = matrix[0, 0] * at + matrix[0, 1] * at[:, np.newaxis] + matrix[0, 2]
    y = matrix[1, 0] * at + matrix[1, 1] * at[:, np.newaxis] + matrix[1, 2]
    kind = rng.random()
    halves = (framed[2:] - framed[:2]) / 2
    middle = framed[:2] + halves
    soft = step if kind < 0.35 else rng.uniform(0.02, 0.3) * float(halves.min())
    inside: npt.NDArray[np.floating]
    if kind < 0.65:  # a rectangle
        inside = np.minimum(halves[0] - np.abs(x - middle[0]), halves[1] - np.abs(y - middle[1]))
    else:  # an ellipse
        away = np.hypot((x - middle[0]) / halves[0], (y - middle[1]) / halves[1])
        inside = np.asarray((1 - away) * halves.min(), np.float32)
    return np.asarray(np.clip(inside / soft, 0, 1), np.float32)


def _surface(rng: np.random.Generator) -> Picture:
    """Return one colour, a gradient, or a coarse pattern."""
    coarse = int(rng.choice([1, 2, 3, 8, 24]))
    colours = rng.uniform(0, 255, (coarse, coarse, 3)) * rng.uniform(0.2, 1) + rng.uniform(0, 60)
    small = np.clip(colours, 0, 255).astype(np.uint8)
    step = coarse / SIDE
    return resampled(small, np.array([[step, 0, 0], [0, step, 0.0]]), SIDE, "triangle")


def _centres(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)


def _corners(box: Floats) -> Floats:
    left, top, right, bottom = box.tolist()
    return np.array([[left, top], [right, top], [left, bottom], [right, bottom]], np.float32)
