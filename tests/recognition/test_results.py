"""Results as callers use them: as a truth value, as JSON, and printed."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import numpy.typing as npt
import pytest

import npfacenet
from npfacenet.cards import METRIC, Threshold
from npfacenet.errors import EmbeddingError, FingerprintError, GalleryError
from npfacenet.gallery import Candidate, Gallery, identify, identify_all
from npfacenet.models import Embeddings
from npfacenet.models.embeddings import Skipped
from npfacenet.models.json_ready import as_json
from npfacenet.recognition import PairHead, Verification, reliability, verify
from npfacenet.recognition.calibration import calibrate
from npfacenet.recognition.evaluation import evaluate

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
KNOWN = Embeddings(
    np.array([[0.6, 0.8], [1, 0]], np.float32),
    "a" * 64,
    Threshold(0.7, "measured"),
    ("a.jpg", "b.jpg"),
    (Skipped("c.jpg", "is damaged"),),
)


def test_the_truth_value_is_the_decision() -> None:
    assert verify([1, 0], [1, 0], threshold=0)
    assert not verify([1, 0], [0, 1], threshold=1)
    assert identify([1, 0], {"anna": [1, 0]}, threshold=0)
    assert not identify([1, 0], {"anna": [0, 1]}, threshold=1)
    assert not identify([1, 0], {}, threshold=1)


def test_results_are_ready_for_json() -> None:
    folds, labels = [[0.2, 1.2], [0.3, 1.1]], [[True, False]] * 2
    results = {
        "verification": verify([1, 0], [0, 1], threshold=1),
        "identification": identify([1, 0], {"anna": [1, 0], "bert": [0, 1]}, threshold=1),
        "evaluation": evaluate(folds, labels),
        "calibration": calibrate(folds[0], np.linspace(1, 2, 300), 0.01),
        "reliability": reliability([0.5, 0.5], [True, False]),
        "gallery": Gallery.of({"anna": KNOWN}),
        "embeddings": KNOWN,
        "candidate": Candidate("anna", 0.5),
    }
    documents = {
        n: json.loads(json.dumps(r.as_json(), allow_nan=False)) for n, r in results.items()
    }
    assert documents["verification"] == {
        "same": False,
        "distance": pytest.approx(2**0.5),
        "threshold": 1.0,
        "metric": METRIC,
    }
    assert documents["identification"]["candidates"][0] == {"name": "anna", "distance": 0.0}
    assert documents["evaluation"]["accuracy"]["folds"] == [1.0, 1.0]
    assert documents["evaluation"]["true_accept_rates"][0]["rate"] is None
    assert set(documents["calibration"]["false_match"]) == {"errors", "trials", "rate", "interval"}
    assert documents["reliability"]["bins"][0]["pairs"] == 2
    assert documents["gallery"] == {
        "model": None,
        "variant": None,
        "people": {"anna": 2},
        "embeddings": 2,
        "fingerprint": "a" * 64,
        "threshold": {"value": 0.7, "evidence": "measured", "metric": KNOWN.threshold.metric},  # type: ignore[union-attr]  # it has one
    }
    np.testing.assert_array_equal(np.array(documents["embeddings"]["values"], "f4"), KNOWN.values)
    assert documents["embeddings"]["sources"] == ["a.jpg", "b.jpg"]


def test_numpy_numbers_and_nan_become_what_json_has() -> None:
    odd = Verification(np.bool_(True), np.float32(0.5), np.float64("nan"))  # type: ignore[arg-type]  # as callers do
    assert odd.as_json()["same"] is True
    assert odd.as_json()["distance"] == 0.5
    assert odd.as_json()["threshold"] is None
    strange = {"inf": np.inf, "count": np.int8(3), "rows": np.eye(1), "text": np.str_("a"), 1: b"x"}
    assert json.loads(json.dumps(as_json(strange), allow_nan=False)) == {
        "inf": None, "count": 3, "rows": [[1.0]], "text": "a", "1": "b'x'"
    }  # fmt: skip
    name = b"dan\xff".decode("utf-8", "surrogateescape")  # as a file may be called
    assert json.loads(json.dumps(Candidate(name, 0.1).as_json()))["name"] == name


def test_what_holds_many_prints_few() -> None:
    vectors = np.eye(1000, dtype=np.float32)
    gallery = Gallery.of_rows([f"person {i}" * 100 for i in range(1000)], Embeddings.of(vectors))
    found = identify(vectors[0], gallery, threshold=1, nearest=1000)
    head = PairHead("absolute", np.ones(1000, np.float32), 0.0)
    for result in (gallery, found, gallery.embeddings, head):
        assert len(repr(result)) < 500
    assert "1000 people" in repr(gallery)
    assert "and 997 more" in repr(found)
    small = identify([1, 0], {"anna": [1, 0], "bert": [0, 1]}, threshold=0.5)
    assert repr(small) == (
        "<Identification match 'anna', threshold 0.5, candidates: 'anna' 0.000, 'bert' 1.414>"
    )
    assert repr(identify([1, 0], {}, threshold=0.5)) == (
        "<Identification unknown, threshold 0.5, candidates: nobody>"
    )


def test_identify_all_is_identify_for_each() -> None:
    people: dict[str, npt.ArrayLike] = {"anna": [[1.0, 0.0], [0.6, 0.8]], "bert": [0, 1]}
    probes = np.array([[1, 0], [0, 1], [-1, 0], [0.8, 0.6]], np.float32)
    expected = tuple(identify(probe, people, threshold=0.5) for probe in probes)
    assert npfacenet.identify_all(probes, people, threshold=0.5) == expected
    assert identify_all(probes, Gallery.of(people), threshold=0.5) == expected
    assert identify_all(list(Embeddings.of(probes)), people, threshold=0.5) == expected
    assert identify_all(probes[0], people, threshold=0.5) == expected[:1]
    assert identify_all(np.empty((0, 2)), people, threshold=0.5) == ()
    assert [bool(found) for found in identify_all(probes, {}, threshold=0.5)] == [False] * 4
    with pytest.raises(EmbeddingError, match="pass all of them to identify_all"):
        identify(probes, people, threshold=0.5)
    with pytest.raises(FingerprintError):
        identify_all([KNOWN[0], Embeddings([[1, 0]], "b" * 64)], people, threshold=1)  # type: ignore[arg-type]  # lists serve
    assert identify_all(KNOWN, Gallery.of_rows(("a", "b"), KNOWN))[1].match == "b"


def test_two_spellings_in_unicode_are_one_person() -> None:
    gallery = Gallery.of({DECOMPOSED: [1, 0], "anna": [0, 1], COMPOSED: [0.6, 0.8]})
    assert gallery.people == (DECOMPOSED, "anna")  # shown as first given
    assert len(gallery) == 2
    for name in (COMPOSED, DECOMPOSED):
        np.testing.assert_array_equal(
            gallery[name].values, np.array([[1, 0], [0.6, 0.8]], np.float32)
        )
        assert gallery.without(name).people == ("anna",)
    found = identify([0.6, 0.8], gallery, threshold=0.1)
    assert found.match == DECOMPOSED
    assert len(found.candidates) == 2
    assert Gallery.of_rows((COMPOSED, DECOMPOSED), Embeddings.of(np.eye(2))).people == (COMPOSED,)


def test_a_gallery_takes_embeddings_one_by_one() -> None:
    several = Gallery.of({"anna": [KNOWN[0], KNOWN[1]], "bert": KNOWN})
    assert several.names == ("anna", "anna", "bert", "bert")
    assert several.embeddings is not None
    assert several.embeddings.threshold == KNOWN.threshold
    with pytest.raises(GalleryError, match="1 names for 2 embeddings"):
        Gallery.of_rows(["anna"], KNOWN)


@pytest.mark.parametrize(
    "picture",
    ["a.jpg", b"\xff\xd8\xff", bytearray(3), np.zeros((8, 8, 3), np.uint8), ["a.jpg", "b.jpg"]],
    ids=lambda p: type(p).__name__,
)
def test_pictures_are_told_to_be_embedded(picture: object) -> None:
    for call in (
        lambda: verify(picture, picture, threshold=1),  # type: ignore[arg-type]  # the fault
        lambda: identify(picture, {"anna": [1, 0]}, threshold=1),  # type: ignore[arg-type]
        lambda: identify([1, 0], {"anna": picture}, threshold=1),  # type: ignore[dict-item]
    ):
        with pytest.raises(EmbeddingError, match=r"embed them first, model\.embed\("):
            call()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ma.array([1.0, 0.0], mask=[False, True]), "masked"),
        ([np.ma.array([1.0, 0.0], mask=[False, True])], "masked"),
        (np.array([1 + 1j, 0]), "real numbers, not of dtype complex128"),
        (np.array([1, None], object), "not of dtype object"),
        (np.array(["1", "0"]), "not of dtype <U1"),
        (["1", None], "embed them first"),
        ([1, "0"], "real numbers"),
        ([10**400, 0], "real numbers"),
        (None, "real numbers, not None"),
        ([True, False], "real numbers"),
        ((x for x in (1.0, 0.0)), "real numbers, not <generator"),
        ([1e39, 0], "beyond float32"),
        ([KNOWN, KNOWN], "Embeddings.concatenate"),
    ],
)
def test_what_is_not_numbers_is_not_embeddings(values: object, said: str) -> None:
    with pytest.raises(EmbeddingError, match=said):
        Embeddings.of(values)  # type: ignore[arg-type]  # the fault under test


def test_a_masked_array_that_masks_nothing_is_an_array() -> None:
    np.testing.assert_array_equal(Embeddings.of(np.ma.array([1.0, 0.0])).values, [[1, 0]])
