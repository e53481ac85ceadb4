"""The detector that comes with the package: where it is found, and what its name stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from drawn_detector import faces_in
from finder_files import write_finder

import npfacenet
from npfacenet.cards import Preparation
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.errors import WeightsError, WeightsNotFoundError
from npfacenet.faces import Detector, Faces, Finder, default_name, load
from npfacenet.zoo.lookup import find
from npfacenet.zoo.packaged import FINDER, PACKAGED


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing was fetched; returns the folder that holds its cache."""
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("npfacenet.zoo.lookup.cache_folder", lambda: tmp_path / "cache")
    for folder in ("weights", "cache"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def missing(bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with an installation that lacks the finder."""
    small = bare / "package"
    small.mkdir()
    (small / "npfacenet-small.h5").symlink_to(find("npfacenet-small"))
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: (small,))
    return bare


def test_the_packaged_file_is_the_one_that_the_name_stands_for(finder: Finder) -> None:
    """If the weights were trained anew, `zoo/packaged.py` must state the new digest."""
    assert weights_digest(finder.network.parameters) == PACKAGED[FINDER].weights
    assert finder.identity == "finder"


def test_it_is_small_and_its_kernels_are_stored_as_float16(finder: Finder) -> None:
    assert find("finder").stat().st_size <= 450_000
    for (_, name), values in finder.network.parameters.items():
        if name == "kernel":
            assert np.array_equal(values, values.astype(np.float16).astype(np.float32))


def test_it_is_found_with_nothing_fetched(bare: Path, drawn_finder: Path) -> None:
    detector = load("finder")
    assert isinstance(detector, Finder)
    assert detector.identity == detector.name == default_name() == "finder"
    assert find("finder") == drawn_finder


def test_nothing_else_passes_for_it(
    bare: Path, drawn_finder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("weights", "cache", "."):
        for name in ("finder.h5", "npfacenet-finder.h5"):
            write_finder(bare / folder / name, seed=4)
    monkeypatch.chdir(bare)
    assert load("finder").identity == "finder"
    assert load("npfacenet-finder").identity == "finder"
    assert load(bare / "finder.h5").identity.startswith("finder@")


def test_a_model_whose_card_names_it_needs_nothing_fetched(bare: Path, drawn_finder: Path) -> None:
    model = npfacenet.load()
    model = replace(model, card=model.card.with_preparation(Preparation("finder", "margin-32")))
    noise = np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)
    found = model.embed(noise)
    assert str(found.preparation) == "finder, margin-32"
    assert found.fingerprint == model.fingerprint
    assert found.fingerprint == model.embed(noise, detect="finder").fingerprint
    assert found.fingerprint == model.embed(noise, detect=load("finder")).fingerprint


def test_an_installation_without_it_is_said_to_be_incomplete(missing: Path) -> None:
    model = npfacenet.load()
    model = replace(model, card=model.card.with_preparation(Preparation("finder", "margin-32")))
    noise = np.zeros((60, 70, 3), np.uint8)
    incomplete = "comes? with npfacenet: the installation is incomplete, reinstall it"
    with pytest.raises(WeightsNotFoundError, match=incomplete):
        load("finder")
    with pytest.raises(WeightsNotFoundError, match=incomplete):
        default_name()
    with pytest.raises(WeightsNotFoundError, match=f"is for faces that finder.*{incomplete}"):
        model.embed(noise)
    with pytest.raises(WeightsNotFoundError, match=incomplete):
        model.embed(noise, detect="finder")


def test_without_it_another_detector_is_the_default(missing: Path) -> None:
    (missing / "cache/yunet.h5").write_bytes(b"weights")
    assert default_name() == "yunet"


def test_a_damaged_file_is_told(missing: Path) -> None:
    (missing / "package/npfacenet-finder.h5").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"npfacenet-finder\.h5"):
        load("finder")


@dataclass(frozen=True, eq=False)
class Shifted(Finder):
    """Finds faces beside where they are."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in((0, 0, 10, 10))


class Impostor(Detector):
    name: ClassVar[str] = "finder"

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in((0, 0, 10, 10))


def test_only_the_packaged_weights_with_their_settings_have_the_name(
    drawn_finder: Path, tmp_path: Path
) -> None:
    known = load("finder")
    assert isinstance(known, Finder)
    copy = write_finder(tmp_path / "copy.h5")
    assert load(copy).identity == "finder"
    other = load(write_finder(tmp_path / "other.h5", seed=4))
    others = (
        other, replace(known, threshold=0.5), replace(known, most_shared=0.4),
        replace(known, scales=(1.0,)), Shifted(known.network), Impostor(),
    )  # fmt: skip
    names = {each.identity for each in others}
    assert len(names) == len(others)
    assert all(name.startswith("finder@") for name in names)


def test_no_file_is_read_to_know_the_name(
    drawn_finder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = load("finder")

    def reading() -> None:
        raise AssertionError("the manifest was read")

    monkeypatch.setattr("npfacenet.zoo.manifest.manifest", reading)
    assert detector.identity == "finder"
