"""The same faces made small, large, turned, dark, blurred, noisy: a part of `finding.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from finder_damage import grey
from finding_table import Row, share
from finding_truth import SAME, TOGETHER, Face, Floats, Picture, Teachers, best_overlap, central

from npfacenet.faces import Detector
from npfacenet.images import read
from npfacenet.images.affine import resampled
from npfacenet.images.degradation import blurred, jpeg_compressed, relit

USUAL = 96.0
"""Pixels of a face, the geometric mean of its sides, where another condition is measured."""


@dataclass(frozen=True, eq=False)
class View:
    """A picture, and the box (4,) of the face in it."""

    picture: Picture
    box: Floats


@dataclass(frozen=True, eq=False)
class Original:
    """A picture as it was taken, the face in its middle, and its number among all."""

    picture: Picture
    face: Face
    number: int

    def shown(self, linear: Floats, side: int, place: Floats) -> View:
        """Show the face's centre at `place` of a square picture.

        `linear` maps steps in that picture to steps in this one. Where this one ends, its edge
        pixels are repeated.
        """
        matrix = np.column_stack([linear, self.face.centre - linear @ place])
        scale = 1 / math.sqrt(abs(float(np.linalg.det(linear))))
        half = (self.face.box[2:] - self.face.box[:2]) / 2 * scale
        box = np.concatenate([place - half, place + half])
        return View(resampled(self.picture, matrix, side), box)


Condition = Callable[[Original], View]
Damage = Callable[[Picture], Picture]


def sized(original: Original, *, pixels: float, degrees: float = 0) -> View:
    """Return the whole picture, its face of this size; every other one turns clockwise."""
    scale = pixels / original.face.size
    angle = math.radians(degrees if original.number % 2 else -degrees)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    side = round(max(original.picture.shape) * scale)
    return original.shown(rotation / scale, side, original.face.centre * scale)


def filling(original: Original, *, side: int) -> View:
    """Return a square picture that the face fills, as its box is high or wide."""
    scale = side / float(max(original.face.box[2:] - original.face.box[:2]))
    return original.shown(np.eye(2) / scale, side, np.array([side / 2, side / 2]))


def damaged(original: Original, *, damage: Damage) -> View:
    """Return the picture at the usual size, damaged."""
    view = sized(original, pixels=USUAL)
    return View(damage(view.picture), view.box)


def noisy(picture: Picture, deviation: float) -> Picture:
    """Add Gaussian noise of this standard deviation in grey levels; the picture is its seed."""
    noise = np.random.default_rng(int(picture.sum())).normal(0, deviation, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _damages() -> Iterator[tuple[str, Damage]]:
    for factor in (0.5, 0.25, 0.12, 0.06):
        yield f"light: {factor} of it", partial(relit, brightness=factor)
    for factor in (0.5, 0.25):
        yield f"contrast: {factor} of it", partial(relit, contrast=factor)
    for radius in (1, 2, 4, 6):
        yield f"blur: radius {radius} pixels", partial(blurred, radius=radius)
    for deviation in (10, 20, 40):
        yield f"noise: {deviation} grey levels", partial(noisy, deviation=deviation)
    for quality in (50, 20, 10, 5):
        yield f"JPEG: quality {quality}", partial(jpeg_compressed, quality=quality)
    yield "without colour", grey


def conditions() -> dict[str, Condition]:
    """Return all conditions by the labels of their rows."""
    found: dict[str, Condition] = {}
    for pixels in (24, 32, 48, 64, 96, 128, 200):
        found[f"size: {pixels} pixels"] = partial(sized, pixels=pixels)
    for side in (250, 640):
        found[f"size: fills {side} pixels"] = partial(filling, side=side)
    for degrees in (0, 10, 20, 30, 40):
        found[f"turn: {degrees} degrees"] = partial(sized, pixels=USUAL, degrees=degrees)
    for label, damage in _damages():
        found[label] = partial(damaged, damage=damage)
    return found


def of_conditions(
    detectors: Mapping[str, Detector], paths: Sequence[Path], teachers: Teachers
) -> Iterator[Row]:
    """Measure the share of faces that are found with an overlap of `SAME`, by condition.

    The faces are those in the middle of LFW's pictures that both teachers see as they are.
    """
    faces = [central(each) for each in teachers(paths)]
    known = [(path, face) for path, face in zip(paths, faces, strict=True) if face is not None]
    for label, condition in conditions().items():
        hits = dict.fromkeys(detectors, 0)
        for start in range(0, len(known), TOGETHER):
            views = [
                condition(Original(read(path), face, number))
                for number, (path, face) in enumerate(known[start : start + TOGETHER], start)
            ]
            for name, detector in detectors.items():
                pictures = [view.picture for view in views]
                found = detector.detect(pictures, threads=teachers.threads)
                hits[name] += sum(
                    best_overlap(each, view.box)[0] >= SAME
                    for each, view in zip(found, views, strict=True)
                )
        yield Row(label, {name: share(count, len(known)) for name, count in hits.items()})
