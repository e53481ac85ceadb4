"""Accuracy on LFW by detector, alignment and choice: the work of `alignment.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from remembered_faces import Remembered, WithMirrorImage

import npfacenet
from npfacenet import faces
from npfacenet.errors import ArgumentError
from npfacenet.faces.choice import Choice
from npfacenet.faces.cropping import FaceCropper
from npfacenet.files.atomic import atomic_file
from npfacenet.models import Model
from npfacenet.models.embedded import EmbeddedBatch, gathered
from npfacenet.models.face_options import ReadyPreparation
from npfacenet.models.network_inputs import directions
from npfacenet.models.picture_reading import PictureReader
from npfacenet.progress import silent
from npfacenet.recipes.alignment import ALIGNMENTS, Alignment, Margin, Template
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.recognition.calibration import calibrate, errors_at
from npfacenet.recognition.evaluation import evaluate
from npfacenet.recognition.labelled_pairs import Distances, Failures, Flags
from npfacenet.recognition.lfw import Fold, genuine_flags, picture_path, read_pairs
from npfacenet.recognition.pair_distances import PairDistances, distances_of

TOGETHER = 16
FALSE_MATCH_RATE = 0.01
MIRROR = "+mirror"
_MARGIN = re.compile(r"margin-([0-9]+)")
_MOVED = re.compile(r"(openface-[a-z]+)\*([0-9.]+)([+-][0-9.]+)?")


@dataclass(frozen=True)
class Tested:
    """A model by its file in the folder of weights, and the folds that it may be judged on."""

    file: str | None
    variant: str | None
    folds: tuple[int, ...] = (1, 2, 3, 4)


MODELS = {
    "openface": Tested("nn4_small2_v1.h5", "openface"),
    "course": Tested("nn4_small2_v1.h5", "course"),
    # It was trained on people of folds 1 and 2.
    "npfacenet-small": Tested(None, None, (3, 4)),
    "inception-resnet-v1": Tested("inception_resnet_v1_128_f16.h5", None),
}


def alignment_named(name: str) -> Alignment:
    """Return one of `ALIGNMENTS`, a margin of N of 160 pixels, or a template that was moved.

    "openface-similarity*1.1-0.02" enlarges the template to 1.1 times its size about the centre of
    the crop, and moves it up by 0.02 of the crop's side. Raises ArgumentError for other names.
    """
    if name in ALIGNMENTS:
        return ALIGNMENTS[name]
    if match := _MARGIN.fullmatch(name):
        return Margin(int(match[1]) / 160)
    match = _MOVED.fullmatch(name)
    template = ALIGNMENTS.get(match[1]) if match else None
    if match is None or not isinstance(template, Template):
        raise ArgumentError(f"no alignment {name}; known: {', '.join(ALIGNMENTS)}, margin-N")
    scale, down = float(match[2]), float(match[3] or 0)
    a, b, c, d, e = (
        (0.5 + scale * (x - 0.5), 0.5 + scale * (y - 0.5) + down) for x, y in template.points
    )
    return replace(template, points=(a, b, c, d, e))


@dataclass(frozen=True)
class Row:
    """What a row of the table measures, by names."""

    model: str
    detector: str
    alignment: str
    choose: Choice

    @property
    def file_name(self) -> str:
        """The name of the file with the row's distances."""
        return f"{self.model}, {self.detector}, {self.alignment}, {self.choose}.npz"


class Measurement:
    """Measures rows on the pictures in `shared`; keeps faces and distances in `kept`."""

    def __init__(self, shared: Path, kept: Path) -> None:
        self.shared, self.kept = shared, kept
        self.all_folds = read_pairs(shared / "lfw/pairs_dev.txt")
        self.detectors: dict[str, Remembered] = {}
        self.models: dict[str, Model] = {}

    def detector(self, name: str) -> Remembered:
        """Return a detector that recalls the faces of earlier runs."""
        if name not in self.detectors:
            inner = faces.load(name.removesuffix(MIRROR))
            detector = Remembered(WithMirrorImage(inner) if name.endswith(MIRROR) else inner)
            detector.recall(self.kept / f"{name}.npz")
            self.detectors[name] = detector
        return self.detectors[name]

    def model(self, name: str) -> Model:
        """Return a model, loaded once."""
        if name not in self.models:
            tested = MODELS[name]
            weights = self.shared / "weights"
            file = "npfacenet-small" if tested.file is None else weights / tested.file
            self.models[name] = npfacenet.load(file, variant=tested.variant)
        return self.models[name]

    def folds(self, model: str) -> list[Fold]:
        """Return the folds that a model may be judged on."""
        return [self.all_folds[number - 1] for number in MODELS[model].folds]

    def measure(self, row: Row) -> str:
        """Return the accuracy of a row, in one line; measure it unless that was done before."""
        file, folds = self.kept / row.file_name, self.folds(row.model)
        began = perf_counter()
        if not file.exists():
            found = self._pairs(row, folds)
            with atomic_file(file) as output:
                np.savez(output, distances=found.distances, failed=found.failed)
        with np.load(file) as stored:
            distances, failed = list(stored["distances"]), list(stored["failed"])
        labels = genuine_flags(folds)
        rates = evaluate(distances, labels, failed=failed)
        return (
            f"{rates.accuracy.mean:.4f} +- {rates.accuracy.std:.4f}  area {rates.area:.4f}  "
            f"failed {int(np.sum(failed))}  {at_the_rate(distances, labels, failed)}  "
            f"{perf_counter() - began:4.0f} s"
        )

    def _pairs(self, row: Row, folds: Sequence[Fold]) -> PairDistances:
        model, detector = self.model(row.model), self.detector(row.detector)
        recalled = len(detector.known)
        cropper = FaceCropper(detector, alignment_named(row.alignment), row.choose)
        # The preparation is one that the catalogue need not know, so none is stated.
        reader = PictureReader(
            model.card, ReadyPreparation(CENTRAL_SQUARE, cropper), "rgb", "skip-no-face"
        )
        pictures = list(
            dict.fromkeys(p for fold in folds for pair in fold for p in (pair.a, pair.b))
        )
        paths = [picture_path(self.shared / "lfw/images", picture) for picture in pictures]
        batches = []
        for start in range(0, len(paths), TOGETHER):
            read = reader.read(list(enumerate(paths))[start : start + TOGETHER], threads=1)
            values = directions(model.plan, np.concatenate(read.inputs), model.card, threads=1)
            batches.append(EmbeddedBatch(values, read))
        if len(detector.known) > recalled:
            detector.save(self.kept / f"{row.detector}.npz")
        found = gathered(batches, model.card, CENTRAL_SQUARE, model.fingerprint, silent, None)
        return distances_of(found, pictures, folds)


def at_the_rate(
    distances: Sequence[Distances], labels: Sequence[Flags], failed: Sequence[Flags]
) -> str:
    """Return the threshold for a false match rate of 0.01, in three digits, and its errors."""
    values, genuine = np.concatenate(distances), np.concatenate(labels)
    without = np.concatenate(failed)
    kinds = values[genuine & ~without], values[~genuine & ~without]
    failures = Failures(int((genuine & without).sum()), int((~genuine & without).sum()))
    exact = calibrate(*kinds, FALSE_MATCH_RATE, failures)
    threshold = round(exact.threshold, 3)
    errors = errors_at(threshold, *kinds, failures)
    if errors.false_match.errors > exact.false_match.errors:
        threshold = math.floor(1000 * exact.threshold) / 1000
        errors = errors_at(threshold, *kinds, failures)
    low, high = errors.false_match.interval
    return (
        f"at {threshold:.3f} {errors.false_match.errors} ({low:.3f} to {high:.3f}) and "
        f"{errors.false_non_match.errors} of {errors.false_match.trials}"
    )


def report(shared: Path, kept: Path, rows: Sequence[Row]) -> None:
    """Print the table, each row when it is measured."""
    measurement = Measurement(shared, kept)
    for row in rows:
        label = f"{row.model:20} {row.detector:13} {row.alignment:28} {row.choose:8}"
        print(label, measurement.measure(row), flush=True)
