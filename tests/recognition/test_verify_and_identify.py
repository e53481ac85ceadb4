"""Decisions: laws over drawn embeddings, then the borders where mistakes live."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import npfacenet
from npfacenet.cards import Threshold
from npfacenet.errors import ArgumentError, EmbeddingError, FingerprintError, GalleryError
from npfacenet.gallery import identify
from npfacenet.recognition import distances, verify

Vector = npt.NDArray[np.float32]


def unit(values: npt.NDArray[np.float64]) -> Vector:
    return (values / np.linalg.norm(values)).astype(np.float32)


vectors = (
    hnp.arrays(np.float64, 4, elements=st.floats(-1, 1))
    .filter(lambda v: bool(np.linalg.norm(v) > 0.1))
    .map(unit)
)
thresholds = st.floats(0, 2)


def made(values: npt.ArrayLike, fingerprint: str = "a" * 64) -> npfacenet.Embeddings:
    threshold = Threshold(0.7, "for tests")
    return npfacenet.Embeddings(np.array(values, np.float32), fingerprint, threshold)


@given(vectors, thresholds)
def test_a_picture_is_at_distance_zero_from_itself(v: Vector, threshold: float) -> None:
    result = verify(v, v, threshold=threshold)
    assert result.distance == 0.0
    assert result.same


@given(vectors, vectors, thresholds)
def test_verification_is_symmetric_and_bounded(a: Vector, b: Vector, threshold: float) -> None:
    one, other = verify(a, b, threshold=threshold), verify(b, a, threshold=threshold)
    assert one == other
    assert 0 <= one.distance <= 2 + 1e-6
    assert one.distance == pytest.approx(np.linalg.norm(a.astype("f8") - b), abs=1e-12)


@given(vectors, vectors, vectors)
def test_triangle_inequality(a: Vector, b: Vector, c: Vector) -> None:
    d = distances(npfacenet.Embeddings.of([a, b, c]), npfacenet.Embeddings.of([a, b, c]))
    assert d[0, 2] <= d[0, 1] + d[1, 2] + 1e-12
    np.testing.assert_array_equal(d, d.T)


@given(vectors, vectors)
def test_at_exactly_the_threshold_both_say_yes_and_just_below_it_both_say_no(
    a: Vector, b: Vector
) -> None:
    at = verify(a, b, threshold=2).distance
    assert verify(a, b, threshold=at).same
    assert identify(a, {"b": b}, threshold=at).match == "b"
    if at > 0:
        below = float(np.nextafter(at, 0))
        assert not verify(a, b, threshold=below).same
        assert identify(a, {"b": b}, threshold=below).match is None


@given(vectors, st.lists(vectors, min_size=1, max_size=6), thresholds)
def test_identify_agrees_with_verify(probe: Vector, known: list[Vector], threshold: float) -> None:
    gallery = {f"person {i}": v for i, v in enumerate(known)}
    found = identify(probe, gallery, threshold=threshold, nearest=max(1, len(gallery)))
    assert sorted(c.name for c in found.candidates) == sorted(gallery)
    for candidate in found.candidates:
        one = verify(probe, gallery[candidate.name], threshold=threshold)
        assert candidate.distance == one.distance
    ranked = [c.distance for c in found.candidates]
    assert ranked == sorted(ranked)
    assert (found.match is not None) == (ranked[0] <= threshold)
    assert found.margin == (ranked[1] - ranked[0] if len(ranked) > 1 else None)


@given(vectors, st.lists(vectors, min_size=1, max_size=4))
def test_a_person_is_as_near_as_the_nearest_of_their_pictures(
    probe: Vector, pictures: list[Vector]
) -> None:
    found = identify(probe, {"anna": np.array(pictures)}, threshold=1)
    assert len(found.candidates) == 1
    nearest = min(verify(probe, p, threshold=1).distance for p in pictures)
    assert found.candidates[0].distance == nearest


def test_nobody_is_found_in_an_empty_gallery() -> None:
    found = identify([1.0, 0.0], {}, threshold=2)
    assert (found.match, found.candidates, found.margin) == (None, (), None)
    assert identify(made([1.0, 0.0]), {}).threshold == 0.7


def test_zero_is_a_threshold() -> None:
    assert verify(made([1, 0]), made([1, 0]), threshold=0.0).threshold == 0.0
    assert not verify(made([1, 0]), made([0.999, 0.001]), threshold=0.0).same


def test_the_threshold_comes_from_the_card_or_is_stated() -> None:
    assert verify(made([1, 0]), made([0, 1])).threshold == 0.7
    assert verify(made([1, 0]), made([0, 1]), threshold=1.5).same
    with pytest.raises(EmbeddingError, match="without a threshold"):
        verify([1, 0], [0, 1])
    with pytest.raises(EmbeddingError, match="without a threshold"):
        verify(made([1, 0]), [0, 1])
    unstated = npfacenet.Embeddings(np.ones((1, 2), np.float32), "f")
    with pytest.raises(EmbeddingError, match="no threshold with evidence"):
        verify(unstated, unstated)


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -0.1])
def test_impossible_thresholds_are_refused(threshold: float) -> None:
    with pytest.raises(ArgumentError, match="a threshold is a finite distance >= 0"):
        verify([1, 0], [1, 0], threshold=threshold)
    with pytest.raises(ArgumentError, match="a threshold is a finite distance >= 0"):
        identify([1, 0], {}, threshold=threshold)


def test_embeddings_of_different_models_are_not_compared() -> None:
    a, b = made([1, 0], "a" * 64), made([1, 0], "b" * 64)
    with pytest.raises(FingerprintError, match="aaaaaaaaaaaa and bbbbbbbbbbbb"):
        verify(a, b, threshold=1)
    with pytest.raises(FingerprintError):
        identify(a, {"b": b}, threshold=1)
    with pytest.raises(FingerprintError):
        npfacenet.Gallery.of({"a": a, "b": b})
    with pytest.raises(GalleryError, match="mixes"):
        npfacenet.Gallery.of({"a": a, "b": [1, 0]})


def test_what_is_no_embedding_is_refused() -> None:
    for wrong in ([float("nan"), 0], [float("inf"), 0], "face", None, [], [[1, 2], [3]], [[[1.0]]]):
        with pytest.raises(EmbeddingError):
            verify(wrong, [1, 0], threshold=1)  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(EmbeddingError, match="vectors of 3 and of 2 numbers"):
        verify([1, 0, 0], [1, 0], threshold=1)
    with pytest.raises(EmbeddingError, match="one embedding is compared here, not 2"):
        identify([[1, 0], [0, 1]], {"anna": [1, 0]}, threshold=1)


def test_a_gallery_keeps_names_and_embeddings_together() -> None:
    gallery = npfacenet.Gallery.of({"anna": [[1, 0], [0, 1]], "bert": [1, 1]})
    assert gallery.names == ("anna", "anna", "bert")
    assert gallery.people == tuple(gallery) == ("anna", "bert")
    assert len(gallery) == 2
    with pytest.raises(GalleryError, match="1 names for 2 embeddings"):
        npfacenet.Gallery.of_rows(["anna"], [[1, 0], [0, 1]])
    with pytest.raises(GalleryError, match="is text and not empty"):
        npfacenet.Gallery.of({" ": [1, 0]})


def test_ties_are_ranked_by_name() -> None:
    found = identify([1, 0], {"zoe": [1, 0], "anna": [1, 0]}, threshold=1)
    assert [c.name for c in found.candidates] == ["anna", "zoe"]
    assert found.margin == 0
