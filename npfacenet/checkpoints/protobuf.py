"""Telling which kind of model a protocol buffer holds, by its outermost fields only."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

from npfacenet.checkpoints.wire import BYTES, VARINT, fields, varint

LONGEST_NAME = 4096

# Numbers of the outermost fields, with their wire types, in each format's .proto file.
ONNX = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES,
        14: BYTES, 20: BYTES, 25: BYTES, 26: BYTES}  # fmt: skip
SAVED_MODEL = {1: VARINT, 2: BYTES}
GRAPH = {1: BYTES, 2: BYTES, 3: VARINT, 4: BYTES, 5: BYTES}
CAFFE = {1: BYTES, 2: BYTES, 3: BYTES, 4: VARINT, 5: VARINT, 6: BYTES, 7: VARINT, 8: BYTES,
         100: BYTES}  # fmt: skip
CORE_ML = {1: VARINT, 2: BYTES, 10: VARINT}
_CORE_ML_MODELS = range(200, 3001)


def kind(file: BinaryIO) -> str | None:
    """Return the format of a model in a protocol buffer: "ONNX", "SavedModel", ..., or None.

    The fields may come in any order. A truncated file is recognised, too.
    """
    try:
        return _kind(file)
    except (ValueError, OSError):
        return None


def _kind(file: BinaryIO) -> str | None:
    size = os.fstat(file.fileno()).st_size
    types: dict[int, int] = {}
    first: dict[int, tuple[int, int]] = {}
    for number, wire, start, length in fields(file, 0, size):
        if types.setdefault(number, wire) != wire:
            return None
        first.setdefault(number, (start, length))
    found = types.items()
    if found == SAVED_MODEL.items() and varint(file, first[1][0])[0] == 1:  # its only version
        return "SavedModel"
    # The format's version or the opsets, and the graph or who produced it.
    if found <= ONNX.items() and types.keys() & {1, 8} and types.keys() & {2, 7}:
        return "ONNX"
    if found <= GRAPH.items() and 1 in types and _is_node(file, *first[1]):
        return "graph"
    if found <= CAFFE.items() and types.keys() & {2, 100}:
        return "Caffe"
    models = {number for number in types if number in _CORE_ML_MODELS}
    if models and {n: w for n, w in found if n not in models}.items() <= CORE_ML.items():
        return "Core ML"
    return None


def _is_node(file: BinaryIO, start: int, length: int) -> bool:
    """Whether a message is a TensorFlow node: a name, then the name of an operation."""
    texts: list[bytes] = []
    with suppress(ValueError):
        for number, wire, place, size in fields(file, start, start + length):
            if wire == BYTES and number == len(texts) + 1 and size < LONGEST_NAME:
                file.seek(place)
                texts.append(file.read(size))
            if len(texts) == 2:
                break
    return len(texts) == 2 and all(t.isascii() and t.decode().isprintable() for t in texts)
