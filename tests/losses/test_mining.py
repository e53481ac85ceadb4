"""Mined triplets against loops over every anchor, positive and negative."""

from __future__ import annotations

import time
import tracemalloc
from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array
from npfacenet.losses import OnlineTripletLoss, TripletLoss
from npfacenet.losses.mining import Mining
from npfacenet.testing.embedding_strategies import Clusters, clusters

MININGS: tuple[Mining, ...] = get_args(Mining)
every_mining = pytest.mark.parametrize("mining", MININGS)
# Spread out, so that people overlap and the minings differ.
crowds = clusters(dimension=4, spread=0.6).filter(
    lambda drawn: len(set(drawn.labels)) < len(drawn.labels)
)
margins = st.sampled_from([0.05, 0.2, 1.0, 5.0])


def squared(x: Array, i: int, j: int) -> float:
    return float(np.square(x[i] - x[j]).sum())


def candidates(mining: Mining, x: Array, labels: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Return the candidates of a mining, by its definition."""
    everybody = range(len(labels))
    found = []
    for a in everybody:
        positives = [p for p in everybody if p != a and labels[p] == labels[a]]
        negatives = [n for n in everybody if labels[n] != labels[a]]
        if mining == "batch-all":
            found += [(a, p, n) for p, n in product(positives, negatives)]
        elif mining == "batch-hard":
            if positives:
                p = max(positives, key=lambda p: squared(x, a, p))
                found.append((a, p, min(negatives, key=lambda n: squared(x, a, n))))
        else:
            for p in positives:
                farther = [n for n in negatives if squared(x, a, n) > squared(x, a, p)]
                if farther:
                    found.append((a, p, min(farther, key=lambda n: squared(x, a, n))))
    return found


@every_mining
@given(crowd=crowds, margin=margins)
def test_mining_equals_its_definition(mining: Mining, crowd: Clusters, margin: float) -> None:
    x = crowd.values.astype("float64")
    triplets = candidates(mining, x, crowd.labels)
    total, active, gradient = 0.0, 0, np.zeros_like(x)
    for a, p, n in triplets:
        loss = squared(x, a, p) - squared(x, a, n) + margin
        if loss > 0:
            total, active = total + loss, active + 1
            gradient[a] += 2 * (x[n] - x[p])
            gradient[p] += 2 * (x[p] - x[a])
            gradient[n] += 2 * (x[a] - x[n])
    count = max(len(triplets) if mining == "batch-hard" else active, 1)
    found = OnlineTripletLoss(margin, mining).value_and_gradient(x, np.array(crowd.labels))
    assert found.value == pytest.approx(total / count, abs=1e-12)
    np.testing.assert_allclose(found.gradient, gradient / count, atol=1e-12)
    assert found.measures["triplets"] == len(triplets)
    assert found.measures["active"] == pytest.approx(active / max(len(triplets), 1))


@every_mining
@given(crowd=crowds)
def test_only_distances_count(mining: Mining, crowd: Clusters) -> None:
    """Moving or rotating all embeddings changes no loss, so the gradients add up to zero."""
    loss, labels = OnlineTripletLoss(0.3, mining), np.array(crowd.labels)
    x = crowd.values.astype("float64")
    rotation = np.linalg.qr(np.random.default_rng(18).standard_normal((4, 4)))[0]
    found, moved = (loss.value_and_gradient(y, labels) for y in (x, x @ rotation + 1.5))
    assert moved.value == pytest.approx(found.value, abs=1e-9)
    np.testing.assert_allclose(moved.gradient, found.gradient @ rotation, atol=1e-9)
    np.testing.assert_allclose(found.gradient.sum(axis=0), 0, atol=1e-12)


# On a line: one person at 0 and 2, another at 1, 3 and 9.
LINE, PEOPLE = np.array([[0.0], [2.0], [1.0], [3.0], [9.0]]), np.array([0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("mining", "value", "active", "triplets"),
    [
        # batch-all, by anchor: 0: 4-1, 4-9, 4-81; 2: 4-1, 4-1, 4-49;
        # 1: (4, 64)-(1, 1); 3: (4, 36)-(9, 1); 9: (64, 36)-(81, 49); each + 1, where positive.
        ("batch-all", (4 + 4 + 4 + 4 + 4 + 64 + 64 + 4 + 28 + 36 + 16) / 11, 11 / 18, 18),
        # batch-hard: 4-1, 4-1, 64-1, 36-1, 64-49; each + 1.
        ("batch-hard", (4 + 4 + 64 + 36 + 16) / 5, 1.0, 5),
        # semi-hard: 0 to 2: 9; 2 to 0: 49; 1 to 3 and to 9: none farther; 3 to 1: 9, to 9: none;
        # 9 to 1: 81, to 3: 49; no loss below the margin.
        ("semi-hard", 0.0, 0.0, 5),
    ],
)
def test_a_batch_worked_out_by_hand(
    mining: Mining, value: float, active: float, triplets: int
) -> None:
    found = OnlineTripletLoss(1.0, mining).value_and_gradient(LINE, PEOPLE)
    assert found.value == pytest.approx(value)
    assert found.measures == {"active": pytest.approx(active), "triplets": triplets}


def test_semi_hard_takes_the_nearest_of_those_farther_than_the_positive() -> None:
    # From 0, the positive is at 1, negatives at 0.5 (too near), 1.1 and 1.2.
    x, labels = np.array([[0.0], [1.0], [0.5], [1.1], [-1.2]]), np.array([0, 0, 1, 2, 3])
    found = OnlineTripletLoss(0.25).value_and_gradient(x, labels)
    # From 1, the only negative farther than 0 is at -1.2: 1 - 4.84 + 0.25 is no loss.
    assert found.value == pytest.approx(1 - 1.21 + 0.25)
    np.testing.assert_allclose(found.gradient, [[0.2], [2.0], [0.0], [-2.2], [0.0]], atol=1e-12)
    assert found.measures == {"active": 0.5, "triplets": 2.0}


def test_a_negative_as_far_as_the_positive_is_not_semi_hard() -> None:
    x, labels = np.array([[0.0], [1.0], [-1.0]]), np.array([0, 0, 1])
    found = OnlineTripletLoss(10.0).value_and_gradient(x, labels)
    assert (found.value, found.measures["triplets"]) == (1 - 4 + 10, 1)  # from 1 only


@every_mining
def test_no_active_triplet_is_no_loss(mining: Mining) -> None:
    x, labels = np.array([[0.0], [0.1], [5.0]], "f4"), np.array([0, 0, 1])
    found = OnlineTripletLoss(0.2, mining).value_and_gradient(x, labels)
    assert (found.value, found.measures["active"]) == (0, 0)
    np.testing.assert_array_equal(found.gradient, np.zeros_like(x))


def test_no_semi_hard_candidate_is_no_loss() -> None:
    x, labels = np.array([[0.0], [3.0], [1.0]]), np.array([0, 0, 1])
    found = OnlineTripletLoss().value_and_gradient(x, labels)
    assert (found.value, found.measures) == (0, {"active": 0, "triplets": 0})
    assert not found.gradient.any()


@every_mining
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([5, 5, 5], "all 3 are of one identity"),
        ([0, 1, 2], "no identity has two pictures"),
        ([4], "of one identity"),
    ],
)
def test_a_batch_without_a_triplet_is_refused(mining: Mining, labels: list[int], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        OnlineTripletLoss(0.2, mining).value_and_gradient(np.eye(len(labels)), np.array(labels))


def test_near_points_far_from_the_origin_keep_their_distances() -> None:
    x = (1000 + np.array([[0.0], [0.25], [0.5]])).astype("f4")  # exact in float32
    found = OnlineTripletLoss(0.25, "batch-hard").value_and_gradient(x, np.array([0, 0, 1]))
    assert found.value == (0.0625 - 0.25 + 0.25 + 0.25) / 2


@given(st.integers(0, 2**32 - 1))
def test_batch_all_of_two_and_one_is_the_mean_of_two_chosen_triplets(seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((3, 4))
    chosen = np.stack([x[[0, 1]], x[[1, 0]], x[[2, 2]]])
    mined = OnlineTripletLoss(9.0, "batch-all").value_and_gradient(x, np.array([0, 0, 1]))
    by_hand = TripletLoss(9.0).value_and_gradient(chosen)
    active = round(2 * by_hand.measures["active"])
    assert mined.value == pytest.approx(by_hand.value / max(active, 1))


@every_mining
def test_192_pictures_take_little_time_and_memory(mining: Mining, rng: np.random.Generator) -> None:
    loss, labels = OnlineTripletLoss(0.2, mining), np.arange(192) % 6
    x = rng.standard_normal((192, 128)).astype("f4")
    tracemalloc.start()
    loss.value_and_gradient(x, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    times = []
    for _ in range(5):
        start = time.perf_counter()
        loss.value_and_gradient(x, labels)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.25  # 10 to 20 ms on an idle machine
