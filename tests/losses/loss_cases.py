"""The table of loss cases: every loss with batches that fit it. Every law runs over every case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Array
from npfacenet.losses import (
    AngularMargin,
    BinaryCrossEntropy,
    CompleteIoU,
    CrossEntropy,
    Distillation,
    Loss,
    OnlineTripletLoss,
    QualityFocal,
    Relations,
    SmoothL1,
    TripletLoss,
)

Targets: TypeAlias = Any  # None for TripletLoss, an array elsewhere
Rng: TypeAlias = np.random.Generator
CLOSE = 1e-4  # to a kink, for a difference quotient


@dataclass(frozen=True)
class Batch:
    outputs: Array
    targets: Targets
    axis: int = 0  # along which the examples lie
    smooth: bool = True  # whether the loss has no kink or jump nearby

    def permuted(self, order: npt.NDArray[np.intp]) -> Batch:
        targets = None if self.targets is None else self.targets[order]
        return replace(self, outputs=self.outputs.take(order, self.axis), targets=targets)


@dataclass(frozen=True)
class Case:
    loss: Loss
    draw: Callable[[Rng], Batch]

    def __str__(self) -> str:
        return f"{self.loss}-{getattr(self.draw, '__name__', 'variant')}"


def gaps(numbers: Array) -> float:
    """Return the smallest distance between two of the numbers."""
    return float(np.diff(np.sort(numbers.ravel())).min())


def three_rows(rng: Rng, margin: float) -> Batch:
    outputs = rng.standard_normal((3, 4, 3))
    to_positive, to_negative = np.square(outputs[0] - outputs[1:]).sum(axis=2)
    smooth = np.abs(to_positive - to_negative + margin).min() > CLOSE
    return Batch(outputs, None, axis=1, smooth=bool(smooth))


def embeddings(rng: Rng, margin: float) -> Batch:
    labels = rng.permutation(np.array([3, 3, 3, -1, -1, 7, 8]))
    outputs = 0.6 * rng.standard_normal((len(labels), 3))
    smooth = []
    for i, row in enumerate(outputs):
        distances = np.square(np.delete(outputs, i, axis=0) - row).sum(axis=1)
        smooth.append(gaps(np.concatenate([distances, distances + margin])) > CLOSE)
    return Batch(outputs, labels, smooth=all(smooth))


def logits(rng: Rng) -> Batch:
    return Batch(3 * rng.standard_normal((5, 4)), rng.integers(0, 4, 5))


def cosines(rng: Rng, margin: float) -> Batch:
    outputs = rng.uniform(-0.99, 0.99, (5, 4))
    seam = -np.cos(margin)  # where theta + margin = pi
    return Batch(outputs, rng.integers(0, 4, 5), smooth=bool(np.abs(outputs - seam).min() > CLOSE))


def answers(rng: Rng) -> Batch:
    return Batch(3 * rng.standard_normal(6), rng.random(6) < 0.5)


def answers_in_a_column(rng: Rng) -> Batch:
    return Batch(3 * rng.standard_normal((6, 1)), rng.integers(0, 2, 6))


def pupil_and_teacher(rng: Rng) -> Batch:
    return Batch(rng.standard_normal((4, 5)), rng.standard_normal((4, 5)))


def pupil_and_longer_teacher(rng: Rng) -> Batch:
    return Batch(rng.standard_normal((4, 2)), rng.standard_normal((4, 5)))


def cells(rng: Rng) -> Batch:
    targets = rng.permutation([-1.0, 0.0, 0.0, 1.0, rng.uniform(0.05, 0.95), 0.5])
    return Batch(3 * rng.standard_normal(6), targets)


def cells_without_a_face(rng: Rng) -> Batch:
    return Batch(3 * rng.standard_normal(4), np.array([0.0, 0.0, -1.0, 0.0]))


def regressed(rng: Rng, beta: float) -> Batch:
    outputs, targets = rng.standard_normal((2, 4, 3))
    smooth = np.abs(np.abs(outputs - targets) - beta).min() > CLOSE
    return Batch(outputs, targets, smooth=bool(smooth))


def boxes(rng: Rng, apart: float) -> Batch:
    """Boxes and true boxes of sides from 1 to 4, whose centres lie about this far apart."""
    centres, sides = apart * rng.standard_normal((2, 5, 2)), rng.uniform(1, 4, (2, 5, 2))
    outputs, targets = np.concatenate([centres - sides / 2, centres + sides / 2], axis=2)
    meeting = outputs.reshape(5, 2, 1, 2) - targets.reshape(5, 1, 2, 2)
    return Batch(outputs, targets, smooth=bool(np.abs(meeting).min() > CLOSE))


CASES = [
    Case(TripletLoss(), partial(three_rows, margin=0.2)),
    Case(TripletLoss(1.5), partial(three_rows, margin=1.5)),
    Case(OnlineTripletLoss(0.2, "batch-all"), partial(embeddings, margin=0.2)),
    Case(OnlineTripletLoss(0.5, "batch-hard"), partial(embeddings, margin=0.5)),
    Case(OnlineTripletLoss(), partial(embeddings, margin=0.2)),
    Case(OnlineTripletLoss(1.0), partial(embeddings, margin=1.0)),
    Case(CrossEntropy(), logits),
    Case(CrossEntropy(0.1), logits),
    Case(AngularMargin(), partial(cosines, margin=0.3)),
    Case(AngularMargin(0.5, scale=4.0), partial(cosines, margin=0.5)),
    Case(AngularMargin(1.2, scale=8.0), partial(cosines, margin=1.2)),
    Case(BinaryCrossEntropy(), answers),
    Case(BinaryCrossEntropy(), answers_in_a_column),
    Case(Distillation(), pupil_and_teacher),
    Case(Relations(), pupil_and_teacher),
    Case(Relations(), pupil_and_longer_teacher),
    Case(QualityFocal(), cells),
    Case(QualityFocal(0.0), cells),
    Case(QualityFocal(1.5), cells_without_a_face),
    Case(SmoothL1(), partial(regressed, beta=1.0)),
    Case(SmoothL1(0.1), partial(regressed, beta=0.1)),
    Case(CompleteIoU(), partial(boxes, apart=0.5)),
    Case(CompleteIoU(), partial(boxes, apart=3.0)),
]
