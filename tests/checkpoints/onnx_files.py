"""ONNX files, written by hand: of a network as exporters write it, and broken in all ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np
from hypothesis import strategies as st

from npfacenet.checkpoints.onnx_order import OnnxInOrder
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.layers import Array, Convolution, DepthwiseConvolution, MaxPool, PReLU, ReLU
from npfacenet.networks import Builder, Network, NetworkParameters, Outputs
from npfacenet.recipes import Recipe

FLOAT, INT64, FLOAT16 = 1, 7, 10


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def whole(number: int, value: int) -> bytes:
    """A field with a whole number."""
    return varint(number << 3) + varint(value)


def part(number: int, content: bytes | str) -> bytes:
    """A field with bytes: a text or a message."""
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def tensor(
    name: str, values: Array, *, typed: bool = False, axes: tuple[int, ...] | None = None
) -> bytes:
    """A stored tensor, its numbers as raw bytes or as `float_data`."""
    code = {"float32": FLOAT, "float16": FLOAT16, "int64": INT64}[values.dtype.name]
    shape = values.shape if axes is None else axes
    content = b"".join(whole(1, axis) for axis in shape) + whole(2, code)
    return part(5, content + part(4 if typed else 9, values.tobytes()) + part(8, name))


def operation(kind: str, inputs: list[str], output: str) -> bytes:
    content = b"".join(part(1, name) for name in inputs) + part(2, output) + part(4, kind)
    return part(1, content)


def model(*graph: bytes) -> bytes:
    return whole(1, 7) + part(2, "pytorch") + part(7, b"".join(graph)) + part(8, whole(2, 12))


def small_network() -> Network[Outputs]:
    """One layer of each kind that ONNX files are read for: (6, 6, 3) to two outputs."""
    build = Builder("small", (6, 6, 3))
    x = build.add("conv", Convolution(4, 3), build.input)
    x = build.add("slope", PReLU(), x)
    x = build.add("depthwise", DepthwiseConvolution((1, 2)), x)
    x = build.add("pool", MaxPool((2, 1)), build.add("relu", ReLU(), x))
    x = build.add("whole_map", Convolution(5, (2, 3)), x)
    first = build.add("first", Convolution(2, 1), x)
    second = build.add("second", Convolution(3, 1, bias=False), x)
    return build.network(outputs=[first, second])


def exported(parameters: NetworkParameters, *, typed: bool = False) -> list[bytes]:
    """The graph of the small network as PyTorch and Keras would export it, mixed."""
    conv, depthwise = parameters["conv", "kernel"], parameters["depthwise", "kernel"]
    slope, dense = parameters["slope", "alpha"], parameters["whole_map", "kernel"]
    first, second = parameters["first", "kernel"], parameters["second", "kernel"]
    stored = {
        "1": conv.transpose(3, 2, 0, 1),
        "2": parameters["conv", "bias"],
        "3": slope.reshape(1, -1, 1, 1),
        "4": depthwise.transpose(2, 3, 0, 1),
        "5": parameters["depthwise", "bias"],
        "dense/kernel:0": dense.reshape(prod(dense.shape[:3]), -1),
        "dense/bias:0": parameters["whole_map", "bias"],
        "first/kernel:0": first[0, 0],
        "first/bias:0": parameters["first", "bias"],
        "second/kernel:0": second[0, 0],
    }
    operations = [
        operation("Conv", ["image", "1", "2"], "a"),
        operation("PRelu", ["a", "3"], "b"),
        operation("Conv", ["b", "4", "5"], "c"),
        operation("Relu", ["c"], "d"),
        operation("MaxPool", ["d"], "e"),
        operation("Reshape", ["e", "sizes"], "f"),
        operation("MatMul", ["f", "dense/kernel:0"], "g"),
        operation("Add", ["g", "dense/bias:0"], "h"),
        operation("MatMul", ["h", "second/kernel:0"], "second"),
        operation("MatMul", ["h", "first/kernel:0"], "i"),
        operation("Add", ["first/bias:0", "i"], "first"),
    ]
    tensors = [
        tensor(name, np.ascontiguousarray(values), typed=typed) for name, values in stored.items()
    ]
    return [*tensors, tensor("sizes", np.array([0, -1])), *operations]


class OnItsSide(OnnxInOrder):
    name: ClassVar[str] = "lying"
    on_its_side: ClassVar[bool] = True


def read_onnx(
    path: Path, network: Network[Outputs], *, on_its_side: bool = False
) -> NetworkParameters:
    """The parameters of a network from a file that may be ONNX."""
    layout = OnItsSide if on_its_side else OnnxInOrder
    return read_checkpoint(path, (Recipe.of(network),), layouts=(layout,)).parameters


@dataclass(frozen=True)
class BrokenOnnx:
    """The bytes of a file, and what was done to it."""

    mutations: tuple[str, ...]
    content: bytes

    def __repr__(self) -> str:
        return f"<{', '.join(self.mutations) or 'whole'}, {len(self.content)} bytes>"


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    flipped = bytearray(content)
    for position in rng.integers(0, max(len(content), 1), int(rng.integers(1, 9))):
        if content:
            flipped[position] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _overwritten(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(content) + 1))
    noise = [b"\xff" * 9 + b"\x01", rng.bytes(16), bytes(12), varint(1 << 62)]
    chosen = noise[int(rng.integers(len(noise)))]
    return content[:start] + chosen + content[start + len(chosen) :]


def _inserted(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(content) + 1))
    return content[:start] + rng.bytes(int(rng.integers(1, 40))) + content[start:]


def _repeated(content: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(content) + 1))
    return content[:start] + content[start : start + 200] * 3 + content[start + 200 :]


MUTATIONS: Mapping[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "cut": _cut,
    "bits flipped": _flipped,
    "overwritten": _overwritten,
    "inserted": _inserted,
    "repeated": _repeated,
}


@st.composite
def broken_onnx_files(draw: st.DrawFn) -> BrokenOnnx:
    """Files of the small network to which up to three things were done; some are still whole.

    What is done to the graph alone leaves the lengths around it right, so that reading goes on.
    """
    graph = b"".join(exported(small_network().initialise(0), typed=draw(st.booleans())))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inside = draw(st.lists(st.sampled_from(sorted(MUTATIONS)), max_size=2))
    outside = draw(st.lists(st.sampled_from(sorted(MUTATIONS)), max_size=1))
    for name in inside:
        graph = MUTATIONS[name](graph, rng)
    content = model(graph)
    for name in outside:
        content = MUTATIONS[name](content, rng)
    return BrokenOnnx((*inside, *outside), content)
