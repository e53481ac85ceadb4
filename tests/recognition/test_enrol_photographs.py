"""Enrolling photographs: one face of each is chosen, and nobody is enrolled without a face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_detector import Drawn, faces_in, pasted

import npfacenet
from npfacenet import Model
from npfacenet.errors import ArgumentError, FingerprintError, NoFaceError, SeveralFacesError
from npfacenet.faces import Faces
from npfacenet.gallery import Gallery, enrol
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.recognition.distance import joined

BOXES = ((20.0, 30.0, 116.0, 126.0), (195.0, 195.0, 315.0, 315.0))  # central and largest


@dataclass(frozen=True, eq=False)
class Scene(Drawn):
    """Finds one face in a portrait, two in a group, and none in what has no contrast."""

    name: ClassVar[str] = "scene"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        side = float(len(picture))
        if picture.std() < 5:
            return Faces(best_score=0.2)
        return faces_in(*BOXES) if side > 200 else faces_in((8, 8, side - 8, side - 8))


@pytest.fixture(scope="module")
def model() -> Model:
    return npfacenet.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bert").mkdir()
    pictures = {
        "anna.png": pasted(128, (8, 8), seed=0),
        "bert/1.png": pasted(128, (8, 8), seed=5),
        "bert/2.png": pasted(320, (20, 30), (207, 207), seed=5),
    }
    for name, pixels in pictures.items():
        PIL.Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


def test_each_photograph_gives_one_face(folder: Path, model: Model) -> None:
    told: list[tuple[str, int, int | None]] = []
    gallery = enrol(model, folder, detect=Scene(), progress=lambda *what: told.append(what))
    assert gallery.names == ("anna", "bert", "bert")
    assert gallery.embeddings is not None
    assert [(face.index, face.count) for face in gallery.embeddings.faces] == [
        (0, 1), (0, 1), (1, 2)
    ]  # fmt: skip
    assert told == [("enrolling", done, 3) for done in (1, 2, 3)]
    probe = model.embed(folder / "anna.png", detect=Scene())
    assert npfacenet.identify(probe, gallery, threshold=0.01).match == "anna"
    with pytest.raises(FingerprintError, match="were prepared differently"):
        npfacenet.identify(model.embed(folder / "anna.png"), gallery, threshold=0.01)


def test_which_face_can_be_chosen(folder: Path, model: Model) -> None:
    with pytest.raises(SeveralFacesError, match=r"2\.png' shows 2 faces"):
        enrol(model, folder, detect=Scene(), choose="only")
    for choice in ("all", "best", ["only"], np.array(["only", "all"])):
        with pytest.raises(ArgumentError, match="choose is one of largest, central, only here"):
            enrol(model, folder, detect=Scene(), choose=choice)  # type: ignore[arg-type]
    central = enrol(model, folder, detect=Scene(), choose="central").embeddings
    assert central is not None
    assert [(face.index, face.count) for face in central.faces] == [(0, 1), (0, 1), (0, 2)]


def test_nobody_is_enrolled_without_a_face(folder: Path, model: Model) -> None:
    PIL.Image.new("RGB", (128, 128), (180, 180, 180)).save(folder / "carl.png")
    with pytest.raises(NoFaceError, match=r"carl\.png' shows no face of 20 pixels or more"):
        enrol(model, folder, detect=Scene())
    gallery = enrol(model, folder, detect=Scene(), on_error="skip")
    assert gallery.people == ("anna", "bert")
    assert [Path(one.source).name for one in gallery.passed_over] == ["carl.png"]
    assert gallery.passed_over[0].no_face


def test_crops_are_enrolled_as_such(folder: Path, model: Model) -> None:
    assert enrol(model, folder, crop=100).embeddings is not None
    gallery = enrol(model, folder, detect=False)
    assert gallery.embeddings is not None
    assert gallery.embeddings.faces == ()
    assert gallery.embeddings.preparation == CENTRAL_SQUARE
    assert gallery.embeddings.fingerprint == model.fingerprint_of(CENTRAL_SQUARE)


def test_embeddings_of_several_calls_have_no_positions(folder: Path, model: Model) -> None:
    both = model.embed([folder / "bert/1.png", folder / "bert/2.png"], detect=Scene())
    one = model.embed(folder / "anna.png", detect=Scene())
    assert (one.positions, both.positions) == ((0,), (0, 1))  # each of its own call
    for together in (joined([one, both]), Gallery.of({"anna": one, "bert": both}).embeddings):
        assert together is not None
        assert together.positions == ()
        assert together.faces == one.faces + both.faces
        assert together.preparation == one.preparation
    assert joined([one, both]).sources == one.sources + both.sources
    result = npfacenet.identify(one, Gallery.of({"anna": one, "bert": both}), threshold=0.5)
    assert result.match == "anna"
