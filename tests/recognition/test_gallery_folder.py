"""A gallery from a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import npfacenet
from npfacenet.cards import Card
from npfacenet.errors import GalleryError, ImageError
from npfacenet.gallery import enrol
from npfacenet.recipes import nn4_small2
from npfacenet.recognition.people_folder import people_in


@pytest.fixture(scope="module")
def model() -> npfacenet.Model:
    network = nn4_small2()
    card = Card("nn4.small2", "course", 128, 96, "unit", None, "drawn", "none")
    return npfacenet.Model(network, network.initialise(1), card)


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(sum(path.name.encode())).integers(0, 256, (8, 8, 3), np.uint8)
    PIL.Image.fromarray(colours).resize((40, 40)).save(path)
    return path


def test_files_and_folders_name_people(tmp_path: Path, model: npfacenet.Model) -> None:
    for name in ("anna.png", "bert/1.png", "bert/2.PNG", "Zoë O'Neil.jpg", "anna/old.bmp"):
        draw(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "bert" / "Thumbs.db").write_bytes(b"")
    gallery = enrol(model, tmp_path)
    assert sorted(gallery.people) == ["Zoë O'Neil", "anna", "bert"]
    assert sorted(gallery.names) == ["Zoë O'Neil", "anna", "anna", "bert", "bert"]
    for name, row in zip(gallery.names, gallery.embeddings or (), strict=True):
        assert name in row.sources[0]
    probe = model.embed(tmp_path / "bert" / "2.PNG")
    found = npfacenet.identify(probe, gallery, threshold=1e-5)
    assert found.match == "bert"
    assert npfacenet.identify(probe, gallery.without("bert"), threshold=1e-5).match is None


def test_damaged_pictures_stop_or_are_skipped(tmp_path: Path, model: npfacenet.Model) -> None:
    draw(tmp_path / "anna.png")
    (tmp_path / "bert.png").write_bytes(draw(tmp_path / "carl.png").read_bytes()[:60])
    with pytest.raises(ImageError, match=r"bert\.png"):
        enrol(model, tmp_path)
    gallery = enrol(model, tmp_path, on_error="skip")
    assert gallery.names == ("anna", "carl")
    assert gallery.embeddings is not None
    assert [(Path(s.source).name, s.position) for s in gallery.passed_over] == [("bert.png", 1)]


def test_folders_that_are_no_gallery_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="holds no picture; a gallery holds"):
        people_in(tmp_path)
    with pytest.raises(GalleryError, match="is not a folder"):
        people_in(tmp_path / "missing")
    (tmp_path / "anna").mkdir()
    with pytest.raises(GalleryError, match=r"passed over: anna \(holds no picture\)"):
        people_in(tmp_path)


def test_a_person_who_is_not_there_is_said_so(tmp_path: Path, model: npfacenet.Model) -> None:
    draw(tmp_path / "anna.png")
    with pytest.raises(GalleryError, match="nobody in the gallery is called 'bert'"):
        enrol(model, tmp_path)["bert"]
