"""Writing a network with its parameters as an ONNX file, for benchmarks against ONNX Runtime.

Needs onnx: pip install 'npfacenet[bench]'.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from npfacenet.layers import (
    Array,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)
from npfacenet.layers.window import Window, margins
from npfacenet.networks import Network, NetworkParameters, Node, Outputs

Constant: TypeAlias = npt.NDArray[np.generic]
OPSET = 17


def write_onnx(
    network: Network[Outputs], parameters: NetworkParameters, path: Path, batch: int | str = "N"
) -> None:
    """Write a network that takes NHWC pictures and computes in NCHW.

    `batch` is the number of pictures, for readers that need a fixed one; "N" leaves it open.
    Raises NotImplementedError for a layer without an ONNX operator.
    """
    nodes = [helper.make_node("Transpose", [network.INPUT], ["nchw"], perm=[0, 3, 1, 2])]
    constants = []

    def constant(name: str, value: Constant) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    for node in network.nodes:
        inputs = ["nchw" if name == network.INPUT else name for name in node.inputs]
        own = {p: parameters[node.name, p] for p in node.parameters}
        if isinstance(node.layer, ResidualAdd):
            # Of rank 0, so that ONNX Runtime folds the scale into the preceding convolution.
            scale = constant(f"{node.name}/scale", np.array(node.layer.scale, np.float32))
            nodes.append(helper.make_node("Mul", [inputs[1], scale], [f"{node.name}/scaled"]))
            inputs[1] = f"{node.name}/scaled"
        kind, extra, options = _operator(node, own, constant)
        nodes.append(helper.make_node(kind, inputs + extra, [node.name], **options))
    graph = helper.make_graph(
        nodes,
        "npfacenet",
        [_float32(network.INPUT, [batch, *network.input_shape])],
        [_float32(network.nodes[-1].name, [batch, *network.output_shape])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), path)


def _float32(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _operator(
    node: Node, own: dict[str, Array], constant: Callable[[str, Constant], str]
) -> tuple[str, list[str], dict[str, object]]:
    """Return the ONNX operator of a node, its constant inputs and its options."""
    name = node.name
    match node.layer:
        case Convolution() as layer:
            extra = [constant(f"{name}/kernel", own["kernel"].transpose(3, 2, 0, 1))]
            extra += [constant(f"{name}/bias", own["bias"])] if layer.bias else []
            return "Conv", extra, _window(node, layer.window)
        case BatchNorm() as layer:
            gamma: Array = own.get("gamma", np.ones_like(own["beta"]))
            values = [gamma, own["beta"], own["moving_mean"], own["moving_variance"]]
            extra = [constant(f"{name}/{i}", value) for i, value in enumerate(values)]
            return "BatchNormalization", extra, {"epsilon": layer.epsilon}
        case Dense() as layer:
            extra = [constant(f"{name}/kernel", own["kernel"])]
            extra += [constant(f"{name}/bias", own["bias"])] if layer.bias else []
            return "Gemm", extra, {}
        case MaxPool() as layer:
            return "MaxPool", [], _window(node, layer.window)
        case AveragePool() as layer:
            return "AveragePool", [], _window(node, layer.window)
        case L2Pool() as layer:
            return "LpPool", [], {"p": 2} | _window(node, layer.window)
        case LocalResponseNorm(size=size, alpha=alpha, beta=beta, k=k):
            return "LRN", [], {"size": size, "alpha": alpha, "beta": beta, "bias": k}
        case ZeroPadding() as layer:
            (top, bottom), (left, right) = margins(layer.margins)
            pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            return "Pad", [constant(f"{name}/pads", pads)], {}
        case Concatenate():
            return "Concat", [], {"axis": 1}
        case GlobalAveragePool():
            return "ReduceMean", [], {"axes": [2, 3], "keepdims": 0}
        case ReLU():
            return "Relu", [], {}
        case L2Normalize():
            return "LpNormalization", [], {"axis": 1, "p": 2}
        case Dropout():
            return "Identity", [], {}
        case ResidualAdd():
            return "Add", [], {}
    raise NotImplementedError(f"no ONNX operator for {node.layer}")


def _window(node: Node, window: Window) -> dict[str, object]:
    (top, bottom), (left, right) = window.margins(*node.input_shapes[0][:2])
    return {
        "kernel_shape": list(window.size),
        "strides": list(window.stride),
        "pads": [top, left, bottom, right],
    }
