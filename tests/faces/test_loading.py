"""From a name, a folder or a file to a detector."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import npfacenet
from npfacenet.cards import derived_card, input_size_of
from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.errors import WeightsError, WeightsNotFoundError
from npfacenet.faces import Mtcnn, Yunet, load
from npfacenet.faces.finder import Finder
from npfacenet.recipes.finder import NPFACENET_FINDER, npfacenet_finder
from npfacenet.recipes.mtcnn import MTCNN
from npfacenet.recipes.yunet import YUNET


@pytest.fixture
def folder(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights that is looked in, with both detectors."""
    shutil.copytree(photographs / "weights/mtcnn", tmp_path / "mtcnn")
    shutil.copy(photographs / "weights/yunet_n.onnx", tmp_path)
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    return tmp_path


def test_detectors_are_found_by_name_and_by_path(folder: Path) -> None:
    assert isinstance(load("mtcnn"), Mtcnn)
    assert isinstance(load("yunet"), Yunet)
    assert isinstance(load(folder / "mtcnn"), Mtcnn)
    assert isinstance(load(str(folder / "yunet_n.onnx")), Yunet)
    (folder / "yunet_n.onnx").rename(folder / "yunet.onnx")
    assert isinstance(npfacenet.faces.load("yunet"), Yunet)


def test_a_folder_that_lacks_a_network_is_refused(folder: Path) -> None:
    (folder / "mtcnn/rnet.onnx").unlink()
    with pytest.raises(WeightsError, match=r"lacks rnet\.onnx; name a folder with pnet\.onnx"):
        load(folder / "mtcnn")


def test_networks_that_changed_places_are_refused(folder: Path) -> None:
    shutil.copy(folder / "mtcnn/onet.onnx", folder / "mtcnn/pnet.onnx")
    with pytest.raises(WeightsError, match=r"does not hold the tensors of mtcnn-pnet .*missing"):
        load("mtcnn")
    with pytest.raises(WeightsError, match=r"name the folder that holds them"):
        load(folder / "mtcnn/onet.onnx")
    (folder / "mtcnn/rnet.onnx").rename(folder / "other.onnx")
    with pytest.raises(WeightsError, match=r"does not hold the tensors of yunet|no tensor"):
        load(folder / "other.onnx")


def test_weights_in_our_own_layout_find_the_same_faces(
    mtcnn: Mtcnn, yunet: Yunet, photographs: Path, tmp_path: Path
) -> None:
    parts = {"pnet": mtcnn.pnet, "rnet": mtcnn.rnet, "onet": mtcnn.onet, "yunet": yunet.network}
    for (name, ready), recipe in zip(parts.items(), (*MTCNN, YUNET), strict=True):
        network, path = ready.network, tmp_path / f"{name}.h5"
        card = derived_card(recipe, input_size_of(network), path)
        write_checkpoint(path, network, ready.parameters, card, layout="npfacenet")
    again = {"mtcnn": load(tmp_path), "yunet": load(tmp_path / "yunet.h5")}
    for detector in (mtcnn, yunet):
        expected, found = (
            each.detect(photographs / "pictures/two-faces.jpg", threads=1)
            for each in (detector, again[detector.name])
        )
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.landmarks, expected.landmarks)


def test_unknown_names_are_told_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(
        WeightsNotFoundError, match=f"no weights called 'yunet' in {tmp_path} .*yunet_n"
    ):
        load("yunet")
    with pytest.raises(WeightsNotFoundError, match="there are finder, mtcnn, yunet"):
        load("retinaface")
    for junk in (None, 3, b"mtcnn", ["mtcnn"]):
        with pytest.raises(WeightsNotFoundError, match="is named by a text"):
            load(junk)  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(WeightsNotFoundError):
        load("a\0b")


def test_other_weights_are_not_a_detector(drawn_file: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no tensor of a known network \(.*yunet\)"):
        load(drawn_file)
    with pytest.raises(WeightsError, match="lacks pnet"):
        load(tmp_path)


def test_a_card_with_another_scaling_than_the_detectors_is_refused(tmp_path: Path) -> None:
    network, path = npfacenet_finder(), tmp_path / "mine.h5"
    card = derived_card(NPFACENET_FINDER, 0, path)
    for scaling in ("fixed", "prewhiten"):
        stated = replace(card, preprocessing=scaling)
        write_checkpoint(path, network, network.initialise(0), stated, layout="npfacenet")
        if scaling == card.preprocessing:
            assert isinstance(load(path), Finder)
            continue
        with pytest.raises(WeightsError, match="the preprocessing 'prewhiten', and npfacenet-find"):
            load(path)
