"""What says that a run goes badly or well: collapse, held-out people, pairs, rates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.models import Embeddings
from npfacenet.testing import embeddings
from npfacenet.training.collapse import SMALLEST_SPREAD, CollapseDetector, spread
from npfacenet.training.validation import (
    distances_of_pairs,
    draw_pairs,
    hold_out,
    validated,
)

seeds = st.integers(0, 2**32 - 1)
Vectors = npt.NDArray[np.float32]


@given(embeddings())
def test_the_spread_of_points_on_the_sphere(points: Embeddings) -> None:
    # It is their mean squared distance from their middle.
    vectors, rows = points.values, points.values.astype(float)
    wanted = np.square(rows - rows.mean(axis=0)).sum(axis=1).mean()
    assert spread(vectors) == pytest.approx(wanted, abs=1e-5)
    assert 0 <= spread(vectors) <= 1
    assert spread(-vectors) == pytest.approx(spread(vectors), abs=1e-6)
    assert spread(vectors[:1].repeat(3, axis=0)) == pytest.approx(0, abs=1e-5)


def test_the_spread_of_known_points() -> None:
    assert spread(np.eye(4)) == pytest.approx(1 - 4 / 16)
    assert spread(np.array([[0.6, 0.8], [0.6, -0.8]])) == pytest.approx(0.64)


POINT = np.tile([[0.6, 0.8]], (4, 1))
APART = np.eye(4)
CLOSE = np.array([[0.6, 0.8], [0.8, 0.6]])


def test_embeddings_at_a_point_are_told_after_so_many_steps_in_a_row() -> None:
    detector = CollapseDetector(None, patience=3)
    fine = [detector.see(POINT, 5.0), detector.see(POINT, 5.0), detector.see(APART, 5.0)]
    assert fine == [None, None, None]
    said = [detector.see(POINT, 5.0) for _ in range(3)]
    assert said[:2] == [None, None]
    assert said[2] is not None
    assert "3 batches in a row lie at one point" in said[2]


def test_a_loss_at_the_margin_is_told_after_so_many_steps_in_a_row() -> None:
    detector = CollapseDetector(0.2, patience=3)
    for loss in (0.2, 0.2, 0.1, 0.2, 0.1985, 0.2025, 0.2, 0.1975, 0.2):
        assert detector.see(CLOSE, loss) is None
    assert detector.see(CLOSE, 0.2015) is None
    said = detector.see(CLOSE, 0.1985)
    assert said is not None
    assert "3 steps in a row is the margin, 0.2" in said


def test_the_two_signs_do_not_add_up() -> None:
    detector = CollapseDetector(0.2, patience=2)
    for points, loss in [(POINT, 1.0), (CLOSE, 0.2)] * 3:
        assert detector.see(points, loss) is None


def test_far_apart_a_loss_at_the_margin_is_no_sign() -> None:
    # Semi-hard triplets of many random vectors have such a loss: the next farther n is near.
    detector = CollapseDetector(0.2, patience=2)
    assert all(detector.see(APART, 0.2) is None for _ in range(5))


def test_without_triplets_no_loss_is_a_sign() -> None:
    detector = CollapseDetector(None)
    assert all(detector.see(CLOSE, loss) is None for loss in [0.2, 0.0] * 30)


def test_patience_is_20_unless_told_and_counts_go_on_from_where_they_were() -> None:
    detector = CollapseDetector(0.2)
    assert [detector.see(POINT, 0.2) is None for _ in range(20)] == [True] * 19 + [False]
    resumed = CollapseDetector(0.2, at_the_margin=19)
    assert resumed.see(CLOSE, 0.2) is not None


def test_a_little_spread_is_no_collapse() -> None:
    def within(variance: float) -> Vectors:
        """Two unit vectors whose middle is so short of 1."""
        x, y = np.sqrt(1 - variance), np.sqrt(variance)
        return np.array([[x, y], [x, -y]], "f4")

    assert CollapseDetector(None, 1).see(within(2 * SMALLEST_SPREAD), 1.0) is None
    assert CollapseDetector(None, 1).see(within(SMALLEST_SPREAD / 2), 1.0) is not None


@st.composite
def labellings(draw: st.DrawFn) -> list[int]:
    counts = draw(st.lists(st.integers(1, 4), max_size=30))
    return [3 * person for person, count in enumerate(counts) for _ in range(count)]


@given(labellings(), st.floats(0, 0.9), seeds)
def test_nobody_is_both_learnt_from_and_held_out(
    labels: list[int], share: float, seed: int
) -> None:
    learn, held = hold_out(labels, share, seed)
    assert sorted(learn + held) == sorted(set(labels))
    paired = {label for label in labels if labels.count(label) > 1}
    assert set(held) <= paired
    if share == 0 or len(paired) < 4:
        assert held == ()
    else:
        assert len(held) == min(max(round(share * len(paired)), 2), len(paired) - 2)
    assert hold_out(labels, share, seed) == (learn, held)
    assert hold_out(labels[::-1], share, seed) == (learn, held)


def test_as_many_are_held_out_as_can_be() -> None:
    def held(people: int, share: float, least: int = 2) -> int:
        return len(hold_out(list(range(people)) * 2, share, 0, least)[1])

    assert [held(people, 0.1) for people in (2, 3, 4, 5, 24, 25, 40)] == [0, 0, 2, 2, 2, 2, 4]
    assert [held(4, share) for share in (0.0, 1e-9, 0.5, 0.9)] == [0, 2, 2, 2]
    assert [held(6, share) for share in (0.5, 0.67, 0.9)] == [3, 4, 4]
    assert held(0, 0.5) == held(1, 0.5) == 0


def test_to_learn_from_one_picture_somebody_without_a_pair_is_left() -> None:
    labels = [0, 0, 1, 1, 2, 3]
    assert hold_out(labels, 0.5, 0, 2) == ((0, 1, 2, 3), ())
    assert hold_out(labels, 0.5, 0, 1) == ((2, 3), (0, 1))
    assert hold_out(labels[:-1], 0.5, 0, 1)[1] == ()


@given(st.integers(2, 12), st.integers(2, 4), st.floats(0.01, 0.9), seeds)
def test_those_held_out_have_pairs_of_both_kinds(
    people: int, pictures: int, share: float, seed: int
) -> None:
    labels = [person for person in range(people) for _ in range(pictures)]
    _, held = hold_out(labels, share, seed)
    assert bool(held) == (people >= 4)
    if held:
        pairs = draw_pairs([label for label in labels if label in held], seed)
        assert pairs.genuine.any()
        assert not pairs.genuine.all()


def test_who_is_held_out_depends_on_the_seed() -> None:
    assert len({hold_out(list(range(40)) * 2, 0.2, seed)[1] for seed in range(10)}) == 10


@given(labellings(), seeds, st.integers(1, 30))
def test_pairs_are_balanced_and_rightly_flagged(labels: list[int], seed: int, most: int) -> None:
    count = len(labels)
    every = [(i, j) for i in range(count) for j in range(i + 1, count)]
    same = sum(labels[i] == labels[j] for i, j in every)
    if not 0 < same < len(every):
        with pytest.raises(ArgumentError, match="two people, and two pictures of one"):
            draw_pairs(labels, seed, most)
        return
    pairs = draw_pairs(labels, seed, most)
    wanted = min(same, len(every) - same, most)
    assert pairs.genuine.sum() == (~pairs.genuine).sum() == wanted
    named = list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    assert len({frozenset(pair) for pair in named}) == len(named)
    for (a, b), genuine in zip(named, pairs.genuine, strict=True):
        assert a != b
        assert (labels[a] == labels[b]) == genuine
    again = draw_pairs(labels, seed, most)
    assert list(zip(again.a.tolist(), again.b.tolist(), strict=True)) == named


def test_pairs_depend_on_the_seed_and_are_of_anybody() -> None:
    labels = [i // 5 for i in range(100)]
    drawn = [draw_pairs(labels, seed, 20) for seed in range(40)]
    assert len({tuple(pairs.a.tolist()) for pairs in drawn}) == 40
    seen = {int(i) for pairs in drawn for i in (*pairs.a, *pairs.b)}
    assert seen == set(range(100))


def test_distances_are_euclidean_pair_by_pair() -> None:
    pairs = draw_pairs([0, 0, 1], 0)
    rows = np.array([[0, 0], [3, 4], [6, 8]], "f4")
    found = distances_of_pairs(rows, pairs)
    assert found.dtype == np.float64
    wanted = [np.hypot(*(rows[a] - rows[b])) for a, b in zip(pairs.a, pairs.b, strict=True)]
    np.testing.assert_allclose(found, wanted)


distances = st.lists(st.integers(0, 12).map(lambda k: k / 8), min_size=1, max_size=12)


@given(distances, distances)
def test_rates_are_those_of_trying_everything(genuine: list[float], impostors: list[float]) -> None:
    one, two = np.array(genuine), np.array(impostors)
    found = validated(one, two)
    thresholds = [k / 16 for k in range(30)]
    right = [((one <= t).sum() + (two > t).sum()) for t in thresholds]
    every = len(one) + len(two)
    assert found.accuracy == pytest.approx(max(right) / every)
    at_it = (one <= found.threshold).sum() + (two > found.threshold).sum()
    assert at_it / every == pytest.approx(found.accuracy)
    chances = [(g < i) + (g == i) / 2 for g in genuine for i in impostors]
    assert found.area == pytest.approx(sum(chances) / len(chances))


def test_a_network_that_collapsed_is_not_praised() -> None:
    zeros = np.zeros(5)
    found = validated(zeros, zeros)
    assert (found.area, found.accuracy) == (0.5, 0.5)
