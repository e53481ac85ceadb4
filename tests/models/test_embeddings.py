"""Embeddings as a frozen sequence that NumPy takes for an array."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_embeddings import assert_same, drawn_embeddings
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import EmbeddingError
from npfacenet.models import Embeddings

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
SOURCES: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def four() -> Embeddings:
    return Embeddings(ROWS, "f" * 64, None, SOURCES)


@given(st.integers(-6, 5))
def test_indexing_is_that_of_a_sequence(index: int) -> None:
    if -4 <= index < 4:
        one = four()[index]
        assert one.sources == (SOURCES[index],)
        np.testing.assert_array_equal(one.values, ROWS[index : index + 1 or None][:1])
        assert one.fingerprint == "f" * 64
    else:
        with pytest.raises(IndexError):
            four()[index]


@given(st.slices(4))
def test_slices_and_lists_of_rows(rows: slice) -> None:
    part = four()[rows]
    assert part.sources == SOURCES[rows]
    np.testing.assert_array_equal(part.values, ROWS[rows])
    np.testing.assert_array_equal(four()[list(range(4))[rows]].values, ROWS[rows])


def test_iteration_gives_one_after_the_other() -> None:
    rows = list(four())
    assert [row.sources[0] for row in rows] == list(SOURCES)
    assert [row.values.shape for row in rows] == [(1, 3)] * 4


def test_numpy_takes_them_for_an_array() -> None:
    np.testing.assert_array_equal(np.asarray(four()), ROWS)
    assert np.asarray(four(), np.float64).dtype == np.float64
    copy = np.array(four())
    copy[0] = 9
    np.testing.assert_array_equal(np.asarray(four())[0], ROWS[0])
    assert np.shares_memory(np.asarray(e := four()), e.values)


def test_they_cannot_be_written_to_and_keep_their_own_numbers() -> None:
    given_rows = ROWS.copy()
    embeddings = Embeddings(given_rows)
    given_rows[0] = 99
    np.testing.assert_array_equal(embeddings.values, ROWS)
    with pytest.raises(ValueError, match="read-only"):
        embeddings.values[0] = 1
    with pytest.raises(AttributeError):
        embeddings.fingerprint = "x"  # type: ignore[misc]  # the fault under test


def test_they_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(four()))  # noqa: S301
    np.testing.assert_array_equal(again.values, ROWS)
    assert again.sources == SOURCES


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(EmbeddingError, match="1 sources for 4 embeddings"):
        Embeddings(ROWS, sources=("a.jpg",))
    with pytest.raises(EmbeddingError, match=r"shape \(N, D\) or \(D,\), not \(1, 1, 1\)"):
        Embeddings.of([[[1.0]]])
    with pytest.raises(EmbeddingError, match="NaN"):
        Embeddings.of([np.nan])


def test_repr_is_short() -> None:
    assert repr(four()) == "<Embeddings (4, 3), fingerprint ffffffffffff>"


@pytest.mark.parametrize("index", [True, None, "a", 1.5, (0, 1), 4, -5, 10**400], ids=repr)
def test_rows_that_there_are_not_are_an_index_error(index: Any) -> None:
    with pytest.raises(IndexError):
        four()[index]


@pytest.mark.parametrize(
    "field",
    [{"fingerprint": 3}, {"sources": None}, {"sources": "abcd"}, {"sources": (1, 2, 3, 4)},
     {"skipped": ("a.jpg",)}, {"skipped": 3}, {"threshold": 0.7}],
    ids=str,
)  # fmt: skip
def test_fields_of_another_type_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(EmbeddingError):
        Embeddings(ROWS, **field)


def test_lists_become_tuples() -> None:
    assert Embeddings(ROWS, sources=list(SOURCES)).sources == SOURCES  # type: ignore[arg-type]  # converted


def test_iteration_takes_as_long_as_there_are_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = Embeddings(np.zeros((50, 2), np.float32))
    monkeypatch.setattr(np, "arange", None)  # all row numbers for each row: quadratic
    assert len(list(embeddings)) == 50


@given(drawn_embeddings())
def test_iteration_is_indexing(embeddings: Embeddings) -> None:
    rows = list(embeddings)
    assert len(rows) == len(embeddings)
    for i, row in enumerate(rows):
        assert_same(row, embeddings[i])
        for name in ("sources", "positions", "faces"):
            assert getattr(row, name) == getattr(embeddings, name)[i : i + 1]
        assert row.values.tobytes() == embeddings.values[i].tobytes()
        assert not np.shares_memory(row.values, embeddings.values)  # or a row keeps all in memory
        shared = replace(row, sources=(), positions=(), faces=(), values=embeddings.values)
        bare = replace(embeddings, sources=(), positions=(), faces=(), skipped=())
        assert_same(shared, bare)


def test_rows_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = four()
    monkeypatch.setattr(Embeddings, "__post_init__", None)  # called, it would fail
    assert [row.sources for row in embeddings] == [(source,) for source in SOURCES]
    assert embeddings[1:3].sources == SOURCES[1:3]
