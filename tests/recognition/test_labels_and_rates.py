"""Labels are booleans, and rates are the decimals that were written."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, EvaluationError, TrainingError
from npfacenet.recognition.calibration import ErrorRate, calibrate, errors_allowed, errors_at
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import accuracy, best_threshold, evaluate, true_accept_rate
from npfacenet.recognition.reliability import reliability
from npfacenet.training.pair_fitting import fit_pair_head

NAN = float("nan")
PAIRS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
NOT_LABELS: tuple[Any, ...] = (
    *([-1, 1, 1], ["no", "yes", "no"], [0, 1, 2], [None, True, False], [NAN, 1, 0]),
    *([0.5, 1.0, 0.0], [0.0, 1.0, 0.0], [2, 1, 0], [True, False, 3], [b"", b"x", b"x"]),
    *(np.array(["True", "False", ""]), np.array([1, 0, 1], "M8[D]"), [[True], [False], []]),
    *(np.ma.array([True, False, True], mask=[False, False, True]), [True, None, False]),
)


@pytest.mark.parametrize("labels", NOT_LABELS, ids=str)
def test_what_is_not_a_boolean_is_not_a_label(labels: Any) -> None:
    with pytest.raises(EvaluationError, match="labels"):
        reliability([0.1, 0.5, 0.9], labels)
    with pytest.raises(EvaluationError, match="labels"):
        evaluate([[0.1, 0.5, 0.9]] * 2, [[True, False, False], labels])
    with pytest.raises(EvaluationError, match="labels"):
        best_threshold(np.array([0.1, 0.5, 0.9]), labels)
    with pytest.raises(TrainingError, match="labels"):
        fit_pair_head(PAIRS, PAIRS[::-1], labels, steps=1)


@pytest.mark.parametrize("kind", [np.bool_, np.int64, np.uint8])
def test_booleans_and_whole_zeros_and_ones_are_labels(kind: type[np.generic]) -> None:
    labels = np.array([True, False, True])
    for same in (labels.astype(kind), labels.astype(kind).tolist()):
        assert reliability([0.1, 0.5, 0.9], same) == reliability([0.1, 0.5, 0.9], labels)
        one, other = (fit_pair_head(PAIRS, PAIRS[::-1], x, steps=2) for x in (same, labels))
        np.testing.assert_array_equal(one.weights, other.weights)


@given(st.decimals(0, 1, places=4), st.integers(0, 100_000))
def test_as_many_errors_are_allowed_as_the_decimal_says(rate: Decimal, trials: int) -> None:
    expected = int((rate * trials).to_integral_value(ROUND_FLOOR))
    assert errors_allowed(float(rate), trials) == expected
    assert errors_allowed(np.float64(float(rate)), trials) == expected
    assert errors_allowed(np.float32(str(rate)), trials) == expected  # type: ignore[arg-type]  # serves too


@given(st.decimals("0.01", "0.99", places=2), st.integers(300, 1000))
def test_calibration_makes_as_many_errors_as_are_allowed(rate: Decimal, pairs: int) -> None:
    impostors = np.linspace(0.5, 1.5, pairs)
    expected = int((rate * pairs).to_integral_value(ROUND_FLOOR))
    assert calibrate([0.5], impostors, float(rate)).false_match.errors == expected
    found = true_accept_rate(np.array([0.5]), impostors, float(rate))
    assert found.threshold is not None
    assert int((impostors <= found.threshold).sum()) == expected


def test_known_rates() -> None:
    assert calibrate([0.5], np.linspace(1, 2, 100), 0.29).false_match.errors == 29
    assert calibrate([0.5], np.linspace(1, 2, 10_000), 0.0003).false_match.errors == 3
    assert true_accept_rate(np.zeros(1), np.linspace(1, 2, 10_000), 0.0003).rate is not None
    for pairs, rate, needed in ((9_999, 0.0003, "10000"), (42, 0.07, "43"), (299, 0.01, "300")):
        with pytest.raises(EvaluationError, match=f"{pairs} impostor pairs .* {needed} could"):
            calibrate([0.5], np.linspace(1, 2, pairs), rate)
        calibrate([0.5], np.linspace(1, 2, int(needed)), rate)


@pytest.mark.parametrize("rate", [NAN, float("inf"), -0.1, 1.1, "0.5", None, True, 10**400, [0.5]])
def test_what_is_not_a_rate_is_refused(rate: float) -> None:
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        calibrate([0.5], np.linspace(1, 2, 1200), rate)
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        evaluate([[0.1, 0.9]] * 2, [[True, False]] * 2, [0.01, rate])
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        true_accept_rate(np.array([0.5]), np.array([1.0]), rate)


def test_thresholds_that_are_not_distances_count_nothing() -> None:
    for threshold in (NAN, float("inf"), -0.1, None, "0.5"):
        with pytest.raises(ArgumentError, match="a finite distance >= 0"):
            errors_at(threshold, [0.5], [1.0])  # type: ignore[arg-type]  # the fault under test


@pytest.mark.parametrize("bins", [2.5, True, 0, -1, 10**400, "2", None, NAN, np.array([2])])
def test_bins_are_counted(bins: int) -> None:
    with pytest.raises(EvaluationError, match="bins are a whole number from 1 to"):
        reliability([0.5], [True], bins)


@given(st.integers(0, 1000), st.sampled_from([1, 3, 7, 10, 100, 1000]))
def test_a_probability_lies_in_its_bin_though_products_round(i: int, bins: int) -> None:
    said = min(i, bins) / bins
    (row,) = reliability([said], [True], bins).bins
    assert row.low <= said < row.high or (said == row.high == 1)
    assert reliability([said], [True], np.int64(bins)).bins == (row,)  # type: ignore[arg-type]  # serves too


def test_folds_that_do_not_correspond_are_refused() -> None:
    for distances, labels in (
        ([[0.1, 0.9]] * 3, [[True, False]] * 2),
        ([[0.1, 0.9]] * 2, [[True, False]] * 3),
        ([[0.1, 0.9]] * 2, []),
        ([], []),
    ):
        with pytest.raises(EvaluationError, match="folds"):
            evaluate(distances, labels)
    with pytest.raises(EvaluationError, match="two folds"):
        accuracy([(np.array([0.1, 0.9]), np.array([True, False]))])
    generated = evaluate(iter([[0.2, 1.2], [0.3, 1.1]]), iter([[True, False]] * 2))  # type: ignore[arg-type]  # serves too
    assert generated.accuracy.mean == 1


def test_rows_that_are_not_pairs_have_no_distances() -> None:
    from npfacenet.errors import EmbeddingError

    np.testing.assert_array_equal(paired_distances(PAIRS, PAIRS), np.zeros(3))
    with pytest.raises(EmbeddingError, match="3 and 1 embeddings are not pairs"):
        paired_distances(PAIRS, PAIRS[:1])


def test_errors_are_counted_among_trials() -> None:
    for errors, trials in ((-1, 3), (4, 3), (0, 0), (1.5, 3), (True, 3), (0, None)):
        with pytest.raises(EvaluationError, match="is a whole number from"):
            ErrorRate(errors, trials)  # type: ignore[arg-type]  # the fault under test


def test_huge_distances_do_not_overflow() -> None:
    huge = [1e308, 1.5e308, 1.7e308]
    evaluation = evaluate([huge, huge], [[True, False, False]] * 2)
    assert evaluation.accuracy.thresholds == (1.25e308, 1.25e308)
    assert calibrate([0.5], np.full(300, 1.7e308), 0.5).threshold < 1.7e308
