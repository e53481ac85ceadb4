"""Networks of detectors as ONNX files, as PyTorch would export them: weights and their readers."""

from __future__ import annotations

import numpy as np

from npfacenet.layers import Array, DepthwiseConvolution, PReLU
from npfacenet.networks import Network, NetworkParameters, Outputs


def onnx_of(network: Network[Outputs], parameters: NetworkParameters) -> bytes:
    """The bytes of an ONNX model in which each layer with weights is one operation."""
    graph = b""
    for number, node in enumerate(node for node in network.nodes if node.parameters):
        kind, stored = "Conv", []
        for name in node.parameters:
            tensor = parameters[node.name, name]
            if name == "kernel":
                depthwise = isinstance(node.layer, DepthwiseConvolution)
                tensor = tensor.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
            stored.append(tensor)
        if isinstance(node.layer, PReLU):
            kind, stored = "PRelu", [stored[0].reshape(-1, 1, 1)]
        names = [f"{number}.{i}" for i in range(len(stored))]
        graph += b"".join(map(_tensor, names, stored))
        read = b"".join(_field(1, name.encode()) for name in ("x", *names))
        graph += _field(1, read + _field(2, b"y") + _field(4, kind.encode()))
    return _whole(1, 7) + _field(2, b"pytorch") + _field(7, graph)


def _tensor(name: str, values: Array) -> bytes:
    axes = b"".join(_whole(1, axis) for axis in values.shape)
    raw = np.ascontiguousarray(values, "<f4").tobytes()
    return _field(5, axes + _whole(2, 1) + _field(8, name.encode()) + _field(9, raw))


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def _whole(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
