"""Embeddings of one model as one: `Embeddings.concatenate`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_embeddings import assert_same, drawn_embeddings, of_one_model
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import EmbeddingError, FingerprintError
from npfacenet.faces.choice import ChosenFace
from npfacenet.models import Embeddings, Skipped

KNOWN = Embeddings(np.eye(2, dtype=np.float32), "f" * 64)
FACES = tuple(ChosenFace((0.0, 0.0, i, i), (), 1.0, 0, 1) for i in (9.0, 8.0))


@given(of_one_model())
def test_it_does_not_matter_which_are_joined_first(
    three: tuple[Embeddings, Embeddings, Embeddings],
) -> None:
    a, b, c = three
    together = Embeddings.concatenate(three)
    assert_same(Embeddings.concatenate([Embeddings.concatenate([a, b]), c]), together)
    assert_same(Embeddings.concatenate([a, Embeddings.concatenate([b, c])]), together)


@given(of_one_model())
def test_slices_are_the_parts(three: tuple[Embeddings, Embeddings, Embeddings]) -> None:
    together = Embeddings.concatenate(three)
    start = 0
    for part in three:
        found = together[start : start + len(part)]
        start += len(part)
        np.testing.assert_array_equal(found.values, part.values)
        for name in ("sources", "faces"):
            known_of_all = all(getattr(one, name) for one in three if len(one))
            assert getattr(found, name) == (getattr(part, name) if known_of_all else ())
        assert found.fingerprint == part.fingerprint
        assert part.preparation in (None, found.preparation)
        assert part.threshold is None or found.threshold is not None
    assert start == len(together)


@given(drawn_embeddings())
def test_one_stays_as_it_is(one: Embeddings) -> None:
    assert_same(Embeddings.concatenate([one]), one)


@given(drawn_embeddings())
def test_no_rows_change_nothing(one: Embeddings) -> None:
    none = replace(one[:0], skipped=())
    assert_same(Embeddings.concatenate([none, one, none]), one)


@given(drawn_embeddings(), st.integers(0, 4))
def test_parts_make_the_whole(whole: Embeddings, cut: int) -> None:
    again = Embeddings.concatenate([whole[:cut], whole[cut:]])
    positions = whole.positions if cut in (0, *range(len(whole), 5)) else ()
    assert_same(again, replace(whole, skipped=(), positions=positions))


def test_rows_of_an_iterator_are_joined() -> None:
    np.testing.assert_array_equal(Embeddings.concatenate(iter(KNOWN)).values, KNOWN.values)


def test_what_was_skipped_is_kept_without_its_place() -> None:
    first = replace(KNOWN, skipped=(Skipped("a.jpg", "a.jpg shows no face", 2, no_face=True),))
    other = replace(KNOWN, skipped=(Skipped("b.txt", "b.txt is not a picture"),), positions=(0, 1))
    together = Embeddings.concatenate([first, other])
    assert together.skipped == (replace(first.skipped[0], position=None), *other.skipped)
    assert together.positions == ()


def test_sources_and_faces_are_kept_if_all_have_them() -> None:
    named = replace(KNOWN, sources=("a.jpg", "b.jpg"), faces=FACES)
    assert Embeddings.concatenate([named, named[:1]]).sources == ("a.jpg", "b.jpg", "a.jpg")
    assert Embeddings.concatenate([named, named[:1]]).faces == (*FACES, FACES[0])
    assert Embeddings.concatenate([named, KNOWN]).sources == ()
    assert Embeddings.concatenate([KNOWN, named]).faces == ()


def test_evidence_is_that_of_the_first_in_the_alphabet() -> None:
    measured = [replace(KNOWN, threshold=Threshold(1.0, e)) for e in ("b", "a", "c")]
    assert Embeddings.concatenate([KNOWN, *measured]).threshold == Threshold(1.0, "a")


@pytest.mark.parametrize(
    ("other", "error", "said"),
    [
        (replace(KNOWN, fingerprint="e" * 64), FingerprintError, "of different models"),
        (replace(KNOWN, preparation=Preparation(crop=9)), FingerprintError, "prepared differently"),
        (Embeddings.of([1, 0]), EmbeddingError, "mixes embeddings of a model with bare arrays"),
        (
            Embeddings(np.eye(3, dtype=np.float32), "f" * 64),
            EmbeddingError,
            r"of \d and of \d numbers",
        ),
        (replace(KNOWN, threshold=Threshold(1.2, "c")), EmbeddingError, "different thresholds"),
        (replace(KNOWN, threshold=Threshold(1.0, "c", "cosine")), EmbeddingError, "cosine"),
        (np.ones((1, 2), np.float32), EmbeddingError, "only Embeddings"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    other: Any, error: type[EmbeddingError], said: str
) -> None:
    one = replace(KNOWN, threshold=Threshold(1.0, "e"), preparation=Preparation())
    for several in ([one, other], [other, one], [KNOWN, one, other]):
        with pytest.raises(error, match=said):
            Embeddings.concatenate(several)


@pytest.mark.parametrize(
    "several", [[], (), None, 3, "ab", [None], {"anna": KNOWN}, np.array(0.5)], ids=repr
)
def test_anything_but_embeddings_is_refused(several: Any) -> None:
    with pytest.raises(EmbeddingError):
        Embeddings.concatenate(several)
