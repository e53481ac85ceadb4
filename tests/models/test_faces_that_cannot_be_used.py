"""Faces and detectors that cannot be used, and names that must not open files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from conftest import shared
from drawn_detector import Drawn, faces_in, pasted

import npfacenet
from npfacenet import Model
from npfacenet.errors import (
    ArgumentError,
    FaceError,
    ImageError,
    NoFaceError,
    WeightsError,
    WeightsNotFoundError,
)
from npfacenet.faces import Detector, Faces, Mtcnn, Yunet
from npfacenet.models.loaded_detectors import LoadedDetectors
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import Preparation

FACE, FLAT = (20.0, 30.0, 116.0, 126.0), (200.0, 200.0, 300.0, 300.0)
PHOTO = pasted(320, (20, 30))


@pytest.fixture(scope="module")
def model() -> Model:
    return npfacenet.load()


def test_of_several_faces_those_that_can_be_used_are_embedded(model: Model) -> None:
    for on_error in ("raise", "skip", "skip-no-face"):
        found = model.embed(PHOTO, detect=Drawn((FACE, FLAT)), choose="all", on_error=on_error)
        assert [face.index for face in found.faces] == [0]
        (skipped,) = found.skipped
        assert skipped.no_face
        assert skipped.position == 0
        assert "face 2 of 2 has a contrast of" in skipped.reason
    with pytest.raises(FaceError, match="contrast"):
        model.embed(PHOTO, detect=Drawn((FLAT,)), choose="all")
    with pytest.raises(FaceError, match="contrast"):
        model.embed(PHOTO, detect=Drawn((FACE, FLAT)), choose="largest")


def test_pictures_without_a_face_are_skipped_and_damaged_ones_are_not(model: Model) -> None:
    found = model.embed([PHOTO, PHOTO], detect=Drawn(), on_error="skip-no-face")
    assert [one.position for one in found.skipped if one.no_face] == [0, 1]
    with pytest.raises(ImageError, match="not a picture") as caught:
        model.embed([PHOTO, b"damaged"], detect=Drawn(), on_error="skip-no-face")
    assert not isinstance(caught.value, FaceError)
    with pytest.raises(ArgumentError, match="on_error is one of raise, skip, skip-no-face"):
        model.embed(PHOTO, on_error="ignore")  # type: ignore[arg-type]  # the fault under test


@dataclass(frozen=True, eq=False)
class Careless(Detector):
    """Gives whatever it was made with."""

    name: ClassVar[str] = "careless"

    gives: object = None

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return self.gives  # type: ignore[return-value]  # the fault under test


@pytest.mark.parametrize("gives", [None, [], {}, "face", 3])
def test_a_detector_that_gives_no_faces_is_at_fault(model: Model, gives: object) -> None:
    with pytest.raises(ArgumentError, match="a detector finds Faces, and careless gave"):
        model.embed(PHOTO, detect=Careless(gives))


@pytest.mark.parametrize("named", [{}, {"name": None}, {"name": 3}], ids=str)
def test_a_detector_without_a_name_is_told(model: Model, named: dict[str, object]) -> None:
    nameless = type("Nameless", (Detector,), {"find": Careless.find, "gives": None, **named})
    with pytest.raises(
        ArgumentError, match=r"the detector Nameless needs a name, .*, not (None|3)"
    ):
        model.embed(PHOTO, detect=nameless())


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../mtcnn", "a/b", "C:\\x", "~", "mtcnn@", "mtcnn@xyz", "a b", ""]
)
def test_a_preparation_names_no_file(name: str) -> None:
    with pytest.raises(ArgumentError, match="a detector's name has"):
        Preparation(name, "margin-0")
    alignments: list[object] = [["margin-0"], {}, 3, "by eye"]
    for alignment in alignments:
        with pytest.raises(ArgumentError):
            Preparation("mtcnn", alignment)  # type: ignore[arg-type]  # the fault under test


@pytest.mark.parametrize("name", ["weights.h5", "secret", "Yunet"])
def test_a_card_opens_no_file(
    model: Model, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"secret")
    own = replace(model, card=model.card.with_preparation(Preparation(name, "margin-0")))
    with pytest.raises(WeightsNotFoundError, match=f"faces that '{name}' has found") as caught:
        own.embed(PHOTO)
    assert "HDF5" not in str(caught.value)


def test_a_detectors_name_is_not_what_lies_in_the_folder(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NPFACENET_WEIGHTS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("mtcnn", "yunet"):
        Path(name).mkdir()
        with pytest.raises(WeightsNotFoundError, match=f"no weights called '{name}'"):
            npfacenet.faces.load(name)
    with pytest.raises(WeightsError, match="lacks pnet"):
        npfacenet.faces.load("./mtcnn")


def test_what_is_kept_under_a_detectors_name_is_that_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = shared("weights/yunet_n.onnx")
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    from npfacenet.checkpoints.conversion import write_checkpoint
    from npfacenet.checkpoints.reading import read_checkpoint

    held = read_checkpoint(file, None)
    write_checkpoint(tmp_path / "mtcnn.h5", held.network, held.parameters, held.card)
    with pytest.raises(WeightsError, match="found under the name 'mtcnn', but holds yunet"):
        npfacenet.faces.load("mtcnn")


def test_a_path_is_read_at_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = LoadedDetectors()
    shutil.copy(shared("weights/yunet_n.onnx"), tmp_path / "d.onnx")
    monkeypatch.chdir(tmp_path)
    assert isinstance(loaded.load("d.onnx"), Yunet)
    Path("d.onnx").write_bytes(b"")
    with pytest.raises(WeightsError):
        loaded.load("d.onnx")


@dataclass(frozen=True, eq=False)
class Shifted(Mtcnn):
    """Finds faces beside where they are."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in(FACE)


class Impostor(Detector):
    name: ClassVar[str] = "mtcnn"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in(FACE)


def test_only_the_public_detector_has_the_public_name(model: Model) -> None:
    found = model.embed(PHOTO, detect=Impostor())
    assert str(found.preparation).startswith("mtcnn@")
    assert found.threshold is None
    mtcnn = npfacenet.faces.load(shared("weights/mtcnn"))
    assert isinstance(mtcnn, Mtcnn)
    assert mtcnn.identity == "mtcnn"
    shifted = Shifted(mtcnn.pnet, mtcnn.rnet, mtcnn.onet)
    swapped = replace(mtcnn, rnet=mtcnn.pnet)
    names = {each.identity for each in (mtcnn, shifted, swapped, Impostor())}
    assert len(names) == 4


def test_a_card_finds_faces_as_it_was_trained_to(model: Model) -> None:
    detector = Impostor()
    trained = Preparation(detector.identity, "margin-0")
    own = replace(model, card=model.card.with_preparation(trained))
    found = own.embed(PHOTO, detect=detector)
    assert found.preparation == trained
    assert found.fingerprint == own.fingerprint
    with pytest.raises(WeightsNotFoundError, match="weights or settings that are not the public"):
        own.embed(PHOTO)


def test_a_fingerprint_knows_where_a_template_puts_the_landmarks(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Preparation("mtcnn", "openface-affine")
    before = model.fingerprint_of(prepared)
    other = {**ALIGNMENTS, "openface-affine": ALIGNMENTS["openface-similarity"]}
    monkeypatch.setattr("npfacenet.checkpoints.fingerprint.ALIGNMENTS", other)
    assert replace(model).fingerprint_of(prepared) != before


def test_nobody_is_enrolled_with_no_face(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    from PIL import Image

    Image.fromarray(PHOTO).save(folder / "ada.png")
    with pytest.raises(NoFaceError, match=r"ada.png' shows no face"):
        npfacenet.enrol(model, folder, detect=Drawn())
    gallery = npfacenet.enrol(model, folder, detect=Drawn(), on_error="skip")
    assert (len(gallery), gallery.passed_over[0].no_face) == (0, True)
