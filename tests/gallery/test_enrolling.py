"""Enrolling photographs past the gate, with the model that comes along, on drawn people."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import npfacenet
from npfacenet.cards import Threshold
from npfacenet.errors import ArgumentError, FingerprintError, GalleryError, ImageError
from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery import EnrolmentOptions, Gallery, Gate, enrol_into, identify
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.gallery.waiting_pictures import WaitingPictures
from npfacenet.images.degradation import blurred
from npfacenet.models import Embeddings, Model
from npfacenet.models.face_options import FaceOptions
from npfacenet.samples import conditions, photograph
from npfacenet.samples.photograph import Figure

SKIP = EnrolmentOptions(on_error="skip")


@pytest.fixture(scope="module")
def model() -> Model:
    return npfacenet.load()


def portrait(person: int, picture: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    figure = Figure(person, 120, 110, size=90, conditions=conditions(7 * person + picture))
    return photograph([figure], width=240, height=240, background=picture).picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for person in (1, 2, 3):
        for picture in (0, 1):
            Image.fromarray(portrait(person, picture)).save(folder / f"{person}_{picture}.png")
    Image.fromarray(blurred(portrait(1, 0), 8)).save(folder / "blurred.png")
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return folder


def photographs(folder: Path, *people: int) -> dict[str, list[Path]]:
    return {f"p{person}": [folder / f"{person}_{i}.png" for i in (0, 1)] for person in people}


def test_people_are_enrolled_once(model: Model, folder: Path, tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []
    with Gallery.open(tmp_path / "g") as gallery:
        done = enrol_into(
            gallery, model, photographs(folder, 1, 2), progress=lambda *what: told.append(what)
        )
        assert (done.enrolled, done.known, done.refused) == ({"p1": 2, "p2": 2}, 0, ())
        assert told[-1] == ("enrolling", 4, 4)
        told.clear()
        again = enrol_into(
            gallery, model, photographs(folder, 1, 2, 3), progress=lambda *what: told.append(what)
        )
        assert told == [("enrolling", done, 6) for done in range(1, 7)]
        told.clear()
        enrol_into(gallery, model, photographs(folder, 1), progress=lambda *what: told.append(what))
        assert told[-1] == ("enrolling", 2, 2)  # of a folder that is enrolled already, too
        assert (again.enrolled, again.known) == ({"p3": 2}, 4)
        first = gallery.references("p1")[0]
        content = (folder / "1_0.png").read_bytes()
        assert first.digest == hashlib.sha256(content).hexdigest()
        assert first.source == str(folder / "1_0.png")
        assert isinstance(first.face, ChosenFace)
        assert first.quality is not None
        assert first.quality.size is not None
        assert 30 < first.quality.size < 60
        assert identify(model.embed(folder / "2_1.png"), gallery).match == "p2"


def test_a_poor_picture_is_refused_with_the_measure(model: Model, folder: Path) -> None:
    gallery = Gallery()
    people = {"p1": [folder / "1_0.png", folder / "blurred.png"]}
    done = enrol_into(gallery, model, people, SKIP)
    assert done.enrolled == {"p1": 1}
    kept_out = [*(d.source for d in done.refused), *(s.source for s in done.skipped)]
    assert kept_out == [str(folder / "blurred.png")]
    for doubtful in done.refused:
        assert [finding.kind for finding in doubtful.findings] == ["blurred"]
    warned = enrol_into(Gallery(), model, people, EnrolmentOptions(gate=Gate(policies="warn")))
    assert warned.enrolled == {"p1": 2}
    assert [d.findings[0].kind for d in warned.warnings] == ["blurred"]
    assert enrol_into(Gallery(), model, people, EnrolmentOptions(gate=None)).warnings == ()


def test_the_same_face_under_another_name(model: Model, folder: Path) -> None:
    gallery = Gallery()
    done = enrol_into(gallery, model, {"anna": [folder / "1_0.png"], "eve": [folder / "1_0.png"]})
    assert done.enrolled == {"anna": 1, "eve": 1}
    (doubtful,) = done.warnings
    assert (doubtful.name, doubtful.findings[0].kind) == ("eve", "elsewhere")
    assert "0 from 'anna', another person" in doubtful.findings[0].sentence
    refusing = EnrolmentOptions(gate=Gate(policies={"elsewhere": "refuse"}))
    again = enrol_into(gallery, model, {"ida": [folder / "1_0.png"]}, refusing)
    assert (again.enrolled, len(again.refused)) == ({}, 1)


def test_the_gallery_knows_its_model_but_nobody_whom_it_learnt_from(
    model: Model, folder: Path
) -> None:
    learnt = replace(model, card=replace(model.card, trained_on=("Somebody Else",)))
    gallery = Gallery()
    enrol_into(gallery, learnt, {"anna": [folder / "1_0.png"]})
    assert gallery.card == replace(model.card, trained_on=())
    assert gallery.as_json()["model"] == "npfacenet-small"
    gallery.remove("anna")
    assert [each.card for each in (gallery, Gallery())] == [None, None]


def vector(*numbers: float) -> Embeddings:
    return Embeddings(np.array([numbers], np.float32), "f" * 64, Threshold(1.0, "stated"))


def test_a_stranger_among_somebodys_pictures() -> None:
    waiting = WaitingPictures(Gallery(), Gate(), npfacenet.load().card)
    for name, embedding in (
        ("anna", vector(1, 0)),
        ("anna", vector(0.8, 0.6)),
        ("anna", vector(-1, 0)),  # farther from both than 1.15
        ("bert", vector(-0.8, 0.6)),  # nearer to the third of anna's than 0.75
        ("carl", vector(0, -1)),
    ):
        waiting.take(NewPicture(name, embedding, PictureFacts()))
    waiting.enrol()
    found = [(d.name, [f.kind for f in d.findings]) for d in waiting.warnings]
    assert found == [("anna", ["far"]), ("bert", ["elsewhere"])]
    assert waiting.enrolled == {"anna": 3, "bert": 1, "carl": 1}


def test_pictures_are_kept_only_if_asked_for(model: Model, folder: Path, tmp_path: Path) -> None:
    content = (folder / "1_0.png").read_bytes()
    for keep in (False, True):
        path = tmp_path / f"keep {keep}"
        with Gallery.open(path) as gallery:
            enrol_into(gallery, model, photographs(folder, 1), EnrolmentOptions(keep=keep))
            assert [r.kept for r in gallery.references("p1")] == [keep, keep]
        assert (content[100:200] in path.read_bytes()) is keep
    with Gallery.open(path) as gallery:
        assert gallery.remove("p1")
    assert content[100:200] not in path.read_bytes()


def test_what_was_enrolled_before_an_interrupt_stays(model: Model, folder: Path) -> None:
    gallery = Gallery()

    def stop(_: str, done: int, __: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrol_into(gallery, model, photographs(folder, 1, 2, 3), progress=stop)
    before = sum(len(gallery[name]) for name in gallery)
    assert 1 <= before < 6
    done = enrol_into(gallery, model, photographs(folder, 1, 2, 3))
    assert (sum(done.enrolled.values()), done.known) == (6 - before, before)


def test_what_cannot_be_used_is_listed_or_raised(model: Model, folder: Path) -> None:
    people = {"p1": [folder / "1_0.png", folder / "damaged.png"]}
    done = enrol_into(Gallery(), model, people, SKIP)
    assert (done.enrolled, [s.source for s in done.skipped]) == (
        {"p1": 1},
        [str(folder / "damaged.png")],
    )
    with pytest.raises(ImageError, match=r"damaged\.png"):
        enrol_into(Gallery(), model, people)
    with pytest.raises(ImageError, match="does not exist"):
        enrol_into(Gallery(), model, {"p": [folder / "missing.png"]})
    with pytest.raises(GalleryError, match="not empty"):
        enrol_into(Gallery(), model, {" ": [folder / "1_0.png"]})
    with pytest.raises(ArgumentError, match="shows one person"):
        EnrolmentOptions(FaceOptions(choose="all"))


def test_two_models_are_never_mixed(model: Model, folder: Path) -> None:
    gallery = Gallery.of({"anna": model.embed(folder / "1_0.png", detect=False)})
    with pytest.raises(FingerprintError):
        enrol_into(gallery, model, photographs(folder, 2))
    assert gallery.people == ("anna",)


@pytest.mark.parametrize("numbers", [64, 128])
def test_another_model_is_noticed_before_anything_is_embedded(
    model: Model, folder: Path, numbers: int
) -> None:
    gallery = Gallery.of({"anna": Embeddings(np.eye(numbers, dtype=np.float32)[:1], "f" * 64)})
    told: list[object] = []
    with pytest.raises(FingerprintError):
        enrol_into(gallery, model, photographs(folder, 2), progress=lambda *w: told.append(w))
    assert told == []


def test_a_missing_file_is_skipped_like_a_damaged_one(
    model: Model, folder: Path, tmp_path: Path
) -> None:
    people = {"p1": [folder / "1_0.png", tmp_path, folder / "missing.png", folder / "1_1.png"]}
    gallery = Gallery()
    done = enrol_into(gallery, model, people, SKIP)
    assert done.enrolled == {"p1": 2}
    assert [(s.source, s.position) for s in done.skipped] == [
        (str(tmp_path), 1),
        (str(folder / "missing.png"), 2),
    ]
    again = enrol_into(gallery, model, people, SKIP)
    assert (again.enrolled, again.known) == ({}, 2)
    assert [s.position for s in again.skipped] == [1, 2]
    with pytest.raises(ImageError, match="is a folder"):
        enrol_into(Gallery(), model, people)


@pytest.mark.parametrize("wrong", ["anna.jpg", b"x", Path("anna.jpg"), [np.zeros((9, 9, 3))], None])
def test_photographs_are_paths_or_bytes_in_a_list(model: Model, wrong: object) -> None:
    with pytest.raises(ArgumentError, match="in a list, not"):
        enrol_into(Gallery(), model, {"anna": wrong})  # type: ignore[dict-item]


def test_another_name_of_a_person_is_not_another_person() -> None:
    gallery = Gallery.of({"anna": vector(1, 0), "annie": vector(0.9, 0.1)})
    gallery.merge("annie", "anna")
    waiting = WaitingPictures(gallery, Gate(), npfacenet.load().card)
    waiting.take(NewPicture("annie", vector(0.99, 0), PictureFacts()))
    waiting.take(NewPicture("anna", vector(0.98, 0), PictureFacts()))
    waiting.enrol()
    assert waiting.warnings == []
    assert len(gallery["anna"]) == 4


def test_a_refused_picture_is_not_compared_with() -> None:
    refusing = Gate(policies={"far": "refuse", "elsewhere": "refuse"})
    waiting = WaitingPictures(Gallery.of({"anna": vector(1, 0)}), refusing, npfacenet.load().card)
    for name, embedding in (("anna", vector(-1, 0)), ("bert", vector(-1, 0.1))):
        waiting.take(NewPicture(name, embedding, PictureFacts()))
    waiting.enrol()
    assert [(d.name, [f.kind for f in d.findings]) for d in waiting.refused] == [("anna", ["far"])]
    assert waiting.enrolled == {"bert": 1}
