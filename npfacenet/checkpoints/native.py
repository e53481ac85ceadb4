"""The library's own layout: one contiguous dataset for each dtype, an index, card and network.

- `card`: the fields of Card, JSON in UTF-8, and `card_sha256`: its checksum, 64 hexadecimal digits.
- `network`: the graph (`networks/graph.py`), JSON, and `network_sha256`. Old files have none.
- `index`: JSON, a list of {layer, parameter, shape, dtype, start, sha256} in the network's
  order; `start` counts numbers from the beginning of the dataset of that dtype, and the
  checksum is of the float32 values after reading.
- `float32` (n,) and, where kernels were stored in half precision, `float16` (m,).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np

from npfacenet.cards import Card, card_from_json
from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.fingerprint import checksum
from npfacenet.checkpoints.hdf5 import writing_hdf5
from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.errors import WeightsError, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName
from npfacenet.networks.graph import graph_of

CARD, INDEX, NETWORK = "card", "index", "network"
CHECKED = {CARD: "card_sha256", NETWORK: "network_sha256"}
"""Texts, and what holds their checksums: 64 hexadecimal digits each."""
STORED: dict[str, np.dtype[np.floating]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
}
LONGEST_JSON = 1 << 22
LARGEST_HALF = 65504.0


class Native(Layout):
    """A file that `write_native` wrote."""

    name: ClassVar[str] = "npfacenet"

    def __init__(self, container: Container) -> None:
        self.path = container.path
        self._entries = {entry.name: entry for entry in container.entries()}
        if strange := self._entries.keys() - {*CHECKED, *CHECKED.values(), INDEX, *STORED}:
            raise WeightsError(
                f"{self.path} holds {quoted(min(strange))}, which has no place in it"
            )
        self._card = card_from_json(self._json(CARD), str(self.path))
        self._require_whole_texts()
        self._tensors: dict[ParameterName, Tensor] = {}
        self._require_in_one_piece()
        covered = dict.fromkeys(STORED, 0)
        for item in self._index():
            name, dtype, tensor = self._indexed(item)
            if name in self._tensors:
                raise WeightsError(f"{self.path}: {INDEX!r} lists {quoted('/'.join(name))} twice")
            self._tensors[name] = tensor
            covered[dtype] += int(np.prod(tensor.shape))
        for dtype, entry in self._entries.items():
            if dtype in covered and entry.shape != (covered[dtype],):
                raise WeightsError(
                    f"{self.path}: {dtype!r} holds {entry.shape} numbers, of which the index "
                    f"knows {covered[dtype]:,}"
                )

    @classmethod
    def recognises(cls, container: Container) -> bool:
        """Whether the file has a card and an index at its root."""
        return container.has_entry(CARD) and container.has_entry(INDEX)

    @property
    def card(self) -> Card:
        """The card that the file carries."""
        return self._card

    @property
    def graph(self) -> object | None:
        """The graph that the file carries, as JSON values; None in old files."""
        return self._json(NETWORK) if NETWORK in self._entries else None

    def tensors(
        self, network: Network[Outputs], other_names: Mapping[str, str]
    ) -> Mapping[ParameterName, Tensor]:
        """Return the tensors by the names of the index, whatever the network."""
        return self._tensors

    def _require_in_one_piece(self) -> None:
        """Raise WeightsError unless the numbers lie as they were written.

        Compressed ones could take a thousand times the file's size in memory.
        """
        for dtype, entry in self._entries.items():
            in_one_piece = entry.read_part is not None or entry.shape == (0,)
            if dtype in STORED and not (in_one_piece and entry.dtype == STORED[dtype]):
                raise WeightsError(f"{self.path}: {dtype!r} is not stored in one piece as {dtype}")

    def _require_whole_texts(self) -> None:
        """Raise WeightsError unless card and network are as written.

        Old files have no network, and the oldest no checksum of the card.
        """
        for name, checksum_name in CHECKED.items():
            if checksum_name not in self._entries:
                continue
            stated = self._text(checksum_name).decode("ascii", "replace")
            if name not in self._entries or stated != sha256(self._text(name)).hexdigest():
                raise WeightsError(
                    f"{self.path}: {name!r} is not what was written (its checksum differs); fetch "
                    "or copy the file again"
                )

    def _json(self, name: str) -> object:
        try:
            parsed: object = json.loads(self._text(name))
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{self.path}: {name!r} is not JSON: {error}") from error
        return parsed

    def _text(self, name: str) -> bytes:
        entry = self._entries[name]
        match entry.shape:
            case (int(size),) if entry.dtype == np.uint8 and size <= LONGEST_JSON:
                return entry.read_as(np.dtype(np.uint8)).tobytes()
        raise WeightsError(f"{self.path}: {name!r} is not a text of at most {LONGEST_JSON:,} bytes")

    def _index(self) -> list[object]:
        index = self._json(INDEX)
        if not isinstance(index, list):
            raise WeightsError(f"{self.path}: {INDEX!r} is not a list of tensors")
        return index

    def _indexed(self, item: object) -> tuple[ParameterName, str, Tensor]:
        """Return name, dtype and tensor of an item of the index; WeightsError if malformed."""
        match item:
            case {
                "layer": str(layer),
                "parameter": str(parameter),
                "shape": [*sizes],
                "dtype": "float32" | "float16" as dtype,
                "start": int(start),
                "sha256": str(expected),
            } if all(type(size) is int and size >= 0 for size in sizes):
                shape = tuple(sizes)
            case _:
                raise WeightsError(f"{self.path}: {INDEX!r} has the malformed entry {quoted(item)}")
        size = int(np.prod(shape, dtype=object))
        entry = self._entries.get(dtype)
        if entry is None or entry.shape is None or len(entry.shape) != 1:
            raise WeightsError(f"{self.path} has no row of numbers called {dtype!r}")
        if not 0 <= start <= start + size <= entry.shape[0]:
            raise WeightsError(
                f"{self.path}: {quoted(f'{layer}/{parameter}')} lies outside of {dtype!r}"
            )
        read = partial(_read, self.path, entry, start, expected, f"{layer}/{parameter}")
        return (layer, parameter), dtype, Tensor(shape, read, expected)


def _read(path: Path, entry: Entry, start: int, expected: str, name: str, output: Array) -> None:
    """Fill `output` with the numbers of an entry from `start` on, and check their sum."""
    if entry.read_part is not None:  # an empty entry need not have any
        if entry.dtype == output.dtype:
            entry.read_part(start, output)
        else:
            numbers = np.empty(output.shape, entry.dtype)
            entry.read_part(start, numbers)
            np.copyto(output, numbers)
    if checksum(output) != expected:
        raise WeightsError(
            f"{path}: {quoted(name)} is not what was written (its checksum differs); "
            "fetch or copy the file again"
        )


def write_native(
    path: Path,
    network: Network[Outputs],
    parameters: NetworkParameters,
    card: Card,
    *,
    half: bool = False,
) -> None:
    """Write a file of this layout, whole or not at all.

    `half` stores kernels as float16, which halves the file and rounds them to 11 bits; kernels
    with numbers beyond float16 stay float32. Raises OutputError if the file cannot be written,
    WeightsError for a card that could not be read again, and ArgumentError for a network that
    could not: with a layer that is not registered (`npfacenet.layers.register_layer`).
    """
    card_from_json(json.loads(json.dumps(asdict(card))), str(path))
    texts = {CARD: _bytes(asdict(card)), NETWORK: _bytes(graph_of(network))}
    stored: dict[str, list[Array]] = {"float32": [], "float16": []}
    index: list[dict[str, object]] = []
    counts = dict.fromkeys(stored, 0)
    for (layer, parameter), tensor in parameters.items():
        fits = half and parameter == "kernel" and np.abs(tensor).max(initial=0) <= LARGEST_HALF
        dtype = "float16" if fits else "float32"
        numbers: Array = np.ascontiguousarray(tensor, STORED[dtype])
        index.append(
            {
                "layer": layer,
                "parameter": parameter,
                "shape": tensor.shape,
                "dtype": dtype,
                "start": counts[dtype],
                "sha256": checksum(numbers),
            }
        )
        counts[dtype] += numbers.size
        stored[dtype].append(numbers.reshape(-1))
    with writing_hdf5(path) as file:
        for name, text in texts.items():
            file[name] = text
            digest = sha256(text.data).hexdigest()
            file[CHECKED[name]] = np.frombuffer(digest.encode(), np.uint8)
        file[INDEX] = _bytes(index)
        for dtype, tensors in stored.items():
            if tensors:
                file[dtype] = np.concatenate(tensors)


def _bytes(value: object) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), np.uint8)
