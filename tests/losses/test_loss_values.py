"""Values worked out by hand or by an independent definition, loss by loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npfacenet.course
from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.losses import (
    AngularMargin,
    BinaryCrossEntropy,
    CrossEntropy,
    Distillation,
    Loss,
    OnlineTripletLoss,
    TripletLoss,
)
from npfacenet.testing.embedding_strategies import Vectors, triplets

seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Known:
    loss: Loss
    outputs: list[Any]
    targets: list[int] | None
    value: float
    gradient: list[Any]


LOGITS = [[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]

# From PyTorch 2 in float64, by autograd: cross_entropy (label_smoothing=0.1),
# binary_cross_entropy_with_logits, cross_entropy of insightface's formula with acos and cos
# written out, and the sum of clamp(min=0).
KNOWN = [
    Known(
        CrossEntropy(),
        LOGITS,
        [2, 0],
        1.9168165518731914,
        [
            [0.3018744480743129, 0.015029443784787011, -0.3169038918590999],
            [-0.4704651212037449, 0.46200323675393346, 0.008461884449811405],
        ],
    ),
    Known(
        CrossEntropy(0.1),
        LOGITS,
        [2, 0],
        1.9251498852065247,
        [
            [0.28520778140764624, -0.001637222881879655, -0.28357055852576657],
            [-0.43713178787041157, 0.4453365700872668, -0.008204782216855262],
        ],
    ),
    Known(
        BinaryCrossEntropy(),
        [2.0, -0.5, 0.0, -3.0],
        [1, 1, 0, 0],
        0.46068488183919165,
        [-0.02980073050552942, -0.15561483280046365, 0.125, 0.011856468294391695],
    ),
    Known(  # the second row is beyond the seam
        AngularMargin(0.3, scale=8.0),
        [[0.5, -0.25, 0.1], [0.75, -0.99, 0.2]],
        [0, 1],
        7.489162213784663,
        [
            [-1.2880946083784208, 0.06557895423256511, 1.0784227379724736],
            [3.9514845300120274, -3.9999982487087014, 0.04851371869667428],
        ],
    ),
    Known(
        TripletLoss(0.5),
        [[[0.6, 0.8], [1.0, 0.0]], [[0.8, 0.6], [0.0, 1.0]], [[0.0, 1.0], [-1.0, 0.0]]],
        None,
        0.18,
        [[[-1.6, 0.8], [0.0, 0.0]], [[0.4, -0.4], [0.0, 0.0]], [[1.2, -0.4], [0.0, 0.0]]],
    ),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: str(known.loss))
def test_known_values(known: Known) -> None:
    targets: Any = None if known.targets is None else np.array(known.targets)
    found = known.loss.value_and_gradient(np.array(known.outputs), targets)
    assert found.value == pytest.approx(known.value, rel=1e-13)
    np.testing.assert_allclose(found.gradient, known.gradient, rtol=1e-12, atol=1e-14)


@given(triplets(), st.floats(0, 4))
def test_triplet_loss_is_the_courses(
    drawn: tuple[Vectors, Vectors, Vectors], margin: float
) -> None:
    expected = npfacenet.course.triplet_loss(
        None, [rows.astype("float64") for rows in drawn], alpha=margin
    )
    found = TripletLoss(margin).value_and_gradient(np.stack(drawn))
    assert found.value == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


def test_triplet_loss_of_the_course_by_hand() -> None:
    # |a-p|^2 = 1 and 4, |a-n|^2 = 2 and 1: max(1-2+0.2, 0) + max(4-1+0.2, 0).
    outputs = np.array([[[0.0, 0], [0, 0]], [[1, 0], [2, 0]], [[1, 1], [0, 1]]])
    found = TripletLoss().value_and_gradient(outputs)
    assert found.value == pytest.approx(3.2)
    assert found.measures == {"active": 0.5}
    np.testing.assert_allclose(
        found.gradient, [[[0, 0], [-4, 2]], [[0, 0], [4, 0]], [[0, 0], [0, -2]]]
    )


def test_triplets_come_as_three() -> None:
    with pytest.raises(ShapeError, match=r"\(3, m, D\), received \(2, 4, 5\)"):
        TripletLoss().value_and_gradient(np.zeros((2, 4, 5)))


@pytest.mark.parametrize("loss", [CrossEntropy(), AngularMargin(0.5, 4.0), BinaryCrossEntropy()])
def test_of_a_batch_twice_over_the_mean_is_the_same(loss: Loss, rng: np.random.Generator) -> None:
    shape = (5,) if isinstance(loss, BinaryCrossEntropy) else (5, 3)
    outputs, labels = rng.uniform(-0.9, 0.9, shape), rng.integers(0, 2, 5)
    once = loss.value_and_gradient(outputs, labels)
    twice = loss.value_and_gradient(np.concatenate([outputs] * 2), np.concatenate([labels] * 2))
    assert twice.value == pytest.approx(once.value)
    assert twice.measures == pytest.approx(once.measures)
    np.testing.assert_allclose(2 * twice.gradient[:5], once.gradient)


def test_triplet_loss_is_a_sum(rng: np.random.Generator) -> None:
    outputs = rng.standard_normal((3, 4, 2))
    once, twice = (
        TripletLoss().value_and_gradient(x)
        for x in (outputs, np.concatenate([outputs] * 2, axis=1))
    )
    assert twice.value == pytest.approx(2 * once.value)
    np.testing.assert_allclose(twice.gradient[:, :4], once.gradient)


def test_cross_entropy_by_hand() -> None:
    # Softmax of log(1), log(2), log(5): 1/8, 2/8, 5/8.
    logits = np.log([[1.0, 2.0, 5.0]])
    found = CrossEntropy().value_and_gradient(logits, np.array([1]))
    assert found.value == pytest.approx(np.log(4))
    np.testing.assert_allclose(found.gradient, [[1 / 8, -6 / 8, 5 / 8]])
    assert found.measures == {"accuracy": 0.0}
    smooth = CrossEntropy(0.3).value_and_gradient(logits, np.array([1]))
    assert smooth.value == pytest.approx(0.8 * np.log(4) + 0.1 * np.log(8) + 0.1 * np.log(8 / 5))
    np.testing.assert_allclose(smooth.gradient, [[1 / 8 - 0.1, 2 / 8 - 0.8, 5 / 8 - 0.1]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_equal_logits_is_log_k(smoothing: float) -> None:
    found = CrossEntropy(smoothing).value_and_gradient(np.full((2, 7), 3.0), np.array([0, 6]))
    assert found.value == pytest.approx(np.log(7))
    assert found.measures == {"accuracy": 0.5}  # the first of equal ones counts


@given(seed=seeds, shift=st.floats(-1e4, 1e4))
def test_a_shift_of_all_logits_changes_nothing(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.standard_normal((4, 3)), rng.integers(0, 3, 4)
    found = CrossEntropy(0.1).value_and_gradient(logits, labels)
    moved = CrossEntropy(0.1).value_and_gradient(logits + shift, labels)
    assert moved.value == pytest.approx(found.value, abs=1e-9)
    np.testing.assert_allclose(moved.gradient, found.gradient, atol=1e-9)
    np.testing.assert_allclose(found.gradient.sum(axis=1), 0, atol=1e-12)


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([[1e30, -1e30], [0.0, 1e4]], "f4")
    found = CrossEntropy().value_and_gradient(logits, np.array([0, 0]))
    assert found.value == pytest.approx(1e4 / 2)
    np.testing.assert_array_equal(found.gradient, [[0, 0], [-0.5, 0.5]])


@given(seed=seeds)
def test_binary_cross_entropy_is_minus_log_sigmoid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, answers = rng.uniform(-20, 20, 6), rng.random(6) < 0.5
    sigmoid = 1 / (1 + np.exp(-logits))
    found = BinaryCrossEntropy().value_and_gradient(logits, answers)
    expected = -np.log(np.where(answers, sigmoid, 1 - sigmoid)).mean()
    assert found.value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(found.gradient, (sigmoid - answers) / 6, atol=1e-12)
    assert found.measures["accuracy"] == np.mean((sigmoid > 0.5) == answers)


@given(seed=seeds)
def test_binary_cross_entropy_is_cross_entropy_against_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, answers = rng.standard_normal(5), rng.integers(0, 2, 5)
    found = BinaryCrossEntropy().value_and_gradient(logits, answers)
    both = CrossEntropy().value_and_gradient(np.stack([0 * logits, logits], axis=1), answers)
    assert found.value == pytest.approx(both.value)
    np.testing.assert_allclose(found.gradient, both.gradient[:, 1], atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_any_size_are_exact(dtype: str) -> None:
    logits = np.array([1e4, -1e4, 1e4, -1e4], dtype)
    found = BinaryCrossEntropy().value_and_gradient(logits, np.array([1, 0, 0, 1]))
    assert found.value == 1e4 / 2
    np.testing.assert_array_equal(found.gradient, [0, 0, 0.25, -0.25])
    sure = BinaryCrossEntropy().value_and_gradient(np.array([50.0]), np.array([True]))
    assert sure.value == pytest.approx(np.exp(-50.0), rel=1e-12)  # not rounded to 0


def test_a_column_of_logits_is_not_broadcast_against_a_row_of_targets() -> None:
    logits, answers = np.array([1.0, -2.0, 3.0]), np.array([True, True, False])
    flat = BinaryCrossEntropy().value_and_gradient(logits, answers)
    for targets in (answers, answers[:, None], answers.astype("u1")):
        column = BinaryCrossEntropy().value_and_gradient(logits[:, None], targets)
        assert (column.value, column.measures) == (flat.value, flat.measures)
        np.testing.assert_array_equal(column.gradient, flat.gradient[:, None])


def test_distillation_by_hand() -> None:
    pupil, teacher = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [0.0, 0.0]])
    found = Distillation().value_and_gradient(pupil, teacher.astype("f4"))
    assert found.value == pytest.approx((2 + 1) / 2)
    np.testing.assert_allclose(found.gradient, [[-1, 1], [1, 0]])
    assert found.measures == pytest.approx({"cosine": 24 / 25 / 2})  # a zero vector counts as 0


def test_of_unit_vectors_distillation_is_two_minus_two_cosines(rng: np.random.Generator) -> None:
    pupil, teacher = rng.standard_normal((2, 5, 8))
    pupil /= np.linalg.norm(pupil, axis=1, keepdims=True)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    found = Distillation().value_and_gradient(pupil, teacher)
    assert found.value == pytest.approx(2 - 2 * found.measures["cosine"])


def test_a_teacher_that_is_not_finite_or_of_integers_is_refused() -> None:
    pupil = np.zeros((2, 3))
    with pytest.raises(ArgumentError, match="finite targets, received nan"):
        Distillation().value_and_gradient(pupil, np.full((2, 3), np.nan))
    with pytest.raises(ShapeError, match="targets of float32 or float64, not int64"):
        Distillation().value_and_gradient(pupil, np.zeros((2, 3), np.int64))
    with pytest.raises(ShapeError, match=r"targets of shape \(2, 3\), received \(1, 3\)"):
        Distillation().value_and_gradient(pupil, np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TripletLoss(-0.1), "not -0.1"),
        (lambda: TripletLoss(float("nan")), "not nan"),
        (lambda: TripletLoss(float("inf")), "not inf"),
        (lambda: OnlineTripletLoss(0.0), "not 0.0"),
        (lambda: OnlineTripletLoss(float("nan")), "not nan"),
        (lambda: OnlineTripletLoss(mining="hard"), "batch-all, batch-hard, semi-hard, not 'hard'"),  # type: ignore[arg-type]  # the fault under test
        (lambda: CrossEntropy(1.0), "not 1.0"),
        (lambda: CrossEntropy(-0.1), "not -0.1"),
        (lambda: CrossEntropy(float("nan")), "not nan"),
        (lambda: AngularMargin(-0.1), "not -0.1"),
        (lambda: AngularMargin(1.6), "not 1.6"),
        (lambda: AngularMargin(scale=0.0), "not 0.0"),
        (lambda: AngularMargin(scale=float("inf")), "not inf"),
    ],
)
def test_impossible_hyperparameters_are_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(ArgumentError, match=said):
        make()
