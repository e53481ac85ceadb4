"""Writing the file that ships from the last weights of a run, and reporting its rates."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from default_material import CROP
from verification_rates import in_folds, sentence

import npfacenet
from npfacenet.cards import Card, Preparation, Threshold
from npfacenet.cards import Measured as MeasuredWith
from npfacenet.checkpoints.native import write_native
from npfacenet.faces import Detector
from npfacenet.images import centre_crop, read
from npfacenet.models import Model
from npfacenet.models.face_options import FaceChoices
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.recipes.recipe import CROPPED
from npfacenet.recognition.calibration import Calibration, calibrate, errors_at
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, Evaluation, Flags, evaluate
from npfacenet.recognition.labelled_pairs import Failures
from npfacenet.recognition.lfw import (
    Fold,
    choose_folds,
    genuine_flags,
    picture_path,
    read_pairs,
)
from npfacenet.recognition.pair_distances import measure_pairs
from npfacenet.samples import pairs
from npfacenet.training.held_out import FALSE_MATCH_RATE

NUMBERS = (3, 4)  # of the folds without any of the training people
DETECTORS = {"mtcnn": "mtcnn", "yunet": "yunet_n.onnx"}  # and their files
FOLDS = f"LFW folds {NUMBERS[0]}-{NUMBERS[1]}"


@dataclass(frozen=True)
class Measured:
    """Distances of pairs, fold by fold, which pairs are genuine, and which failed.

    A pair fails if a face is not found; its distance is NaN, and it counts as an error.
    """

    distances: list[Distances]
    genuine: list[Flags]
    failed: list[Flags]

    def of_each_kind(self) -> tuple[Distances, Distances, Failures]:
        """Return the distances of genuine pairs, those of impostor pairs, and the failures."""
        every, same = np.concatenate(self.distances), np.concatenate(self.genuine)
        failed = np.concatenate(self.failed)
        failures = Failures(int((failed & same).sum()), int((failed & ~same).sum()))
        return every[same & ~failed], every[~same & ~failed], failures

    def part(self, chosen: npt.NDArray[np.intp]) -> Measured:
        """Return some of the pairs, by their numbers, as one fold."""
        return Measured(
            [np.concatenate(self.distances)[chosen]],
            [np.concatenate(self.genuine)[chosen]],
            [np.concatenate(self.failed)[chosen]],
        )

    def rates(self) -> Evaluation:
        """Return the rates; each fold is decided by the threshold that is best on the others."""
        return evaluate(self.distances, self.genuine, failed=self.failed)

    def errors(self, threshold: float) -> Calibration:
        """Return the errors of a threshold."""
        genuine, impostors, failures = self.of_each_kind()
        return errors_at(threshold, genuine, impostors, failures)

    def report(self, what: str, threshold: float) -> str:
        """Return two lines: the rates, and the errors of a threshold."""
        lost = sum(int(fold.sum()) for fold in self.failed)
        return (
            f"{what}: {sentence(self.rates())}, failed {lost}\n"
            f"  at {threshold:g}: {self.errors(threshold)}"
        )


def lfw_folds(lfw: Path) -> tuple[Fold, ...]:
    """Return the pairs on which the default network is validated, calibrated and measured."""
    return choose_folds(read_pairs(lfw / "pairs_dev.txt"), NUMBERS)


def on_lfw(model: Model, lfw: Path, detect: Path | Detector | None = None) -> Measured:
    """Measure those pairs, with a plain centre crop, or faces found by a detector."""
    folds = lfw_folds(lfw)
    how: FaceChoices = {"crop": CROP} if detect is None else {"detect": detect}
    found = measure_pairs(model, lfw / "images", folds, **how)
    return Measured(found.distances, genuine_flags(folds), found.failed)


def on_drawn_pairs(model: Model) -> Measured:
    """Measure the fixed pairs of drawn people, whose pictures are crops."""
    fixed = pairs()
    a, b = (model.embed(side, detect=False) for side in (fixed.a, fixed.b))
    distances, genuine = in_folds(paired_distances(a, b), fixed.genuine)
    return Measured(distances, genuine, [np.zeros(len(fold), np.bool_) for fold in genuine])


def calibrated(measured: Measured, prepared: str, note: str = "") -> Threshold:
    """Return a threshold of three decimals that keeps the false match rate, with its errors."""
    genuine, impostors, failures = measured.of_each_kind()
    exact = calibrate(genuine, impostors, FALSE_MATCH_RATE, failures)
    value = math.floor(1000 * exact.threshold) / 1000
    evidence = (
        f"chosen for a false match rate of {FALSE_MATCH_RATE} on these very pairs: {FOLDS}, "
        f"{prepared}: {measured.errors(value)}{note}"
    )
    return Threshold(value, evidence)


def found_threshold(measured: Measured) -> Threshold:
    """Return a threshold for faces that a detector has found."""
    lost = sum(int(fold.sum()) for fold in measured.failed)
    how = "found in all" if not lost else f"not found in {lost} pairs, which count as errors"
    return calibrated(measured, f"uncropped, the central face ({how})")


def default_card(model: Model, lfw: Path, licence: str, detector: Detector) -> Card:
    """Return the model's card with a threshold for each preparation that can be measured.

    That is, first, the card's own: faces found by `detector`; LFW's centre crop, whose threshold is
    also the one for pictures that somebody else has cropped so; and faces found by the other
    detectors whose weights lie in `weights` beside `lfw`.
    """
    crops, prepared = on_lfw(model, lfw), f"centre crop {CROP}"
    thresholds = [
        MeasuredWith(CENTRAL_SQUARE, calibrated(crops, prepared, f"; {CROPPED}")),
        MeasuredWith(Preparation(crop=CROP), calibrated(crops, prepared)),
    ]
    for name, file in DETECTORS.items():
        path = lfw.parent / "weights" / file
        if path.exists() and name != model.card.preparation.detector:
            found = found_threshold(on_lfw(model, lfw, path))
            thresholds.append(MeasuredWith(model.card.found_by(name), found))
    return replace(
        model.card,
        threshold=found_threshold(on_lfw(model, lfw, detector)),
        other_thresholds=tuple(thresholds),
        licence=licence,
    )


def write_default(model: Model, target: Path, lfw: Path, licence: str, detector: Detector) -> Model:
    """Write a model with kernels in half precision; return the model read back.

    The thresholds are calibrated with the rounded weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        rounded = Path(folder) / target.name
        write_native(rounded, model.network, model.parameters, model.card, half=True)
        card = default_card(npfacenet.load(rounded), lfw, licence, detector)
    write_native(target, model.network, model.parameters, card, half=True)
    return npfacenet.load(target)


def report(model: Model, lfw: Path, detector: Detector) -> str:
    """Return the rates of a model with calibrated thresholds, in lines."""
    card = model.card
    own = 0.0 if card.threshold is None else card.threshold.value
    cropped = card.threshold_for(CENTRAL_SQUARE)
    without = own if cropped is None else cropped.value
    found = on_lfw(model, lfw, detector)
    return "\n".join(
        (
            found.report(f"{FOLDS}, {card.preparation}, which chose the threshold", own),
            by_brightness(found, own, lfw),
            on_lfw(model, lfw).report(f"{FOLDS}, centre crop {CROP}", without),
            on_drawn_pairs(model).report("drawn pairs, crops", without),
        )
    )


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
    lines = []
    thirds = np.array_split(np.argsort(darker, kind="stable"), 3)
    for name, third in zip(("darkest", "middle", "brightest"), thirds, strict=True):
        lines.append(f"  {name} third: {measured.part(third).errors(threshold)}")
    return "\n".join(lines)
