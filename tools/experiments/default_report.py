"""Writing the file that ships from the last weights of a run, and reporting its rates."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from default_material import CROP
from verification_rates import in_folds, sentence

import npfacenet
from npfacenet.cards import Card, Preparation, Threshold
from npfacenet.cards import Measured as MeasuredWith
from npfacenet.checkpoints.native import write_native
from npfacenet.images import centre_crop, read
from npfacenet.models import Model
from npfacenet.recipes.recipe import CROPPED
from npfacenet.recognition.calibration import calibrate, errors_at
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, Flags, evaluate
from npfacenet.recognition.lfw import (
    Fold,
    choose_folds,
    genuine_flags,
    picture_path,
    read_pairs,
)
from npfacenet.recognition.pair_distances import pair_distances
from npfacenet.samples import pairs
from npfacenet.training.held_out import FALSE_MATCH_RATE

NUMBERS = (3, 4)  # of the folds without any of the training people
DETECTORS = {"mtcnn": "mtcnn", "yunet": "yunet_n.onnx"}  # and their files
FOLDS = f"LFW folds {NUMBERS[0]}-{NUMBERS[1]}"


@dataclass(frozen=True)
class Measured:
    """Distances of pairs, fold by fold, and which pairs are genuine."""

    distances: list[Distances]
    genuine: list[Flags]

    def of_each_kind(self) -> tuple[Distances, Distances]:
        """Return the distances of genuine pairs, and those of impostor pairs."""
        every, same = np.concatenate(self.distances), np.concatenate(self.genuine)
        return every[same], every[~same]

    def report(self, what: str, threshold: float) -> str:
        """Return two lines: the rates, and the errors of a threshold."""
        errors = errors_at(threshold, *self.of_each_kind())
        return (
            f"{what}: {sentence(evaluate(self.distances, self.genuine))}\n"
            f"  at {threshold:g}: {errors}"
        )


def lfw_folds(lfw: Path) -> tuple[Fold, ...]:
    """Return the pairs on which the default network is validated, calibrated and measured."""
    return choose_folds(read_pairs(lfw / "pairs_dev.txt"), NUMBERS)


def on_lfw(model: Model, lfw: Path, detect: Path | None = None) -> Measured:
    """Measure those pairs, with a plain centre crop, or faces found by a detector."""
    folds, crop = lfw_folds(lfw), CROP if detect is None else None
    distances = pair_distances(model, lfw / "images", folds, crop=crop, detect=detect)
    return Measured(distances, genuine_flags(folds))


def on_drawn_pairs(model: Model) -> Measured:
    """Measure the fixed pairs of drawn people."""
    fixed = pairs()
    distances = paired_distances(model.embed(fixed.a), model.embed(fixed.b))
    return Measured(*in_folds(distances, fixed.genuine))


def calibrated(measured: Measured, prepared: str, note: str = "") -> Threshold:
    """Return a threshold of three decimals that keeps the false match rate, with its errors."""
    genuine, impostors = measured.of_each_kind()
    value = math.floor(1000 * calibrate(genuine, impostors, FALSE_MATCH_RATE).threshold) / 1000
    evidence = (
        f"chosen for a false match rate of {FALSE_MATCH_RATE} on these very pairs: {FOLDS}, "
        f"{prepared}: {errors_at(value, genuine, impostors)}{note}"
    )
    return Threshold(value, evidence)


def default_card(model: Model, lfw: Path, licence: str) -> Card:
    """Return the model's card with a threshold for each preparation that can be measured.

    That is LFW's centre crop, whose threshold is also the one for pictures that somebody else has
    cropped so; and faces found by the detectors whose weights lie in `weights` beside `lfw`.
    """
    crops, prepared = on_lfw(model, lfw), f"centre crop {CROP}"
    thresholds = [MeasuredWith(Preparation(crop=CROP), calibrated(crops, prepared))]
    for name, file in DETECTORS.items():
        path = lfw.parent / "weights" / file
        if path.exists():
            found = on_lfw(model, lfw, detect=path)
            threshold = calibrated(found, "uncropped, the central face (found in all)")
            thresholds.append(MeasuredWith(model.card.found_by(name), threshold))
    return replace(
        model.card,
        threshold=calibrated(crops, prepared, f"; {CROPPED}"),
        other_thresholds=tuple(thresholds),
        licence=licence,
    )


def write_default(model: Model, target: Path, lfw: Path, licence: str) -> tuple[Model, float]:
    """Write a model with kernels in half precision; return the model read back, and its threshold.

    The thresholds are calibrated with the rounded weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        rounded = Path(folder) / target.name
        write_native(rounded, model.network, model.parameters, model.card, half=True)
        card = default_card(npfacenet.load(rounded), lfw, licence)
    write_native(target, model.network, model.parameters, card, half=True)
    written = npfacenet.load(target)
    return written, 0.0 if card.threshold is None else card.threshold.value


def by_brightness(measured: Measured, threshold: float, lfw: Path) -> str:
    """Return the errors of a threshold in thirds of LFW's pairs, by the darker face's brightness.

    LFW states nothing about the people; the brightness of a face depends on skin and light.
    """
    chosen = [pair for fold in lfw_folds(lfw) for pair in fold]
    bright = {
        picture: centre_crop(read(picture_path(lfw / "images", picture)), CROP // 2).mean()
        for picture in {picture for pair in chosen for picture in (pair.a, pair.b)}
    }
    darker = np.array([min(bright[pair.a], bright[pair.b]) for pair in chosen])
    every, genuine = np.concatenate(measured.distances), np.concatenate(measured.genuine)
    lines = []
    thirds = np.array_split(np.argsort(darker, kind="stable"), 3)
    for name, third in zip(("darkest", "middle", "brightest"), thirds, strict=True):
        of_third = Measured([every[third]], [genuine[third]])
        lines.append(f"  {name} third: {errors_at(threshold, *of_third.of_each_kind())}")
    return "\n".join(lines)
