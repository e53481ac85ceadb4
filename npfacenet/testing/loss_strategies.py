"""Drawn losses with batches that fit them.

Arrays come from a drawn seed or from small numbers, so that a counterexample shrinks to a
few rows, and prints as such. No batch lies at a kink of its loss.

>>> from hypothesis import given
>>> from npfacenet.testing import assert_loss_laws, loss_samples
>>> @given(loss_samples())
... def test_every_loss(sample):
...     assert_loss_laws(sample.loss, sample.outputs, sample.targets)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

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
from npfacenet.losses.mining import Mining
from npfacenet.testing.embedding_strategies import (
    Clusters,
    Vectors,
    clusters,
    labelled_pairs,
    triplets,
    unit,
)
from npfacenet.testing.loss_laws import LossSample

SMOOTH = 1e-3  # how far from its hinge a triplet is at least
MARGINS = (0.2, 0.5, 1.0)
MINING: tuple[Mining, ...] = ("batch-all", "batch-hard", "semi-hard")


@dataclass(frozen=True, eq=False)
class Batch:
    """Embeddings (N, D) of unit length, and the identity of each row (N,)."""

    values: Vectors
    labels: npt.NDArray[np.int64]


@st.composite
def batches(draw: st.DrawFn, dimension: int = 4) -> Batch:
    """Pictures of several people in any order; somebody has two, so that a triplet exists.

    The people are close enough to each other for every kind of mining to find some.
    """
    drawn = draw(clusters(dimension, spread=0.4).filter(_somebody_has_two))
    order = draw(st.permutations(range(len(drawn.labels))))
    return Batch(drawn.values[order], np.array(drawn.labels)[order])


def _somebody_has_two(drawn: Clusters) -> bool:
    return len(set(drawn.labels)) < len(drawn.labels)


@st.composite
def loss_samples(draw: st.DrawFn, dtype: str = "float32") -> LossSample:
    """Any loss of this library with valid hyperparameters, outputs and targets."""
    sample: LossSample = draw(st.one_of(*_SAMPLES))
    return sample.copied(dtype)


def losses() -> st.SearchStrategy[Loss]:
    """Any loss of this library with valid hyperparameters."""
    return loss_samples().map(lambda sample: sample.loss)


@st.composite
def _triplet(draw: st.DrawFn) -> LossSample:
    margin = draw(st.sampled_from(MARGINS))
    rows = np.stack(draw(triplets(3).filter(lambda drawn: _off_the_hinge(drawn, margin))))
    return LossSample(TripletLoss(margin), rows)


def _off_the_hinge(drawn: tuple[Vectors, Vectors, Vectors], margin: float) -> bool:
    a, p, n = drawn
    losses = np.square(a - p).sum(axis=1) - np.square(a - n).sum(axis=1) + margin
    return bool(np.abs(losses).min() > SMOOTH)


@st.composite
def _online_triplet(draw: st.DrawFn) -> LossSample:
    mining: Mining = draw(st.sampled_from(MINING))
    loss = OnlineTripletLoss(draw(st.sampled_from(MARGINS)), mining)
    batch = draw(batches())
    return LossSample(loss, batch.values, batch.labels)


@st.composite
def _cross_entropy(draw: st.DrawFn) -> LossSample:
    logits, labels = draw(_scored())
    return LossSample(CrossEntropy(draw(st.sampled_from([0.0, 0.1]))), logits, labels)


@st.composite
def _angular_margin(draw: st.DrawFn) -> LossSample:
    margin, scale = draw(st.sampled_from([0.0, 0.3, 0.5])), draw(st.sampled_from([4.0, 32.0]))
    drawn = draw(clusters(4))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    directions = unit(rng.standard_normal((max(drawn.labels) + 1, 4)))
    cosines = 0.99 * drawn.values @ directions.T  # not too near to 1, where the slope has a pole
    return LossSample(AngularMargin(margin, scale), cosines, np.array(drawn.labels))


@st.composite
def _binary_cross_entropy(draw: st.DrawFn) -> LossSample:
    pairs = draw(labelled_pairs(4))
    logits = 4 - 4 * np.square(pairs.a - pairs.b).sum(axis=1)
    column = draw(st.booleans())
    return LossSample(BinaryCrossEntropy(), logits[:, None] if column else logits, pairs.genuine)


@st.composite
def _distillation(draw: st.DrawFn) -> LossSample:
    pairs = draw(labelled_pairs(3))
    return LossSample(draw(st.sampled_from([Distillation(), Relations()])), pairs.a, pairs.b)


@st.composite
def _quality_focal(draw: st.DrawFn) -> LossSample:
    pairs = draw(labelled_pairs(4))
    logits = 4 - 4 * np.square(pairs.a - pairs.b).sum(axis=1)
    targets = st.sampled_from([-1.0, 0.0, 0.25, 0.75, 1.0])
    quality = np.array([draw(targets) for _ in logits])
    return LossSample(QualityFocal(draw(st.sampled_from([0.0, 1.5, 2.0]))), logits, quality)


@st.composite
def _smooth_l1(draw: st.DrawFn) -> LossSample:
    beta = draw(st.sampled_from([0.25, 1.0]))
    pairs = draw(labelled_pairs(3).filter(lambda drawn: _off_the_bend(drawn.a - drawn.b, beta)))
    return LossSample(SmoothL1(beta), pairs.a, pairs.b)


def _off_the_bend(difference: Vectors, beta: float) -> bool:
    return bool(np.abs(np.abs(difference) - beta).min() > SMOOTH)


@st.composite
def _complete_iou(draw: st.DrawFn) -> LossSample:
    """Boxes of a few tens of pixels with edges that never meet: halves against whole numbers."""
    corner, side = st.integers(0, 40), st.integers(5, 40)
    truth, boxes = (
        np.array([draw(st.tuples(corner, corner, side, side)) for _ in range(2)], float)
        for _ in range(2)
    )
    for each in (truth, boxes):
        each[:, 2:] += each[:, :2]
    return LossSample(CompleteIoU(), boxes + 0.5, truth)


@st.composite
def _scored(draw: st.DrawFn) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Scores (N, K), of two decimals, and a class for each row."""
    classes = draw(st.integers(1, 4))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return (3 * rng.standard_normal((len(labels), classes))).round(2), np.array(labels)


_SAMPLES: tuple[st.SearchStrategy[LossSample], ...] = (
    _distillation(), _cross_entropy(), _binary_cross_entropy(), _triplet(), _angular_margin(),
    _online_triplet(), _quality_focal(), _smooth_l1(), _complete_iou(),
)  # fmt: skip
