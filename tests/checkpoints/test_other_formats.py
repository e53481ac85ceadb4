"""What is said of files and folders that come in place of a weight file."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import shared
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.checkpoints import protobuf
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.checkpoints.signature import LARGEST_WEIGHTS
from npfacenet.errors import WeightsError


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


NODE = field(1, b"input") + field(2, b"Placeholder")
FILES = {
    "t7": (b"\4\0\0\0\1\0\0\0\3\0\0\0V 1\r\0\0\0nn.Sequential", "a Torch 7 file"),
    "t7 of long numbers": (
        b"\4\0\0\0\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0V 1\r\0\0\0\0\0\0\0nn.Sequential",
        "a Torch 7 file",
    ),
    "t7 in text": (b"4\n1\n3\nV 1\n13\nnn.Sequential\n", "a Torch 7 file"),
    "mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file"),
    "pb": (field(1, NODE) * 3 + field(4, field(1, 134)), "a TensorFlow graph"),
    "old pb": (field(1, NODE) + field(3, 21), "a TensorFlow graph"),
    "saved_model.pb": (field(1, 1) + field(2, b"\x0a\x00"), "a SavedModel"),
    "caffemodel": (field(1, b"net") + field(100, field(1, b"conv1")) * 2, "a Caffe model"),
    "old caffemodel": (field(1, b"net") + field(2, field(4, b"conv1")), "a Caffe model"),
    "mlmodel": (field(1, 4) + field(2, b"") + field(500, b"network"), "a Core ML model"),
    "tflite": (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
    "safetensors": (b"\x40\0\0\0\0\0\0\0" + b'{"conv1": {}}', "a safetensors file"),
    "pt": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", "a PyTorch file"),
    "gguf": (b"GGUF\3\0\0\0", "a GGUF file"),
    "jpg": (b"\xff\xd8\xff\xe0", "a picture"),
    "yaml": (b"backend: tensorflow\nclass_name: Model\n", "the architecture of a Keras model"),
    "tfjs": (b'{"format": "layers-model", "class_name": 1}', "a model of TensorFlow.js"),
    "config.json": (b'{"model_type": "resnet"}', "a text in JSON"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_others_get_the_right_words(name: str, tmp_path: Path) -> None:
    content, said = FILES[name]
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"weights\.h5 is {said}"):
        read_checkpoint(path)


PARTS = [
    field(2, b"pytorch"), field(3, b"2.1"), field(4, b""), field(5, 0), field(6, b"words"),
    field(7, b"\x0a\x02\x0a\x00" * 100), field(14, field(1, b"key")), field(8, field(2, 17)),
]  # fmt: skip


@given(st.integers(1, 300), st.permutations(PARTS), st.data())
def test_onnx_is_known_at_any_version_and_in_any_order(
    version: int, parts: list[bytes], data: st.DataObject
) -> None:
    parts.insert(data.draw(st.integers(0, len(parts))), field(1, version))
    assert kind_of(b"".join(parts)) == "ONNX"


def kind_of(content: bytes) -> str | None:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return protobuf.kind(file)


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_to_an_end(content: bytes) -> None:
    assert kind_of(content) in (None, "ONNX", "SavedModel", "graph", "Caffe", "Core ML")


def test_real_onnx_files() -> None:
    """They are told from other formats, and read: each as the network that it holds."""
    found = {}
    for path in (shared("weights/yunet_n.onnx"), *shared("weights/mtcnn").glob("*.onnx")):
        with path.open("rb") as file:
            assert protobuf.kind(file) == "ONNX"
        checkpoint = read_checkpoint(path)
        found[path.name] = (checkpoint.recipe.architecture, checkpoint.layout)
        assert checkpoint.card.purpose == "detection"
    assert found == {
        "yunet_n.onnx": ("yunet", "onnx"),
        **{f"{name}.onnx": (f"mtcnn-{name}", "mtcnn-onnx") for name in ("pnet", "rnet", "onet")},
    }


def test_an_architecture_leads_to_the_weights_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"class_name": "Model", "config": {}, "keras_version": "2.0.5"}')
    with pytest.raises(WeightsError, match=r"without its weights; name the \.h5 file"):
        read_checkpoint(path)
    for name in ("model.h5", "._model.h5"):
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=r"beside it lies model\.h5: name that file"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (["a.npy", "b.npy"], r"an archive of NumPy arrays \(\.npz\)"),
        (["model.weights.h5", "config.json"], r"a \.keras archive; unzip it"),
        (["__MACOSX/._model.h5", "in/model.h5"], r"unzip it and take its model\.h5$"),
        (["export/saved_model.pb"], "a zip archive of a SavedModel"),
        (["weights/conv1_w.csv"], "a zip archive of CSV files"),
        (["model/data.pkl", "model/code/__torch__.py"], "a PyTorch file"),
    ],
)
def test_archives_are_known_by_their_members(members: list[str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, "content")
    with pytest.raises(WeightsError, match=said):
        read_checkpoint(path)


def test_a_real_npz(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, conv1=np.zeros(3))
    (tmp_path / "w.npz").write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError, match=r"NumPy arrays \(\.npz\)"):
        read_checkpoint(tmp_path / "w.npz")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["model.h5", "model.json"], r"it holds model\.h5: name that file"),
        (["a.h5", "b.weights.h5"], r"it holds b\.weights\.h5: name that file"),
        (["a.hdf5"], r"it holds a\.hdf5: name that file"),
        (["saved_model.pb", "variables/x"], "it is a SavedModel of TensorFlow"),
        (["20180402.pb"], "it holds a TensorFlow graph"),
        (["m.ckpt-90.index", "checkpoint"], "it holds a TensorFlow checkpoint"),
        (["m.keras"], r"it holds m\.keras: unzip it"),
        (["m.onnx"], "it holds an ONNX model"),
        (["m.pt"], "it holds a PyTorch file"),
        (["._model.h5", "__MACOSX/model.h5"], "name a weight file, or the course's folder"),
        (["deep/model.h5", "__MACOSX/m.h5"], r"its folder deep holds \*\.h5: name that"),
        (["deep/conv1_w.csv"], r"its folder deep holds \*\.csv: name that"),
        ([], "name a weight file, or the course's folder"),
        ([f"{i}.h5" for i in range(9)], r"0\.h5, 1\.h5, 2\.h5 and 6 more: name that"),
    ],
)
def test_folders_lead_to_the_file_in_them(names: list[str], said: str, tmp_path: Path) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(WeightsError, match=f"is a folder without CSV files; .*{said}"):
        read_checkpoint(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and devices")
def test_what_never_ends_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    with (tmp_path / "sparse.h5").open("wb") as file:
        file.truncate(1 << 40)
    said = {
        tmp_path / "pipe.h5": "a device, a pipe or a socket",
        Path("/dev/zero"): "a device, a pipe or a socket",
        tmp_path / "sparse.h5": f"more than a weight file can have .{LARGEST_WEIGHTS:,}",
    }
    if Path("/proc/self/pagemap").exists():
        said[Path("/proc/self/pagemap")] = "is empty"
    for path, words in said.items():
        with pytest.raises(WeightsError, match=words):
            read_checkpoint(path)
