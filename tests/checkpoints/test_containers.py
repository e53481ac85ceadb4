"""A container or a layout more is one file and one line of a table: here one of each is tried."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest

import npfacenet
from npfacenet.cards import Card, Threshold, card_from_json
from npfacenet.checkpoints import containers, conversion, layouts
from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.csv_folder import CsvFolder
from npfacenet.checkpoints.hdf5 import Hdf5File
from npfacenet.checkpoints.layout import Contents, Layout, Tensor, Writer, tensor_of
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import ArgumentError, WeightsError
from npfacenet.networks import Network, Outputs, ParameterName
from npfacenet.networks.graph import graph_of
from npfacenet.recipes import register, unregister
from npfacenet.testing.weight_files import TINY, tiny_network, whole_weight_file
from npfacenet.zoo.description import describe_file

CARD = Card("tiny", None, 4, 6, "unit", Threshold(0.5, "drawn"), "drawn", "none", ("Ada",))


class Npz(Container):
    """A zip archive of .npy files."""

    kind: ClassVar[str] = "a zip archive of NumPy arrays"

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive

    @classmethod
    def recognises(cls, path: Path) -> bool:
        return zipfile.is_zipfile(path)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Npz]:
        with zipfile.ZipFile(path) as archive:
            yield cls(path, archive)

    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Entry]:
        found = []
        for name in self._archive.namelist():
            with self._archive.open(name) as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            found.append(Entry(name.removesuffix(".npy"), shape, dtype, partial(self._read, name)))
        return found

    def _read(self, name: str, output: npt.NDArray[np.generic]) -> None:
        output[...] = np.load(io.BytesIO(self._archive.read(name)))

    def has_entry(self, name: str) -> bool:
        return f"{name}.npy" in self._archive.namelist()


class Pairs(Layout):
    """LAYER:PARAMETER, a card, and a network that the file describes itself."""

    name: ClassVar[str] = "pairs"
    described: ClassVar[object | None] = None

    def __init__(self, container: Container) -> None:
        self.path = container.path
        every = {entry.name: entry for entry in container.entries()}
        card = json.loads(every.pop("card").read_as(np.dtype(np.uint8)).tobytes())
        self._card = card_from_json(card, str(self.path))
        self._tensors: dict[ParameterName, Tensor] = {}
        for name, entry in every.items():
            layer, _, parameter = name.partition(":")
            self._tensors[layer, parameter] = tensor_of(entry, self.path)

    @classmethod
    def recognises(cls, container: Container) -> bool:
        return container.has_entry("card") and not container.has_entry("index")

    @property
    def card(self) -> Card:
        return self._card

    @property
    def graph(self) -> object | None:
        return self.described

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        return self._tensors


def write_pairs(path: Path, contents: Contents) -> None:
    text = json.dumps(asdict(contents.card)).encode()
    arrays: dict[str, npt.NDArray[np.generic]] = {"card": np.frombuffer(text, np.uint8)}
    arrays |= {":".join(name): tensor for name, tensor in contents.parameters.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """The line that each table takes."""
    writer = Writer("pairs", (".npz",), write_pairs, keeps_card=True)
    monkeypatch.setattr(containers, "CONTAINERS", (Npz, *containers.CONTAINERS))
    monkeypatch.setattr(layouts, "LAYOUTS", (*layouts.LAYOUTS, Pairs))
    monkeypatch.setattr(conversion, "WRITERS", (*layouts.WRITERS, writer))
    return writer


@pytest.fixture
def file(pairs: Writer, tmp_path: Path) -> Path:
    path, network = tmp_path / "tiny.npz", tiny_network()
    parameters = network.initialise(0)
    conversion.write_checkpoint(path, network, parameters, CARD, layout=pairs.layout)
    return path


def test_a_new_container_and_layout_are_read_and_written(file: Path) -> None:
    found = read_checkpoint(file, (TINY,))
    assert (found.layout, found.own_card, found.card) == ("pairs", True, CARD)
    for name, tensor in tiny_network().initialise(0).items():
        np.testing.assert_array_equal(found.parameters[name], tensor)
    assert conversion.unstored_choices(replace(CARD, preprocessing="fixed"), "pairs") == {}
    with pytest.raises(ArgumentError, match=r"layout pairs, which is called NAME\.npz"):
        conversion.require_layout(Path("a.h5"), "pairs")
    with pytest.raises(ArgumentError, match="only npfacenet stores half precision, not pairs"):
        conversion.require_layout(Path("a.npz"), "pairs", half=True)


def test_what_no_new_container_recognises_is_opened_as_before(
    pairs: Writer, tmp_path: Path
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("npfacenet"))
    assert read_checkpoint(path, (TINY,)).layout == "npfacenet"
    path.write_bytes(b"version https://git-lfs")
    with pytest.raises(WeightsError, match="is a Git LFS pointer"):
        read_checkpoint(path, (TINY,))


def test_a_container_in_no_layout_says_what_it_is(pairs: Writer, tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.savez(file, x=np.zeros(3))
    with pytest.raises(WeightsError, match=r"a\.npz is a zip archive of NumPy arrays, but in no"):
        read_checkpoint(tmp_path / "a.npz")


# A network that is in no catalogue, described by its file.


def test_a_file_may_describe_its_network(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="its card states 'tiny' with 4 numbers"):
        npfacenet.load(file)
    monkeypatch.setattr(Pairs, "described", graph_of(tiny_network()))
    model = npfacenet.load(file)
    assert model.card == CARD
    assert model.network == tiny_network()
    picture = np.random.default_rng(3).integers(0, 256, (6, 6, 3), np.uint8)
    assert model.embed(picture).values.shape == (1, 4)
    assert model.parameters["conv1", "bias"].shape == (5,)  # read again
    assert describe_file(file).network == "tiny (4 numbers)"
    assert describe_file(file).fingerprint == model.fingerprint
    with pytest.raises(
        ArgumentError, match=r"holds tiny .*, which is not architecture 'nn4.small2"
    ):
        npfacenet.load(file, architecture="nn4.small2")


def test_the_catalogue_comes_before_what_the_file_describes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pairs, "described", graph_of(tiny_network()))
    register(TINY)
    try:
        assert read_checkpoint(file).recipe is TINY
    finally:
        unregister(TINY)
    assert read_checkpoint(file).recipe is not TINY


# What every container promises.


def test_a_folder_of_csv_files_tells_shapes_when_it_reads(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n")
    (tmp_path / "b.csv").write_text("4")
    folder = CsvFolder(tmp_path)
    assert [(entry.name, entry.shape) for entry in folder.entries()] == [
        ("a.csv", None), ("b.csv", None)
    ]  # fmt: skip
    assert [entry.name for entry in folder.entries(skip=lambda name: name == "a.csv")] == ["b.csv"]
    assert folder.entries("group") == []
    assert folder.has_entry("a.csv")
    assert not folder.has_group("a.csv")
    assert not folder.has_attribute("", "a.csv")
    output = np.empty(3, np.float32)
    folder.entries()[0].read(output)
    assert output.tolist() == [1, 2, 3]
    with pytest.raises(WeightsError, match=r"b\.csv holds 1 numbers instead of 3"):
        folder.entries()[1].read(output)


def test_parts_are_of_the_dtype_that_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("npfacenet"))
    with Hdf5File.open(path) as file:
        numbers = next(entry for entry in file.entries() if entry.name == "float32")
        assert numbers.read_part is not None
        part = np.empty(4, np.float32)
        numbers.read_part(3, part)
        np.testing.assert_array_equal(part, numbers.read_as(np.dtype(np.float32))[3:7])
        with pytest.raises(WeightsError, match="'float32' is not stored as float64"):
            numbers.read_part(0, np.empty(4))
