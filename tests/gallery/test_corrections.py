"""What people have corrected counts: in searches, claims and enrolments, and it stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import npfacenet
from npfacenet.cards import Threshold
from npfacenet.errors import ArgumentError, GalleryError
from npfacenet.gallery import Gallery, Gate, identify, verify_claim
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.gallery.waiting_pictures import WaitingPictures
from npfacenet.models import Embeddings


def vector(*numbers: float) -> Embeddings:
    values = np.array([numbers], np.float32)
    return Embeddings(values, "f" * 64, Threshold(1.0, "stated"), ("seen.jpg",))


def office() -> Gallery:
    return Gallery.of({"anna": [vector(1, 0), vector(0, 1)], "bert": vector(0.6, 0.8)})


def test_a_picture_that_was_enrolled_by_mistake_is_not_any_more(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g") as gallery:
        for name in (known := office()):
            gallery.add(name, known[name])
        pictures = [PictureFacts(digest=digit * 64, content=b"file " + b"x") for digit in "ab"]
        gallery.add_pictures([NewPicture("anna", vector(-1, 0), one) for one in pictures])
        wrong = vector(-1, 1e-5)  # embedded again
        gallery.not_this_person("anna", replace(wrong, sources=()))
        np.testing.assert_array_equal(gallery["anna"].values, [[1, 0], [0, 1]])
        assert identify(wrong, gallery, threshold=2).match == "bert"
        assert gallery.check() == ()
        (correction,) = [one for one in gallery.stored_pictures().pictures if one.denied]
        assert (correction.source, correction.facts.digest) == ("seen.jpg", "a" * 64)
        assert gallery.content_of(correction) == b"file x"  # for another model
        with pytest.raises(GalleryError, match="'bert' has no other picture"):
            gallery.not_this_person("bert", vector(0.6, 0.8))
        assert identify(vector(0.6, 0.8), gallery).match == "bert"


def test_it_is_not_enrolled_again(tmp_path: Path) -> None:
    gallery = office()
    gallery.not_this_person("anna", vector(0, 1))
    gallery.merge("bert", "anna")  # under any of her names
    for gate, count in ((Gate(), 0), (Gate(policies={"denied": "warn"}), 1), (None, 1)):
        waiting = WaitingPictures(gallery.copy(), gate, npfacenet.load().card)
        waiting.take(NewPicture("bert", vector(0, 1), PictureFacts()))
        waiting.take(NewPicture("anna", vector(0.9, 0.1), PictureFacts()))
        waiting.enrol()
        assert waiting.enrolled.get("bert", 0) == count
        assert waiting.enrolled["anna"] == 1
        found = [f.kind for d in (*waiting.refused, *waiting.warnings) for f in d.findings]
        assert found == (["denied"] if gate is not None else [])


def test_a_claim_heeds_corrections() -> None:
    gallery = office()
    assert verify_claim(vector(0, 1), gallery, "anna").as_json() == {
        "same": True, "distance": 0.0, "threshold": 1.0,
        "metric": "Euclidean between unit vectors, 0 to 2", "claim": "anna", "denied": False,
    }  # fmt: skip
    gallery.not_this_person("anna", vector(0, 1))
    claim = verify_claim(vector(0, 1), gallery, "anna", threshold=2)
    assert (claim.same, claim.denied, bool(claim)) == (False, True, False)
    assert claim.distance == pytest.approx(2**0.5)
    several = Embeddings.concatenate([vector(0, 1), vector(0.8, -0.6)])
    best = verify_claim(several, gallery, "anna", threshold=2)
    assert (best.same, best.denied) == (True, False)  # by the other one
    assert best.distance == pytest.approx(0.4**0.5)
    far = verify_claim(vector(-1, 0), gallery, "bert", threshold=0.1)
    assert (far.same, far.denied) == (False, False)
    mean = verify_claim(several, gallery, "anna", threshold=2, by="mean")
    expected = npfacenet.verify(several, gallery["anna"], threshold=2, by="mean")
    assert mean.distance == pytest.approx(expected.distance)
    with pytest.raises(GalleryError, match="nobody"):
        verify_claim(vector(0, 1), gallery, "carl")
    with pytest.raises(ArgumentError, match="by a Gallery"):
        verify_claim(vector(0, 1), {"anna": vector(0, 1)}, "anna")  # type: ignore[arg-type]


def test_a_correction_is_a_change() -> None:
    """So that embedding everybody anew in the meantime does not keep one of the model before."""
    gallery = office()
    before = gallery.stored_pictures().changes
    gallery.not_this_person("anna", vector(-1, 0))
    assert gallery.stored_pictures().changes > before
