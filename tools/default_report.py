"""From the best weights of a run to the file that ships, with what is to be said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import npfacenet
from npfacenet.checkpoints.card import Threshold
from npfacenet.checkpoints.native import write_native
from npfacenet.images import centre_crop, read
from npfacenet.models import Model
from npfacenet.recognition.calibration import calibrate, errors_at
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, Flags, evaluate
from npfacenet.recognition.lfw import Fold, pair_distances, picture_path
from npfacenet.samples import pairs

FALSE_MATCH_RATE = 0.01
DRAWN_FOLDS = 10


def write_default(
    best: Path, target: Path, images: Path, folds: tuple[Fold, ...], crop: int
) -> Model:
    """Write the weights in half precision, with a threshold calibrated on these folds.

    The threshold is that of the numbers in the file, not of those before rounding.
    """
    model = npfacenet.load(best)
    write_native(target, model.parameters, replace(model.card, threshold=None), half=True)
    rounded = npfacenet.load(target)
    genuine, impostors = apart(*lfw(rounded, images, folds, crop))
    chosen = calibrate(genuine, impostors, FALSE_MATCH_RATE)
    evidence = (
        f"chosen for a false match rate of {FALSE_MATCH_RATE} on these very pairs: LFW folds 3-4, "
        f"centre crop {crop}, {len(impostors)} of each kind: {chosen}"
    )
    threshold = Threshold(round(chosen.threshold, 3), evidence)
    write_native(
        target, model.parameters, replace(model.card, threshold=threshold), half=True
    )  # fmt: skip
    return npfacenet.load(target)


def lfw(
    model: Model, images: Path, folds: tuple[Fold, ...], crop: int
) -> tuple[list[Distances], list[Flags]]:
    """The distances of the pairs, fold by fold, and which are genuine."""
    distances = pair_distances(model, images, folds, crop=crop)
    return distances, [np.array([pair.genuine for pair in fold]) for fold in folds]


def drawn(model: Model) -> tuple[list[Distances], list[Flags]]:
    """The same for the fixed pairs of drawn people."""
    fixed = pairs()
    distances = paired_distances(model.embed(fixed.a), model.embed(fixed.b))
    return np.split(distances, DRAWN_FOLDS), np.split(fixed.genuine, DRAWN_FOLDS)


def apart(distances: list[Distances], genuine: list[Flags]) -> tuple[Distances, Distances]:
    """The distances of genuine pairs, and those of impostor pairs."""
    every, same = np.concatenate(distances), np.concatenate(genuine)
    return every[same], every[~same]


def by_brightness(
    threshold: float,
    images: Path,
    folds: tuple[Fold, ...],
    crop: int,
    distances: list[Distances],
) -> str:
    """The errors of a threshold in thirds of the pairs, by how bright the darker face is.

    LFW says nothing of who is shown; how bright the middle of a face is depends on skin and light.
    """
    chosen = [pair for fold in folds for pair in fold]
    bright = {
        picture: float(centre_crop(read(picture_path(images, picture)), crop // 2).mean())
        for picture in {picture for pair in chosen for picture in (pair.a, pair.b)}
    }
    darker = np.array([min(bright[pair.a], bright[pair.b]) for pair in chosen])
    genuine = np.array([pair.genuine for pair in chosen])
    every = np.concatenate(distances)
    thirds = np.array_split(np.argsort(darker, kind="stable"), 3)
    lines = []
    for name, third in zip(("darkest", "middle", "brightest"), thirds, strict=True):
        errors = errors_at(threshold, *apart([every[third]], [genuine[third]]))
        lines.append(f"  {name} third: {errors}")
    return "\n".join(lines)


def report(what: str, threshold: float, distances: list[Distances], genuine: list[Flags]) -> str:
    """Two lines: accuracy and area, and the errors of a threshold."""
    found = evaluate(distances, genuine)
    errors = errors_at(threshold, *apart(distances, genuine))
    return (
        f"{what}: accuracy {found.accuracy.mean:.4f} +- {found.accuracy.std:.4f}, area "
        f"{found.area:.4f}, equal error rate {found.equal_error_rate:.4f}\n"
        f"  at {threshold:g}: {errors}"
    )
