"""Accuracy on LFW by detector, alignment and choice: the work of `alignment.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from paired_differences import PairedDifference, decided_rightly, paired_difference
from remembered_faces import Remembered, WithMirrorImage

import npfacenet
from npfacenet import faces
from npfacenet.errors import ArgumentError
from npfacenet.faces.choice import Choice
from npfacenet.faces.cropping import FaceCropper
from npfacenet.files.atomic import atomic_file
from npfacenet.models import Model
from npfacenet.models.embedded import EmbeddedBatch, EmbeddedBatches, gathered
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
_MOVED = re.compile(r"([a-z-]+)\*([0-9.]+)([+-][0-9.]+)?")


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
    """What a row of the table measures: names, and of the detector perhaps a path."""

    model: str
    detector: str
    alignment: str
    choose: Choice


@dataclass(frozen=True)
class PairsOfRow:
    """The distances of a row's pairs, which are genuine, and which failed, fold by fold."""

    distances: list[Distances]
    genuine: list[Flags]
    failed: list[Flags]

    def __str__(self) -> str:
        rates = evaluate(self.distances, self.genuine, failed=self.failed)
        return (
            f"{rates.accuracy.mean:.4f} +- {rates.accuracy.std:.4f}  area {rates.area:.4f}  "
            f"failed {int(np.sum(self.failed))}  "
            f"{at_the_rate(self.distances, self.genuine, self.failed)}"
        )

    def against(self, other: PairsOfRow) -> PairedDifference:
        """Compare this row's decisions with those of another row on the same pairs."""
        first, second = (
            decided_rightly(row.distances, row.genuine, row.failed) for row in (self, other)
        )
        return paired_difference(first, second)


class Measurement:
    """Measures rows on the pictures in `shared`; keeps faces and distances in `kept`."""

    def __init__(self, shared: Path, kept: Path) -> None:
        self.shared, self.kept = shared, kept
        self.all_folds = read_pairs(shared / "lfw/pairs_dev.txt")
        self.detectors: dict[str, Remembered] = {}
        self.identities: dict[str, str] = {}
        self.models: dict[str, Model] = {}

    def detector(self, name: str) -> Remembered:
        """Return a detector that recalls the faces of earlier runs."""
        if name not in self.detectors:
            inner = faces.load(name.removesuffix(MIRROR))
            detector = Remembered(WithMirrorImage(inner) if name.endswith(MIRROR) else inner)
            self.identities[name] = inner.identity + MIRROR * name.endswith(MIRROR)
            detector.recall(self.kept / f"{self.identity(name)}.npz")
            self.detectors[name] = detector
        return self.detectors[name]

    def identity(self, name: str) -> str:
        """Return what faces are kept under: other weights find other faces under one name."""
        if name not in self.identities:
            self.detector(name)
        return self.identities[name]

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

    def measure(self, row: Row) -> PairsOfRow:
        """Return the distances of a row's pairs; measure them unless that was done before."""
        detector = self.identity(row.detector)
        named = f"{row.model}, {detector}, {row.alignment}, {row.choose}.npz"
        file, folds = self.kept / named, self.folds(row.model)
        if not file.exists():
            found = self._pairs(row, folds)
            with atomic_file(file) as output:
                np.savez(output, distances=found.distances, failed=found.failed)
        with np.load(file) as stored:
            return PairsOfRow(
                list(stored["distances"]), genuine_flags(folds), list(stored["failed"])
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
            detector.save(self.kept / f"{self.identity(row.detector)}.npz")
        found = gathered(
            EmbeddedBatches(iter(batches), model.card, CENTRAL_SQUARE, model.fingerprint),
            silent,
            None,
        )
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


def report(shared: Path, kept: Path, rows: Sequence[Row], against: str | None = None) -> None:
    """Print the table, each row when it is measured.

    `against`, "DETECTOR:ALIGNMENT", adds the difference of each row from the one with these. Raises
    ArgumentError if it is anything else, and for an alignment that is not known.
    """
    measurement = Measurement(shared, kept)
    for row in rows:
        began = perf_counter()
        pairs = measurement.measure(row)
        label = f"{row.model:20} {row.detector:13} {row.alignment:28} {row.choose:8}"
        print(label, pairs, f" {perf_counter() - began:4.0f} s", flush=True)
        if against is not None and (other := reference(row, against)) != row:
            print(f"  {pairs.against(measurement.measure(other))} against {against}", flush=True)


def reference(row: Row, against: str) -> Row:
    """Return the row with the detector and the alignment in "DETECTOR:ALIGNMENT" instead.

    Raises ArgumentError if it is anything else.
    """
    detector, _, alignment = against.rpartition(":")
    if not detector:
        raise ArgumentError(f"--against takes DETECTOR:ALIGNMENT, not {against!r}")
    alignment_named(alignment)
    return replace(row, detector=detector, alignment=alignment)
