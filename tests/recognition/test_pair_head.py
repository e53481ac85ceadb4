"""Verification as binary classification, and whether its probabilities mean what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.checkpoints.state_files import write_state
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    EvaluationError,
    FingerprintError,
    OutputError,
    TrainingError,
    WeightsError,
)
from npfacenet.models import Embeddings
from npfacenet.recognition.pair_head import PairHead, Similarity, read_pair_head
from npfacenet.recognition.reliability import reliability
from npfacenet.training.pair_fitting import fit_pair_head

SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)
both = pytest.mark.parametrize("similarity", SIMILARITIES)


def drawn_pairs(
    rng: np.random.Generator, count: int = 600, spread: float = 0.5, share: float = 0.5
) -> tuple[Embeddings, Embeddings, np.ndarray]:
    """Pairs of noisy unit vectors around one centre, or around two."""
    genuine = rng.random(count) < share
    centre = rng.standard_normal((count, 8))
    other = np.where(genuine[:, None], centre, rng.standard_normal((count, 8)))
    sides = (x + spread * rng.standard_normal(x.shape) for x in (centre, other))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides)
    return Embeddings(a.astype("f4"), "a" * 64), Embeddings(b.astype("f4"), "a" * 64), genuine


@both
def test_the_probability_is_the_logistic_of_the_features(similarity: Similarity) -> None:
    a, b = np.array([[0.5, -0.25, 0.0]]), np.array([[0.1, 0.75, 0.0]])
    head = PairHead(similarity, np.array([1.0, -2.0, 3.0], "f4"), 0.5)
    features = np.abs(a - b)
    if similarity == "chi-square":
        features = np.array([[0.4**2 / 0.6, 1.0**2 / 1.0, 0.0]])
    expected = 1 / (1 + np.exp(-(features @ [1.0, -2.0, 3.0] + 0.5)))
    np.testing.assert_allclose(head.probability(a, b), expected, rtol=1e-6)


@both
def test_a_fitted_head_is_calibrated_on_pairs_it_has_not_seen(
    similarity: Similarity, rng: np.random.Generator
) -> None:
    head = fit_pair_head(*drawn_pairs(rng, 3000), similarity)
    a, b, genuine = drawn_pairs(rng, 3000)
    table = reliability(head.probability(a, b), genuine, bins=5)
    assert table.accuracy > 0.8
    assert table.calibration_error < 0.05
    assert np.array_equal(head.probability(a, b), head.probability(b, a))


def test_many_impostors_do_not_change_what_a_probability_means(rng: np.random.Generator) -> None:
    even = fit_pair_head(*drawn_pairs(rng, 4000))
    uneven = fit_pair_head(*drawn_pairs(rng, 4000, share=0.1))
    a, b, _ = drawn_pairs(rng, 500)
    assert np.abs(even.probability(a, b) - uneven.probability(a, b)).mean() < 0.06


def test_a_head_comes_back_from_its_file(tmp_path: Path, rng: np.random.Generator) -> None:
    a, b, genuine = drawn_pairs(rng, 50)
    head = fit_pair_head(a, b, genuine, "chi-square", steps=5)
    head.save(tmp_path / "head.h5")
    again = read_pair_head(tmp_path / "head.h5")
    assert (again.similarity, again.fingerprint) == (head.similarity, head.fingerprint)
    assert np.array_equal(again.probability(a, b), head.probability(a, b))
    (tmp_path / "cut.h5").write_bytes((tmp_path / "head.h5").read_bytes()[:900])
    with pytest.raises(WeightsError, match=r"cut\.h5"):
        read_pair_head(tmp_path / "cut.h5")


def test_what_cannot_be_compared_is_refused(rng: np.random.Generator) -> None:
    a, b, genuine = drawn_pairs(rng, 20)
    head = fit_pair_head(a, b, genuine, steps=2)
    other = Embeddings(a.values, "b" * 64)
    with pytest.raises(FingerprintError, match="another model"):
        head.probability(other, other)
    with pytest.raises(EmbeddingError, match="20 and 3 embeddings"):
        head.probability(a, b[:3])
    with pytest.raises(EmbeddingError, match="vectors of 8 numbers, not 4"):
        head.probability(a.values[:, :4], b.values[:, :4])
    for labels in (np.ones(20, bool), np.zeros(20, bool), np.ones(3, bool)):
        with pytest.raises(TrainingError, match="genuine and impostor pairs"):
            fit_pair_head(a, b, labels)
    with pytest.raises(ArgumentError, match="absolute or chi-square"):
        PairHead("cosine", np.ones(3, "f4"), 0.0)  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(ArgumentError, match="finite"):
        PairHead("absolute", np.array([np.nan], "f4"), 0.0)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 12),
)
def test_a_reliability_table_counts_every_pair(pairs: list[tuple[float, bool]], bins: int) -> None:
    said, so = zip(*pairs, strict=True)
    table = reliability(said, so, bins)
    assert sum(row.pairs for row in table.bins) == len(pairs)
    assert sum(row.pairs * row.observed for row in table.bins) == pytest.approx(sum(so))
    assert sum(row.pairs * row.predicted for row in table.bins) == pytest.approx(sum(said))
    assert all(row.low <= row.predicted + 1e-9 <= row.high + 2e-9 for row in table.bins)
    assert 0 <= table.calibration_error <= 1


def test_probabilities_that_are_none_are_refused() -> None:
    for said, so in (([1.1], [True]), ([0.5], [True, False]), ([], []), ([np.nan], [True])):
        with pytest.raises(EvaluationError):
            reliability(said, so)


LARGEST = float(np.finfo(np.float32).max)
float32s = st.floats(-LARGEST, LARGEST, width=32)


@given(similarity=st.sampled_from(SIMILARITIES), data=st.data())
def test_probabilities_are_numbers_from_0_to_1_and_survive_saving(
    similarity: Similarity, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = st.lists(st.tuples(float32s, float32s, float32s), min_size=2, max_size=2)
    a, b = data.draw(rows), data.draw(rows)
    head = PairHead(similarity, np.array(data.draw(rows)[0], np.float32), data.draw(float32s))
    said = head.probability(a, b)
    assert ((said >= 0) & (said <= 1)).all()
    np.testing.assert_array_equal(said, head.probability(b, a))
    path = tmp_path_factory.getbasetemp() / "head.h5"
    head.save(path)
    np.testing.assert_array_equal(read_pair_head(path).probability(a, b), said)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_far_beyond_every_bound_it_is_certain(similarity: Similarity) -> None:
    head = PairHead(similarity, np.array([3e38, 3e38], "f4"), -3e38)
    assert head.probability([3e38, -3e38], [-3e38, 3e38]) == 1
    assert head.probability([0, 0], [0, 0]) == 0


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        ([1e39], 0), ([1.0], 1e39), ([1.0], 10**400), ([1.0], "0"), ([1.0], None), ([], 0.0),
        ([[1.0]], 0.0), (["1"], 0.0), (None, 0.0), (np.ma.array([1.0], mask=[True]), 0.0),
        ([1j], 0.0), ([1.0], float("nan")), ([1.0], True), (np.array([1.0], object), 0.0),
    ],
)  # fmt: skip
def test_a_head_that_could_not_be_read_again_is_not_made(weights: object, bias: object) -> None:
    with pytest.raises(ArgumentError):
        PairHead("absolute", weights, bias)  # type: ignore[arg-type]  # the fault under test


def test_a_bias_is_kept_as_it_is_saved(tmp_path: Path) -> None:
    head = PairHead("absolute", np.ones(1, "f4"), 0.1)
    head.save(tmp_path / "head.h5")
    assert read_pair_head(tmp_path / "head.h5").bias == head.bias == np.float32(0.1)


@pytest.mark.parametrize(
    ("rows", "record"),
    [
        ({"weights": np.ones(2, "f4"), "bias": np.ones(2, "f4")}, {}),
        ({"weights": np.ones(2, "f4")}, {}),
        ({"weights": np.ones(0, "f4"), "bias": np.ones(1, "f4")}, {}),
        ({"weights": np.ones(2, "f4"), "bias": np.ones(1, "f4")}, {"fingerprint": ["x"]}),
        ({"weights": np.ones(2, "f4"), "bias": np.ones(1, "f4")}, {"similarity": "cosine"}),
        ({"weights": np.ones(2, "f4"), "bias": np.ones(1, "f4")}, {"similarity": None}),
    ],
    ids=str,
)
def test_other_records_are_not_pair_heads(
    tmp_path: Path, rows: dict[str, np.ndarray], record: dict[str, object]
) -> None:
    path = tmp_path / "head.h5"
    write_state(path, rows, {"similarity": "absolute", "fingerprint": None} | record)
    with pytest.raises(WeightsError, match=r"head\.h5"):
        read_pair_head(path)


def test_paths_that_are_none_are_refused(tmp_path: Path) -> None:
    head = PairHead("absolute", np.ones(1, "f4"), 0.1)
    for path in (None, "", 3, "a\0b"):
        with pytest.raises(OutputError, match="has a path, not"):
            head.save(path)  # type: ignore[arg-type]  # the fault under test
        with pytest.raises(WeightsError, match="has a path, not"):
            read_pair_head(path)  # type: ignore[arg-type]  # the fault under test


@both
def test_embeddings_too_large_to_fit_to_are_refused(
    similarity: Similarity, rng: np.random.Generator
) -> None:
    a, b, genuine = drawn_pairs(rng, 20)
    fit_pair_head(a.values * np.float32(1e12), b.values * np.float32(1e12), genuine, similarity)
    for scale in (1e13, 1e38):
        one, other = (each.values * np.float32(scale) for each in (a, b))
        with pytest.raises(TrainingError, match="too large to fit a head to"):
            fit_pair_head(one, other, genuine, similarity)


@pytest.mark.parametrize(
    "choice",
    [{"steps": 0}, {"steps": 2.5}, {"steps": True}, {"steps": None}, {"steps": 10**400},
     {"weight_decay": -1}, {"weight_decay": 1}, {"weight_decay": None}, {"weight_decay": np.nan},
     {"similarity": None}, {"similarity": ["absolute"]}],
    ids=str,
)  # fmt: skip
def test_choices_that_there_are_not_are_refused(
    choice: dict[str, Any], rng: np.random.Generator
) -> None:
    with pytest.raises(ArgumentError):
        fit_pair_head(*drawn_pairs(rng, 20), **choice)
