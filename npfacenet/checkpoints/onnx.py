"""ONNX files from strangers, as containers of tensors, with the operations that read them.

Nothing is executed, and no memory is taken for numbers before the size that the file states has
been compared with the bytes that it has. Message and field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.signature import SIGNATURE, open_weights
from npfacenet.checkpoints.wire import BYTES, VARINT, fields, varint
from npfacenet.errors import WeightsError, quoted
from npfacenet.threads import without_forks

MOST_FIELDS = 50_000
"""Fields of one message: nodes and tensors of a graph, dimensions of a tensor."""
LONGEST_NAME = 1000
"""Bytes of a name."""
MOST_AXES = 8
MOST_INPUTS = 1000
"""Inputs, or outputs, of an operation."""

MODEL_GRAPH = 7
GRAPH_OPERATION, GRAPH_TENSOR = 1, 5
OPERATION_INPUT, OPERATION_OUTPUT, OPERATION_KIND = 1, 2, 4
TENSOR_AXIS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW = 1, 2, 4, 8, 9
TENSOR_DOUBLES, TENSOR_LOCATION = 10, 14
DTYPES = {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "u1",
          10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8"}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One operation of the graph: its kind ("Conv"), and what it reads and writes, by name."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class OnnxFile(Container):
    """An open ONNX file: tensors that are stored in its graph, and its `operations`."""

    kind: ClassVar[str] = "an ONNX model"

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._tensors: dict[str, Entry] = {}
        operations: list[Operation] = []
        with _faults_of(path):
            graph = self._graph(os.fstat(file.fileno()).st_size)
            for message in self._fields(*graph):
                if message.is_message(GRAPH_OPERATION):
                    operations.append(self._operation(message))
                elif message.is_message(GRAPH_TENSOR):
                    entry = self._tensor(message)
                    if entry.name in self._tensors:
                        raise ValueError(f"two tensors are called {quoted(entry.name, 80)}")
                    self._tensors[entry.name] = entry
        self.operations = tuple(operations)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether it is a file with the outermost fields of an ONNX model."""
        if not path.is_file():
            return False
        with open_weights(path) as file:
            if file.read(len(SIGNATURE)) == SIGNATURE:  # as most weight files
                return False
            with without_forks():
                from npfacenet.checkpoints import protobuf

            return protobuf.kind(file) == "ONNX"

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[OnnxFile]:
        """Open an ONNX file for reading.

        Raises WeightsError, naming the file and the fault, for one that is damaged or whose graph
        has more tensors, longer names or more axes than any network.
        """
        with open_weights(path) as file:
            yield cls(path, file)

    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Entry]:
        """Return every tensor of the graph, in the order of the file; there are no groups."""
        if within:
            return []
        return [e for e in self._tensors.values() if skip is None or not skip(e.name)]

    def has_entry(self, name: str) -> bool:
        """Whether the graph holds a tensor of this name."""
        return name in self._tensors

    def _graph(self, size: int) -> tuple[int, int]:
        """Return where the graph begins and ends."""
        graphs = [m for m in self._fields(0, size) if m.is_message(MODEL_GRAPH)]
        if len(graphs) != 1:
            raise ValueError(f"it holds {len(graphs)} graphs")
        return graphs[0].start, graphs[0].end

    def _operation(self, message: _Field) -> Operation:
        kind, inputs, outputs = "", list[str](), list[str]()
        for part in self._fields(message.start, message.end):
            if part.is_message(OPERATION_KIND):
                kind = self._text(part)
            elif part.is_message(OPERATION_INPUT):
                inputs.append(self._text(part))
            elif part.is_message(OPERATION_OUTPUT):
                outputs.append(self._text(part))
            if max(len(inputs), len(outputs)) > MOST_INPUTS:
                raise ValueError(f"an operation has more than {MOST_INPUTS:,} inputs or outputs")
        return Operation(kind, tuple(inputs), tuple(outputs))

    def _tensor(self, message: _Field) -> Entry:
        """Return a tensor, its numbers in one piece; ValueError for a size that is not true."""
        axes: list[int] = []
        code, name, elsewhere = 0, "", False
        data: dict[int, _Field] = {}
        for part in self._fields(message.start, message.end):
            if part.number == TENSOR_AXIS:
                axes += self._numbers(part, most=MOST_AXES)
            elif part.number == TENSOR_TYPE:
                (code,) = self._numbers(part, most=1)
            elif part.is_message(TENSOR_NAME):
                name = self._text(part)
            elif part.number in (TENSOR_FLOATS, TENSOR_RAW, TENSOR_DOUBLES):
                if not part.is_bytes or part.number in data:
                    raise ValueError("the numbers of a tensor are scattered")
                data[part.number] = part
            elif part.number == TENSOR_LOCATION:
                elsewhere = self._numbers(part, most=1) != [0]
        if len(axes) > MOST_AXES or any(axis >= 1 << 40 for axis in axes):
            raise ValueError(f"the tensor {quoted(name, 80)} has an impossible shape")
        dtype = np.dtype(DTYPES.get(code, "V0"))
        read = partial(self._read, name, self._data(name, code, dtype, axes, data, elsewhere))
        return Entry(name, tuple(axes), dtype, read)

    def _data(
        self,
        name: str,
        code: int,
        dtype: np.dtype[np.generic],
        axes: list[int],
        data: dict[int, _Field],
        elsewhere: bool,
    ) -> _Stored:
        """Find a tensor's numbers, or say why they cannot be read; ValueError for a size."""
        if elsewhere:
            return _Stored(fault="lies in another file; save the model as one file")
        if code not in DTYPES:
            return _Stored(fault=f"has numbers of ONNX's type {code}, which are not read")
        typed = {1: TENSOR_FLOATS, 11: TENSOR_DOUBLES}.get(code)
        part = data.get(TENSOR_RAW) or (data.get(typed) if typed else None)
        needed = prod(axes) * dtype.itemsize
        if part is None and needed:
            return _Stored(fault="has no numbers that can be read")
        start, length = (0, 0) if part is None else (part.start, part.end - part.start)
        if length != needed:
            raise ValueError(
                f"the tensor {quoted(name, 80)} of shape {tuple(axes)} has {length:,} bytes "
                f"instead of {needed:,}"
            )
        return _Stored(dtype, start)

    def _read(self, name: str, stored: _Stored, output: npt.NDArray[np.generic]) -> None:
        where = f"{self.path}: the tensor {quoted(name, 80)}"
        if stored.fault:
            raise WeightsError(f"{where} {stored.fault}")
        numbers = np.empty(output.shape, stored.dtype)
        try:
            self._file.seek(stored.start)
            count = self._file.readinto(numbers.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
        except OSError as error:
            raise WeightsError(f"{where} cannot be read: {error.strerror or error}") from error
        if count != numbers.nbytes:
            raise WeightsError(f"{where} has been cut short meanwhile")
        with np.errstate(over="ignore", invalid="ignore"):  # infinite numbers are told by readers
            np.copyto(output, numbers, casting="unsafe")

    def _fields(self, start: int, end: int) -> Iterator[_Field]:
        """Yield the fields of a message; ValueError if one is larger than the message itself."""
        found = fields(self._file, start, end, most=MOST_FIELDS + 1)
        for count, (number, wire, place, length) in enumerate(found):
            if count == MOST_FIELDS:
                raise ValueError(f"a message has more than {MOST_FIELDS:,} fields")
            if place + length > end:
                raise ValueError("it ends too early")
            yield _Field(number, wire, place, place + length)

    def _text(self, part: _Field) -> str:
        if part.end - part.start > LONGEST_NAME:
            raise ValueError(f"a name has more than {LONGEST_NAME:,} bytes")
        self._file.seek(part.start)
        return self._file.read(part.end - part.start).decode("utf-8")

    def _numbers(self, part: _Field, most: int) -> list[int]:
        """Read whole numbers: one, or several that are packed."""
        if part.wire == VARINT:
            return [varint(self._file, part.start)[0]]
        if not part.is_bytes or part.end - part.start > 10 * most:
            raise ValueError("a list of numbers is too long")
        numbers, place = [], part.start
        while place < part.end:
            number, place = varint(self._file, place)
            numbers.append(number)
        return numbers


@dataclass(frozen=True)
class _Field:
    """A field of a message: its number, its wire type, and where its content lies."""

    number: int
    wire: int
    start: int
    end: int

    @property
    def is_bytes(self) -> bool:
        """Whether it holds a text, a message or packed numbers."""
        return self.wire == BYTES

    def is_message(self, number: int) -> bool:
        """Whether it is the field of this number, and holds a text or a message."""
        return self.number == number and self.is_bytes


@dataclass(frozen=True)
class _Stored:
    """Where the numbers of a tensor begin and what they are, or why they cannot be read."""

    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype("V0"))
    start: int = 0
    fault: str = ""


@contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    try:
        yield
    except WeightsError:
        raise
    except (ValueError, OSError) as error:
        raise WeightsError(
            f"{path} is an ONNX model that is damaged: {error}; obtain it again"
        ) from error
