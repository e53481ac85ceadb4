"""The losses of a detector against independent definitions and values worked out by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loss_cases import boxes as drawn_boxes

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.faces.boxes import overlaps
from npfacenet.losses import (
    BinaryCrossEntropy,
    CompleteIoU,
    QualityFocal,
    SmoothL1,
    intersection_over_union,
)

seeds = st.integers(0, 2**32 - 1)
aparts = st.sampled_from([0.5, 3.0])


@given(seed=seeds, beta=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_quality_focal_equals_its_definition(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    logits, targets = rng.uniform(-9, 9, 7), rng.choice([-1, 0, 0.3, 0.8, 1], 7)
    total = 0.0
    for z, y in zip(logits, targets, strict=True):
        if y >= 0:
            score = 1 / (1 + math.exp(-z))
            entropy = -y * math.log(score) - (1 - y) * math.log(1 - score)
            total += abs(y - score) ** beta * entropy
    found = QualityFocal(beta).value_and_gradient(logits, targets)
    assert found.value == pytest.approx(total / max(1, (targets > 0).sum()), rel=1e-9)
    assert not found.gradient[targets == -1].any()


@given(seed=seeds)
def test_with_beta_0_it_is_binary_cross_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, answers = 9 * rng.standard_normal(6), rng.permutation([0, 0, 0, 1, 1, 1])
    found = QualityFocal(0.0).value_and_gradient(logits, answers.astype("f8"))
    plain = BinaryCrossEntropy().value_and_gradient(logits, answers)
    assert found.value == pytest.approx(plain.value * 6 / 3)
    np.testing.assert_allclose(found.gradient, plain.gradient * 6 / 3, atol=1e-15)


@given(seed=seeds)
def test_ignored_cells_might_as_well_be_left_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal(8), np.array([-1, 0, 1, -1, 0.4, 0, 0, -1])
    kept = targets != -1
    found = QualityFocal().value_and_gradient(logits, targets)
    without = QualityFocal().value_and_gradient(logits[kept], targets[kept])
    assert found.value == pytest.approx(without.value, rel=1e-12)
    np.testing.assert_allclose(found.gradient[kept], without.gradient, rtol=1e-12)
    assert found.measures == without.measures


def test_the_least_loss_is_at_the_quality() -> None:
    quality = np.array([0.1, 0.5, 0.9])
    found = QualityFocal().value_and_gradient(np.log(quality / (1 - quality)), quality)
    assert found.value == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(found.gradient, 0, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_of_any_size_are_exact(dtype: str) -> None:
    logits = np.array([1e4, -1e4, 1e4, -1e4], dtype)
    found = QualityFocal().value_and_gradient(logits, np.array([1.0, 0.0, 0.0, 1.0]))
    assert found.value == 2e4 / 2
    np.testing.assert_array_equal(found.gradient, [0, 0, 0.5, -0.5])
    sure = QualityFocal().value_and_gradient(np.array([50.0]), np.array([1.0]))
    assert sure.value == pytest.approx(math.exp(-150), rel=1e-9)  # not rounded to 0
    no = QualityFocal(0.5).value_and_gradient(np.array([-1e4]), np.array([0.0]))
    assert (no.value, no.gradient.tolist()) == (0, [0])  # where the slope of the focus has a pole


def test_without_a_positive_the_negatives_still_count() -> None:
    found = QualityFocal().value_and_gradient(np.zeros(3), np.array([0.0, 0.0, -1.0]))
    assert found.value == pytest.approx(2 * 0.25 * math.log(2))
    assert found.measures == {"positives": 0, "recall": 0, "false_alarms": 0}
    none = QualityFocal().value_and_gradient(np.ones(2), np.array([-1.0, -1.0]))
    assert (none.value, none.gradient.tolist()) == (0, [0, 0])


@pytest.mark.parametrize("target", [-0.5, 1.01, -2.0])
def test_a_quality_out_of_range_is_refused(target: float) -> None:
    with pytest.raises(ArgumentError, match=rf"targets in \[0, 1\], or -1, not {target}"):
        QualityFocal().value_and_gradient(np.zeros(2), np.array([0.5, target]))


def test_smooth_l1_by_hand() -> None:
    outputs, targets = np.array([[0.5, -3.0], [2.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    found = SmoothL1(2.0).value_and_gradient(outputs, targets)
    # 0.5^2 / 4 + (4 - 1), and 2 - 1 + 0.
    assert found.value == pytest.approx((0.0625 + 3 + 1) / 2)
    np.testing.assert_allclose(found.gradient, [[0.125, -0.5], [0.5, 0]])
    assert found.measures == {"error": pytest.approx(6.5 / 4)}


def test_far_off_no_error_pulls_more_than_another() -> None:
    found = SmoothL1().value_and_gradient(np.array([[1e200, -2.0]]), np.zeros((1, 2)))
    assert found.value == 1e200
    np.testing.assert_array_equal(found.gradient, [[1, -1]])


def complete_iou_of_one(box: list[float], truth: list[float]) -> float:
    """Equations 8 to 11 of the paper, box by box."""
    (l, t, r, b), (tl, tt, tr, tb) = box, truth  # noqa: E741
    shared = max(min(r, tr) - max(l, tl), 0) * max(min(b, tb) - max(t, tt), 0)
    iou = shared / ((r - l) * (b - t) + (tr - tl) * (tb - tt) - shared)
    diagonal = (max(r, tr) - min(l, tl)) ** 2 + (max(b, tb) - min(t, tt)) ** 2
    centres = ((l + r - tl - tr) / 2) ** 2 + ((t + b - tt - tb) / 2) ** 2
    shapes = math.atan((tr - tl) / (tb - tt)) - math.atan((r - l) / (b - t))
    v = 4 / math.pi**2 * shapes**2
    return 1 - iou + centres / diagonal + v / (1 - iou + v) * v


@given(seed=seeds, apart=aparts)
def test_complete_iou_equals_its_definition(seed: int, apart: float) -> None:
    batch = drawn_boxes(np.random.default_rng(seed), apart)
    found = CompleteIoU().value_and_gradient(batch.outputs, batch.targets)
    pairs = zip(batch.outputs.tolist(), batch.targets.tolist(), strict=True)
    assert found.value == pytest.approx(np.mean([complete_iou_of_one(*pair) for pair in pairs]))
    aligned = intersection_over_union(batch.outputs, batch.targets)
    assert found.measures == {"iou": pytest.approx(aligned.mean())}


@given(seed=seeds, apart=aparts)
def test_aligned_overlaps_are_the_diagonal_of_all(seed: int, apart: float) -> None:
    batch = drawn_boxes(np.random.default_rng(seed), apart)
    expected = np.diag(overlaps(batch.outputs, batch.targets))
    for one, other in ((batch.outputs, batch.targets), (batch.targets, batch.outputs)):
        np.testing.assert_allclose(intersection_over_union(one, other), expected)


@given(seed=seeds, apart=aparts, unit=st.sampled_from([1e-3, 32.0]))
def test_neither_the_unit_nor_the_origin_matters(seed: int, apart: float, unit: float) -> None:
    batch = drawn_boxes(np.random.default_rng(seed), apart)
    found = CompleteIoU().value_and_gradient(batch.outputs, batch.targets)
    moved = CompleteIoU().value_and_gradient(
        batch.outputs * unit + 7 * unit, batch.targets * unit + 7 * unit
    )
    assert moved.value == pytest.approx(found.value)
    np.testing.assert_allclose(moved.gradient * unit, found.gradient, atol=1e-9)


@given(seed=seeds, apart=aparts)
def test_a_small_step_down_the_gradient_makes_boxes_fit_better(seed: int, apart: float) -> None:
    batch = drawn_boxes(np.random.default_rng(seed), apart)
    before = CompleteIoU().value_and_gradient(batch.outputs, batch.targets)
    after = CompleteIoU().value_and_gradient(batch.outputs - 1e-3 * before.gradient, batch.targets)
    assert after.value <= before.value


def test_boxes_that_fit_lose_nothing() -> None:
    truth = np.array([[3.0, 4.0, 10.1, 20.3], [0.1, 0.2, 0.3, 0.9]])
    found = CompleteIoU().value_and_gradient(truth, truth.copy())
    assert found.value == pytest.approx(0, abs=1e-15)
    assert found.measures == {"iou": 1}
    np.testing.assert_allclose(found.gradient, 0, atol=1e-7)


@pytest.mark.parametrize(
    "box",
    [[5.0, 5, 5, 9], [5.0, 5, 5, 5], [9.0, 9, 5, 5], [5.0, 9, 7, 5], [5.0, 5, 5 + 1e-300, 5]],
    ids=["no width", "a point", "inside out", "upside down", "hardly a width"],
)
def test_a_box_without_an_area_is_pulled_to_the_true_one(box: list[float]) -> None:
    truth = np.array([[20.0, 20, 30, 40]])
    found = CompleteIoU().value_and_gradient(np.array([box]), truth)
    assert found.measures == {"iou": 0}
    assert 1 < found.value < 3
    assert np.isfinite(found.gradient).all()
    pull = found.gradient.reshape(2, 2).sum(axis=0)  # of the centre
    assert (pull < 0).all()
    assert intersection_over_union(np.array([box]), np.array([box])).tolist() == [0]


@pytest.mark.parametrize("box", [[9.0, 9, 5, 5], [5.0, 9, 7, 5], [21.0, 33, 27, 31]])
def test_the_gradient_of_a_box_turned_inside_out_is_the_derivative(box: list[float]) -> None:
    boxes, truth = np.array([box]), np.array([[20.0, 20, 30, 40]])
    quotients = np.zeros(4)
    for edge in range(4):
        step = 1e-6 * np.eye(4)[edge]
        up, down = (CompleteIoU().value_and_gradient(boxes + s, truth) for s in (step, -step))
        quotients[edge] = (up.value - down.value) / 2e-6
    gradient = CompleteIoU().value_and_gradient(boxes, truth).gradient
    np.testing.assert_allclose(gradient[0], quotients, atol=1e-8)


@pytest.mark.parametrize("truth", [[5.0, 5, 5, 9], [9.0, 5, 7, 9]])
def test_a_true_box_without_an_area_is_refused(truth: list[float]) -> None:
    with pytest.raises(ArgumentError, match=r"true boxes with an area, not \["):
        CompleteIoU().value_and_gradient(np.ones((2, 4)), np.array([[0.0, 0, 1, 1], truth]))


@pytest.mark.parametrize("size", [1e-49, 1e-20, 1e20, 1e49])
def test_very_small_and_very_large_boxes_have_a_finite_loss(size: float) -> None:
    boxes, truth = np.array([[0.0, 0, 2, 2]]) * size, np.array([[1.0, 1, 3, 3]]) * size
    found = CompleteIoU().value_and_gradient(boxes, truth)
    assert found.value == pytest.approx(1 - 1 / 7 + 2 / 18)
    assert np.isfinite(found.gradient).all()
    inside_out = CompleteIoU().value_and_gradient(boxes[:, ::-1].copy(), truth)
    assert np.isfinite(inside_out.gradient).all()


@pytest.mark.parametrize("size", [5e-324, 1e-170, 1e160, 1e308])
def test_sizes_without_a_finite_loss_are_refused(size: float) -> None:
    box = np.array([[0.0, 0, 1, 1]])
    with pytest.raises(ArgumentError, match=r"of at most 1e\+50|with an area"):
        CompleteIoU().value_and_gradient(box * size, box * size)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8])
def test_overlaps_of_boxes_of_any_kind_of_number(kind: npt.DTypeLike) -> None:
    one, other = np.array([[0, 0, 2, 2]], kind), np.array([[1, 0, 3, 2]], kind)
    np.testing.assert_allclose(intersection_over_union(one, other), 1 / 3)


def test_overlaps_of_anything_but_finite_numbers_are_refused() -> None:
    box = np.array([[0.0, 0, 1, 1]])
    for wrong in (None, [["a", "b", "c", "d"]], box.astype(complex)):
        with pytest.raises(ShapeError, match="boxes are an array of real numbers"):
            intersection_over_union(wrong, box)  # type: ignore[arg-type]
    for factor in (np.nan, np.inf, 1e200):
        with pytest.raises(ArgumentError, match="finite, and at most 1e"):
            intersection_over_union(box, np.ones((1, 4)) * factor)


def test_overlaps_of_other_shapes_are_refused() -> None:
    assert intersection_over_union(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)
    for one, other in [((2, 4), (1, 4)), ((4,), (4,)), ((2, 3), (2, 3))]:
        with pytest.raises(ShapeError, match="boxes are"):
            intersection_over_union(np.zeros(one), np.zeros(other))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: QualityFocal(-0.1), "not -0.1"),
        (lambda: QualityFocal(float("nan")), "not nan"),
        (lambda: QualityFocal(float("inf")), "not inf"),
        (lambda: SmoothL1(0.0), "not 0.0"),
        (lambda: SmoothL1(float("nan")), "not nan"),
        (lambda: SmoothL1(float("inf")), "not inf"),
    ],
)
def test_impossible_hyperparameters_are_refused(make, said: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(ArgumentError, match=said):
        make()


def test_20000_cells_take_little_time(rng: np.random.Generator) -> None:
    logits = rng.standard_normal(20_000).astype("f4")
    quality = np.where(rng.random(20_000) < 0.01, 0.7, 0.0)
    truth = np.array([0.0, 0, 20, 20]) + np.tile(rng.uniform(0, 99, (20_000, 2)), 2)
    found = (truth + rng.standard_normal(truth.shape)).astype("f4")
    runs = [(QualityFocal(), logits, quality), (SmoothL1(), found, truth)]
    for loss, outputs, targets in [*runs, (CompleteIoU(), found, truth)]:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            loss.value_and_gradient(outputs, targets)
            times.append(time.perf_counter() - start)
        assert min(times) < 0.25, loss  # 2 to 10 ms on an idle machine
