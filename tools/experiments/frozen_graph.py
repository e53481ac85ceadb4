"""The constants of a frozen TensorFlow graph, a protocol buffer (`graph.proto`, `tensor.proto`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.wire import BYTES, VARINT, fields, varint
from npfacenet.errors import WeightsError

MOST_NODES = 100_000
# Numbers of fields, by message: GraphDef; NodeDef; the pair of an attribute; AttrValue;
# TensorProto; TensorShapeProto; its Dim.
NODE = 1
NAME, OPERATION, INPUT, ATTRIBUTE = 1, 2, 3, 5
KEY, VALUE = 1, 2
TENSOR = 8
DTYPE, SHAPE, CONTENT, FLOATS = 1, 2, 4, 5
DIMENSION = 2
SIZE = 1
FLOAT = 1  # the only type of numbers that is read


@dataclass(frozen=True)
class GraphNode:
    """A node: its name, its operation, and the names of the nodes that it reads.

    `value` is that of a constant of float32; None for all others.
    """

    name: str
    operation: str
    inputs: tuple[str, ...]
    value: npt.NDArray[np.float32] | None = None


def read_frozen_graph(path: Path) -> dict[str, GraphNode]:
    """Read all nodes of a frozen graph, by name, in the file's order.

    Raises WeightsError for a file that cannot be read or is not such a graph.
    """
    try:
        with path.open("rb") as file:
            nodes = [_node(file, *place) for place in _parts(file, 0, path.stat().st_size, NODE)]
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as a frozen graph: {error}") from error
    if not nodes:
        raise WeightsError(f"{path} holds no node of a graph")
    return {node.name: node for node in nodes}


def _parts(file: BinaryIO, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each text or message with this number in a message."""
    for found, wire, place, length in fields(file, start, end, most=MOST_NODES):
        if found == number and wire == BYTES:
            if place + length > end:
                raise ValueError("it ends too early")
            yield place, place + length


def _bytes(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _node(file: BinaryIO, start: int, end: int) -> GraphNode:
    def texts(number: int) -> list[str]:
        return [_bytes(file, *place).decode() for place in _parts(file, start, end, number)]

    (name,), (operation,) = texts(NAME), texts(OPERATION)
    value = None
    for attribute in _parts(file, start, end, ATTRIBUTE):
        keys = [_bytes(file, *place) for place in _parts(file, *attribute, KEY)]
        if operation == "Const" and keys == [b"value"]:
            (holder,) = _parts(file, *attribute, VALUE)
            (tensor,) = _parts(file, *holder, TENSOR)
            value = _tensor(file, *tensor)
    return GraphNode(name, operation, tuple(texts(INPUT)), value)


def _tensor(file: BinaryIO, start: int, end: int) -> npt.NDArray[np.float32] | None:
    """Return a tensor of float32, None for one of another type."""
    kinds = {found: place for found, wire, place, _ in fields(file, start, end) if wire == VARINT}
    if varint(file, kinds[DTYPE])[0] != FLOAT:
        return None
    (shape,) = _parts(file, start, end, SHAPE)
    sizes = [
        varint(file, place)[0]
        for dimension in _parts(file, *shape, DIMENSION)
        for found, wire, place, _ in fields(file, *dimension)
        if (found, wire) == (SIZE, VARINT)
    ]
    content = [*_parts(file, start, end, CONTENT), *_parts(file, start, end, FLOATS)]
    if len(content) != 1:
        return None  # a single number, written as a field of its own
    numbers = np.frombuffer(_bytes(file, *content[0]), "<f4").astype(np.float32)
    if numbers.size == 1:  # all of them are this one
        return np.full(sizes, numbers[0])
    return numbers.reshape(sizes)
