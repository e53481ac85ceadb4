"""Which threshold decides: the explicit one, or the one that all embeddings agree on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.cards import Card, Measured, Threshold
from npfacenet.commands.evaluate import error_rates
from npfacenet.errors import ArgumentError, EmbeddingError, NpfacenetError
from npfacenet.gallery import Gallery, identify, identify_all
from npfacenet.models import Embeddings
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.recognition import Verification, verify
from npfacenet.recognition.calibration import errors_at
from npfacenet.recognition.distance import is_for_distances, limit_of, threshold_for, within
from npfacenet.recognition.labelled_pairs import Failures

PACKAGED, CALIBRATED = Threshold(0.3, "measured by us"), Threshold(0.9, "x" * 500)


def made(values: list[float], threshold: Threshold | None) -> Embeddings:
    return Embeddings(np.array(values, np.float32), "a" * 64, threshold)


thresholds = st.sampled_from([None, PACKAGED, CALIBRATED, Threshold(0.3, "other evidence")])


def decided(a: Embeddings, b: Embeddings) -> Verification | str:
    try:
        return verify(a, b)
    except NpfacenetError as error:
        return f"{type(error).__name__}: {error}"


@given(thresholds, thresholds)
def test_the_order_never_matters(one: Threshold | None, other: Threshold | None) -> None:
    a, b = made([0.6, 0.8], one), made([0.8, 0.6], other)
    assert decided(a, b) == decided(b, a)
    found = decided(a, b)
    values = {t.value for t in (one, other) if t is not None}
    if len(values) == 1:
        assert isinstance(found, Verification)
        assert found.threshold == values.pop()
    else:
        assert isinstance(found, str)


def test_two_thresholds_that_differ_are_refused_with_their_evidence() -> None:
    a, b = made([0.6, 0.8], PACKAGED), made([0.8, 0.6], CALIBRATED)
    calls = (
        lambda: verify(a, b),
        lambda: verify(b, a),
        lambda: identify(a, {"b": b}),
        lambda: identify(a, Gallery.of({"b": b})),
        lambda: identify_all([a, b], {"anna": [1.0, 0.0]}),
        lambda: Gallery.of({"a": a, "b": b}),
        lambda: Gallery.of({"b": b, "a": a}),
    )
    for call in calls:
        with pytest.raises(EmbeddingError, match=r"0\.3 \(measured by us\) and 0\.9 \(x") as raised:
            call()
        assert "threshold=..." in str(raised.value)
        assert len(str(raised.value)) < 400


def test_one_that_is_stated_decides_whatever_the_embeddings_say() -> None:
    a, b = made([0.6, 0.8], PACKAGED), made([0.8, 0.6], CALIBRATED)
    assert verify(a, b, threshold=0.5) == verify(b, a, threshold=0.5)
    assert identify(a, {"a": a, "b": b}, threshold=0.5).threshold == 0.5
    assert identify(a, {"b": b}, threshold=0).threshold == 0


@pytest.mark.parametrize("several", list(itertools.permutations([None, PACKAGED, None])))
def test_in_a_gallery_the_one_that_is_stated_serves(several: tuple[Threshold | None, ...]) -> None:
    people = {str(i): made([1, 0], threshold) for i, threshold in enumerate(several)}
    gallery = Gallery.of(people)
    assert gallery.embeddings is not None
    assert gallery.embeddings.threshold == PACKAGED
    assert identify(made([1, 0], None), gallery).threshold == PACKAGED.value


def test_so_it_does_for_lists_of_embeddings() -> None:
    a, b = made([1, 0], PACKAGED), made([0, 1], CALIBRATED)
    found = identify_all([a, b], {"ada": [a, b]}, threshold=0.5)
    assert [each.match for each in found] == ["ada", "ada"]
    assert identify(a, {"ada": [b, a]}, threshold=0.5).threshold == 0.5
    with pytest.raises(EmbeddingError, match="different thresholds"):
        identify_all([a, b], {"ada": a})


def test_equal_values_with_other_evidence_agree_in_either_order() -> None:
    other = Threshold(PACKAGED.value, "another measurement")
    for first, second in ((PACKAGED, other), (other, PACKAGED)):
        gallery = Gallery.of({"a": made([1, 0], first), "b": made([0, 1], second)})
        assert gallery.embeddings is not None
        assert gallery.embeddings.threshold == other


def test_thresholds_in_other_metrics_are_not_the_same() -> None:
    cosine = replace(PACKAGED, metric="cosine")
    with pytest.raises(EmbeddingError, match=r"0\.3, cosine"):
        verify(made([1, 0], PACKAGED), made([1, 0], cosine))
    with pytest.raises(EmbeddingError, match=r"0\.3, cosine .* is not for distances that are"):
        verify(made([1, 0], cosine), made([1, 0], cosine))
    assert verify(made([1, 0], cosine), made([1, 0], cosine), threshold=0.3)


def test_a_bare_array_beside_a_model_needs_a_threshold_in_either_order() -> None:
    known, bare = made([1, 0], PACKAGED), [1.0, 0.0]
    for a, b in ((known, bare), (bare, known)):
        with pytest.raises(EmbeddingError, match="bare arrays come without a threshold"):
            verify(a, b)
        assert verify(a, b, threshold=0.1).same


IMPOSSIBLE = (
    *(float("nan"), np.float32("nan"), float("-inf"), -1, -1e-300, 10**400, -(10**400), 10**5000),
    *("0.5", b"0.5", True, np.True_, [0.5], np.array([0.5, 0.6]), 1j, object(), Decimal("0.5")),
    *(Fraction(1, 2), np.datetime64("2020"), np.ma.masked),
)


@pytest.mark.parametrize("threshold", IMPOSSIBLE, ids=lambda t: type(t).__name__)
def test_what_is_not_a_distance_is_not_a_threshold(threshold: float) -> None:
    for call in (
        lambda: verify([1, 0], [0, 1], threshold=threshold),
        lambda: identify([1, 0], {"b": [0, 1]}, threshold=threshold),
        lambda: identify([1, 0], {}, threshold=threshold),
        lambda: identify_all([[1, 0]] * 2, {"b": [0, 1]}, threshold=threshold),
        lambda: errors_at(threshold, [0.5], [1.0]),
        lambda: within(0.5, threshold),
        lambda: within(threshold, 0.5),
        lambda: threshold_for(threshold),
    ):
        with pytest.raises(ArgumentError, match="is a finite distance >= 0, not") as raised:
            call()
        assert len(str(raised.value)) < 300


@pytest.mark.skipif(
    np.finfo(np.longdouble).maxexp <= 1024, reason="long doubles are no longer than doubles here"
)
def test_a_long_double_beyond_the_range_is_not_a_threshold() -> None:
    for threshold in (np.longdouble("1e4000"), np.longdouble("-1e4000"), np.longdouble("inf")):
        with pytest.raises(ArgumentError, match="is a finite distance >= 0"):
            verify([1, 0], [0, 1], threshold=threshold)  # type: ignore[arg-type]  # the fault
    assert verify([1, 0], [0, 1], threshold=np.longdouble("1.5")).same  # type: ignore[arg-type]  # fits


def test_embeddings_keep_no_threshold_that_cannot_decide() -> None:
    for value in (float("nan"), -1, "0.7", None, 10**400):
        with pytest.raises(EmbeddingError, match="value of a threshold"):
            made([1, 0], Threshold(value, "wrong"))  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(EmbeddingError, match="are text"):
        made([1, 0], Threshold(0.7, ["wrong"]))  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(EmbeddingError, match="is a Threshold"):
        made([1, 0], 0.7)  # type: ignore[arg-type]  # the fault under test


def test_one_place_says_whether_a_threshold_is_for_these_distances() -> None:
    assert is_for_distances(PACKAGED)
    assert limit_of(PACKAGED) == PACKAGED.value
    cosine = replace(PACKAGED, metric="cosine")
    assert not is_for_distances(cosine)
    with pytest.raises(EmbeddingError, match="is not for distances that are Euclidean"):
        limit_of(cosine)


def test_error_rates_are_measured_for_thresholds_in_this_metric_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = np.linspace(0.1, 0.9, 9), np.linspace(0.8, 1.8, 300), Failures()
    card = Card("small", None, 16, 24, "fixed", PACKAGED, "drawn", "none")
    assert error_rates(card, CENTRAL_SQUARE, kinds, None).keys() == {"card"}
    assert capsys.readouterr().err == ""
    other = replace(card, threshold=replace(PACKAGED, metric="cosine"))
    assert error_rates(other, CENTRAL_SQUARE, kinds, 0.01).keys() == {"calibrated"}
    assert "is for distances that are cosine, so its error rates" in capsys.readouterr().err


def test_a_threshold_is_used_for_the_preparation_that_it_was_measured_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = np.linspace(0.1, 0.9, 9), np.linspace(0.8, 1.8, 300), Failures(1, 2)
    found = Preparation("mtcnn", "margin-0")
    card = Card("small", None, 16, 24, "fixed", PACKAGED, "drawn", "none")
    card = replace(card, other_thresholds=(Measured(found, CALIBRATED),))
    assert error_rates(card, found, kinds, None) == {"card": errors_at(0.9, *kinds)}
    assert capsys.readouterr().err == ""
    assert error_rates(card, Preparation("yunet", "margin-0"), kinds, None) == {}
    err = capsys.readouterr().err
    assert "the card has no threshold for pictures prepared so (yunet, margin-0)" in err
    assert err.count("\n") == 1
