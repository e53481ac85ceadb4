"""Files and folders that people often have in place of an HDF5 file, and what to do with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from npfacenet.checkpoints import protobuf
from npfacenet.errors import listed, printable, shortened

_NEEDED = "; Keras' HDF5 file of the network is needed"
_WEB_PAGE = "a web page, not the weights; download the file itself"
_PICKLE = "a Python pickle, which is never opened; convert it to HDF5 where it is trusted"
_TORCH = (
    "a PyTorch file, which holds pickles and is never opened; load it where PyTorch is and write "
    "its tensors under the Keras names"
)
_MATLAB = "a MATLAB file, which holds no Keras layers"
_SAVED_MODEL = (
    "a SavedModel of TensorFlow; load it where TensorFlow is, and save its weights with "
    "model.save_weights('NAME.weights.h5')"
)
_GRAPH = f"a TensorFlow graph{_NEEDED}"
_JSON = "a text in JSON (an error of the server, perhaps), not the weights; download it again"
_ARCHITECTURE = "the architecture of a Keras model, without its weights"
_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the weights; run 'git lfs pull'",
    b"<?xml": "an XML document (an error of the server, perhaps); download the file again",
    b"<": _WEB_PAGE,
    b"\xff\xfe<": _WEB_PAGE,
    b"\xfe\xff\x00<": _WEB_PAGE,
    b"\x1f\x8b": "gzip data; unpack it first: gunzip, or tar xzf",
    b"BZh": "bzip2 data; unpack it first",
    b"\xfd7zXZ": "xz data; unpack it first",
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"PK\x05\x06": "an empty zip archive; copy it again",
    b"\x80\x02\x8a\nl\xfc\x9c": _TORCH,
    b"\x80\x02": _PICKLE,
    b"\x80\x03": _PICKLE,
    b"\x80\x04": _PICKLE,
    b"\x80\x05": _PICKLE,
    b"\x93NUMPY": "a NumPy array; weights of a whole network are needed",
    b"MATLAB 5": _MATLAB,
    b"MATLAB 7": _MATLAB,
    b"GGUF": f"a GGUF file{_NEEDED}",
    b"\xff\xd8\xff": "a picture (JPEG), not the weights",
    b"\x89PNG": "a picture (PNG), not the weights",
    b"%PDF": "a PDF document, not the weights",
    b"model_checkpoint_path:": f"the index of a TensorFlow checkpoint{_NEEDED}",
    b"\x0e\x03\x13\x01": "an HDF4 file, not HDF5; convert it with h4toh5",
}
_PROTOBUF = {
    "ONNX": f"an ONNX model{_NEEDED}",
    "SavedModel": _SAVED_MODEL,
    "graph": _GRAPH,
    "Caffe": f"a Caffe model{_NEEDED}",
    "Core ML": f"a Core ML model{_NEEDED}",
}
# A folder's files in the order in which they should be used, and what the message says of them.
_IN_FOLDERS = (
    ("*.weights.h5", "name that file"),
    ("*.h5", "name that file"),
    ("*.hdf5", "name that file"),
    ("*.keras", "unzip it and name its model.weights.h5"),
)
_NOT_READ = (
    ("saved_model.pb", f"it is {_SAVED_MODEL}"),
    ("*.pb", f"it holds {_GRAPH}"),
    ("*.ckpt*", f"it holds a TensorFlow checkpoint{_NEEDED}"),
    ("*.onnx", f"it holds an ONNX model{_NEEDED}"),
    ("*.safetensors", f"it holds a safetensors file{_NEEDED}"),
    ("*.pt", f"it holds {_TORCH}"),
    ("*.pth", f"it holds {_TORCH}"),
    ("data.pkl", f"it is {_TORCH}"),
)


def advice(path: Path, file: BinaryIO) -> str | None:
    """Say what a file is that is not HDF5, with the remedy, to follow "is"; None if unknown."""
    file.seek(0)
    start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        return _zip(file)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if text.startswith(b"{"):
        return _json(path, text)
    for beginning, what in _BEGINNINGS.items():
        if start.startswith(beginning) or text.lower().startswith(beginning.lower()):
            return what
    if text.startswith((b"backend:", b"class_name:")):
        return _ARCHITECTURE + _weights_beside(path)
    if start[4:8] == b"TFL3":
        return f"a TensorFlow Lite model{_NEEDED}"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 30:
        return f"a safetensors file{_NEEDED}"
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    # "V 1", a count, and a class: how Torch 7 writes an object, in binary or in text.
    if re.search(rb"V 1.{1,9}(nn|torch|cudnn|tds)\.", start, re.DOTALL):
        return f"a Torch 7 file (.t7){_NEEDED}"
    return _PROTOBUF.get(protobuf.kind(file) or "")


def folder_advice(folder: Path) -> str:
    """Say what to do with a folder that is not the course's, as the end of a sentence."""
    for pattern, remedy in _IN_FOLDERS:
        if found := visible(folder, pattern):
            return f"it holds {_shown(found)}: {remedy}"
    for pattern, what in _NOT_READ:
        if visible(folder, pattern):
            return what
    below = [path for path in visible(folder, "*") if path.is_dir()]
    for pattern in ("*.csv", "*.h5", "*.hdf5"):
        if found := [path for path in below if visible(path, pattern)]:
            return f"its folder {_shown(found)} holds {pattern}: name that"
    return "name a weight file, or the course's folder of conv1_w.csv, conv1_b.csv, ..."


def visible(folder: Path, pattern: str) -> list[Path]:
    """Return what matches in a folder, sorted, without the hidden files that macOS leaves."""
    return [
        path
        for path in sorted(folder.glob(pattern))
        if not path.name.startswith(".") and path.name != "__MACOSX"
    ]


def _json(path: Path, text: bytes) -> str:
    if b"weightsManifest" in text or b'"format"' in text or b'"modelTopology"' in text:
        return f"a model of TensorFlow.js{_NEEDED}"
    if b"class_name" in text or b"keras_version" in text:
        return _ARCHITECTURE + _weights_beside(path)
    return _JSON


def _weights_beside(path: Path) -> str:
    try:
        beside = [*visible(path.parent, "*.h5"), *visible(path.parent, "*.hdf5")]
    except OSError:
        beside = []
    if not beside:
        return "; name the .h5 file of weights that belongs to it"
    return f"; beside it lies {_shown(beside)}: name that file"


def _zip(file: BinaryIO) -> str:
    """Tell a zip archive by its members: Keras, PyTorch and NumPy all save as one."""
    import zipfile  # needed by messages only

    try:
        with zipfile.ZipFile(file) as archive:
            names = [n for n in archive.namelist() if not n.startswith("__MACOSX/")]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged zip archive, perhaps of Keras or PyTorch; copy it again"
    if "model.weights.h5" in names:
        return "a .keras archive; unzip it and take its model.weights.h5"
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH
    if names and all(name.endswith(".npy") for name in names):
        return f"an archive of NumPy arrays (.npz){_NEEDED}"
    if inside := [Path(name) for name in names if name.lower().endswith((".h5", ".hdf5"))]:
        return f"a zip archive; unzip it and take its {_shown(inside)}"
    if any(name.endswith("saved_model.pb") for name in names):
        return f"a zip archive of {_SAVED_MODEL}"
    if any(name.endswith("conv1_w.csv") for name in names):
        return "a zip archive of CSV files; unzip it and name the folder"
    return "a zip archive; unzip it and take the .h5 file in it"


def _shown(paths: Sequence[Path]) -> str:
    return listed([shortened(printable(path.name), 80) for path in paths], 3)
