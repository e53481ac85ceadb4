"""Another model for a gallery: pictures are embedded anew, everything else stays."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import npfacenet
from npfacenet.errors import GalleryError
from npfacenet.gallery import (
    EnrolmentOptions,
    Gallery,
    enrol_into,
    identify,
    not_shown,
    reenrol,
)
from npfacenet.gallery.stored_pictures import files_by_digest
from npfacenet.models import Model
from npfacenet.models.face_options import FaceOptions
from npfacenet.samples import conditions, photograph
from npfacenet.samples.photograph import Figure

CROPS = FaceOptions(detect=False)
KEEP = EnrolmentOptions(keep=True)


@pytest.fixture(scope="module")
def model() -> Model:
    return npfacenet.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for person in (1, 2):
        for picture in (0, 1):
            figure = Figure(person, 120, 110, 90, conditions(9 * person + picture))
            drawn = photograph([figure], width=240, height=240, background=picture)
            Image.fromarray(drawn.picture).save(folder / f"{person}_{picture}.png")
    return folder


def enrolled(model: Model, folder: Path, options: EnrolmentOptions) -> Gallery:
    gallery = Gallery()
    for person in (1, 2):
        enrol_into(gallery, model, {f"p{person}": [folder / f"{person}_0.png"]}, options)
    not_shown(gallery, model, "p1", [folder / "1_1.png"], options)
    return gallery


@pytest.mark.parametrize("kept", [True, False])
def test_names_times_and_corrections_stay(model: Model, folder: Path, kept: bool) -> None:
    gallery = enrolled(model, folder, KEEP if kept else EnrolmentOptions())
    gallery.merge("p2", "p1")
    gallery.rename("p1", "anna")
    before = gallery.references("anna")
    assert reenrol(gallery, model, None if kept else folder, CROPS) == 3
    after = gallery.references("anna")
    assert [(r.id, r.added, r.source, r.digest, r.kept) for r in after] == [
        (r.id, r.added, r.source, r.digest, r.kept) for r in before
    ]
    assert gallery.card == replace(model.card, trained_on=())
    assert gallery.people == ("anna",)
    assert "p2" in gallery
    assert gallery.check() == ()
    expected = model.embed([folder / "1_0.png", folder / "2_0.png"], detect=False)
    np.testing.assert_allclose(gallery["anna"].values, expected.values, atol=1e-5)
    assert gallery["anna"].fingerprint == expected.fingerprint
    probe = model.embed(folder / "1_1.png", detect=False)
    assert identify(probe, gallery, threshold=2).match is None  # it does not show her
    assert reenrol(gallery, model, None if kept else folder) == 3  # and back
    assert gallery.references("anna")[0].face == before[0].face


def test_missing_pictures_change_nothing(model: Model, folder: Path, tmp_path: Path) -> None:
    gallery = enrolled(model, folder, EnrolmentOptions())
    before = gallery["p1"]
    with pytest.raises(GalleryError, match=r"3 pictures are not kept .*1_0.png.*name a folder"):
        reenrol(gallery, model, None, CROPS)
    with pytest.raises(GalleryError, match="lacks them; nothing was changed"):
        reenrol(gallery, model, tmp_path, CROPS)
    np.testing.assert_array_equal(gallery["p1"].values, before.values)
    assert gallery["p1"].fingerprint == before.fingerprint


def test_a_change_in_the_meantime_is_noticed(model: Model, folder: Path, tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g") as gallery:
        enrol_into(gallery, model, {"p1": [folder / "1_0.png"]}, KEEP)

        def meddle(_: str, __: int, ___: int | None) -> None:
            with Gallery.open(tmp_path / "g") as other:
                other.add("p2", model.embed(folder / "2_0.png"))

        with pytest.raises(GalleryError, match="changed in the meantime"):
            reenrol(gallery, model, None, CROPS, progress=meddle)
        assert gallery.people == ("p1", "p2")
        assert gallery["p1"].fingerprint == gallery["p2"].fingerprint == model.fingerprint


def test_a_person_removed_in_the_meantime_is_noticed(
    model: Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = enrolled(model, folder, KEEP)
    stored = gallery.stored_pictures()
    gallery.remove("p2")
    monkeypatch.setattr(gallery, "stored_pictures", lambda: stored)
    with pytest.raises(GalleryError, match="changed in the meantime"):
        reenrol(gallery, model, None, CROPS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "empty").touch()
    (tmp_path / "one").write_bytes(b"x")
    assert list(files_by_digest(tmp_path).values()) == [tmp_path / "one"]


def test_the_face_that_was_enrolled_is_found_again(model: Model, tmp_path: Path) -> None:
    figures = [Figure(1, 90, 130, 60, conditions(9)), Figure(2, 250, 130, 75, conditions(18))]
    drawn = photograph(figures, width=340, height=260)
    Image.fromarray(drawn.picture).save(tmp_path / "two.png")
    central = EnrolmentOptions(FaceOptions(choose="central"), keep=True)
    gallery = Gallery()
    enrol_into(gallery, model, {"p": [tmp_path / "two.png"]}, central)
    before = gallery["p"]
    reenrol(gallery, model)
    np.testing.assert_allclose(gallery["p"].values, before.values, atol=1e-5)


def test_a_correction_in_the_meantime_is_not_left_as_another_models(model: Model) -> None:
    gallery = Gallery.of({"anna": [1.0, 0.0]})
    stored = gallery.stored_pictures()
    gallery.not_this_person("anna", [0.0, 1.0])
    with pytest.raises(GalleryError, match="changed in the meantime"):
        gallery.replace_all(stored, [], model.card)
    assert identify([1.0, 0.0], gallery, threshold=1).match == "anna"
