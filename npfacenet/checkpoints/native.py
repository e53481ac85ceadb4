"""The library's own layout: one contiguous dataset for each dtype, an index, and the card.

- `card`: the fields of Card, JSON in UTF-8, and `card_sha256`: its checksum, 64 hexadecimal digits.
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
from npfacenet.checkpoints.fingerprint import checksum
from npfacenet.checkpoints.hdf5 import Dataset, Hdf5File, writing_hdf5
from npfacenet.checkpoints.layout import Layout, Tensor
from npfacenet.errors import WeightsError, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName

CARD, CARD_SUM, INDEX = "card", "card_sha256", "index"
STORED: dict[str, np.dtype[np.floating]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
}
LONGEST_JSON = 1 << 22
LARGEST_HALF = 65504.0


class Native(Layout):
    """A file that `write_native` wrote."""

    layout: ClassVar[str] = "npfacenet"

    def __init__(self, file: Hdf5File) -> None:
        self.path = file.path
        self._file = file
        self._datasets = {dataset.path: dataset for dataset in file.entries()}
        if strange := self._datasets.keys() - {CARD, CARD_SUM, INDEX, *STORED}:
            raise WeightsError(
                f"{file.path} holds {quoted(min(strange))}, which has no place in it"
            )
        self._card = card_from_json(self._json(CARD), str(file.path))
        self._require_whole_card()
        self._tensors: dict[ParameterName, Tensor] = {}
        self._require_rows()
        covered = dict.fromkeys(STORED, 0)
        for entry in self._index():
            name, dtype, tensor = self._entry(entry)
            if name in self._tensors:
                raise WeightsError(f"{file.path}: {INDEX!r} lists {quoted('/'.join(name))} twice")
            self._tensors[name] = tensor
            covered[dtype] += int(np.prod(tensor.shape))
        for dtype, dataset in self._datasets.items():
            if dtype in covered and dataset.shape != (covered[dtype],):
                raise WeightsError(
                    f"{file.path}: {dtype!r} holds {dataset.shape} numbers, of which the index "
                    f"knows {covered[dtype]:,}"
                )

    @classmethod
    def recognises(cls, file: Hdf5File) -> bool:
        """Whether the file has a card and an index at its root."""
        return file.has_dataset(CARD) and file.has_dataset(INDEX)

    @property
    def card(self) -> Card:
        """The card in the file."""
        return self._card

    def tensors(self, network: Network) -> Mapping[ParameterName, Tensor]:
        """The index, whatever the network."""
        return self._tensors

    def _require_rows(self) -> None:
        """Raise WeightsError unless the numbers lie as they were written: in one piece.

        A compressed row could take a thousand times the file's size in memory.
        """
        for dtype, dataset in self._datasets.items():
            in_one_piece = dataset.offset is not None or dataset.shape == (0,)
            if dtype in STORED and not (in_one_piece and dataset.dtype == STORED[dtype]):
                raise WeightsError(f"{self.path}: {dtype!r} is not stored in one piece as {dtype}")

    def _require_whole_card(self) -> None:
        """Raise WeightsError unless the card is as it was written; old files do not say so."""
        if CARD_SUM not in self._datasets:
            return
        if self._text(CARD_SUM).decode("ascii", "replace") != sha256(self._text(CARD)).hexdigest():
            raise WeightsError(
                f"{self.path}: {CARD!r} is not what was written (its checksum differs); fetch or "
                "copy the file again"
            )

    def _json(self, name: str) -> object:
        try:
            parsed: object = json.loads(self._text(name))
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{self.path}: {name!r} is not JSON: {error}") from error
        return parsed

    def _text(self, name: str) -> bytes:
        dataset = self._datasets[name]
        if dataset.dtype != np.uint8 or len(dataset.shape) != 1 or dataset.shape[0] > LONGEST_JSON:
            raise WeightsError(
                f"{self.path}: {name!r} is not a text of at most {LONGEST_JSON:,} bytes"
            )
        return self._file.read_as(dataset, np.dtype(np.uint8)).tobytes()

    def _index(self) -> list[object]:
        index = self._json(INDEX)
        if not isinstance(index, list):
            raise WeightsError(f"{self.path}: {INDEX!r} is not a list of tensors")
        return index

    def _entry(self, entry: object) -> tuple[ParameterName, str, Tensor]:
        match entry:
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
                raise WeightsError(
                    f"{self.path}: {INDEX!r} has the malformed entry {quoted(entry)}"
                )
        size = int(np.prod(shape, dtype=object))
        dataset = self._datasets.get(dtype)
        if dataset is None or len(dataset.shape) != 1:
            raise WeightsError(f"{self.path} has no row of numbers called {dtype!r}")
        if not 0 <= start <= start + size <= dataset.shape[0]:
            raise WeightsError(
                f"{self.path}: {quoted(f'{layer}/{parameter}')} lies outside of {dtype!r}"
            )
        read = partial(_read, self._file, dataset, start, expected, f"{layer}/{parameter}")
        return (layer, parameter), dtype, Tensor(shape, read, expected)


def _read(
    file: Hdf5File, dataset: Dataset, start: int, expected: str, name: str, output: Array
) -> None:
    """Put as many numbers of a row as `output` has, from `start` on, into it; check their sum."""
    if dataset.dtype == output.dtype:
        file.read_part(dataset, start, output)
    else:
        numbers = np.empty(output.shape, dataset.dtype)
        file.read_part(dataset, start, numbers)
        np.copyto(output, numbers)
    if checksum(output) != expected:
        raise WeightsError(
            f"{file.path}: {quoted(name)} is not what was written (its checksum differs); "
            "fetch or copy the file again"
        )


def write_native(
    path: Path, parameters: NetworkParameters, card: Card, *, half: bool = False
) -> None:
    """Write a file of this layout, whole or not at all.

    `half` stores kernels as float16, which halves the file and rounds them to 11 bits; what
    float16 cannot hold stays float32. Raises OutputError if the file cannot be written,
    WeightsError for a card that could not be read again.
    """
    card_from_json({**asdict(card), "trained_on": list(card.trained_on)}, str(path))
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
        text = _bytes(asdict(card))
        file[CARD] = text
        file[CARD_SUM] = np.frombuffer(sha256(text.data).hexdigest().encode(), np.uint8)
        file[INDEX] = _bytes(index)
        for dtype, pieces in stored.items():
            if pieces:
                file[dtype] = np.concatenate(pieces)


def _bytes(value: object) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), np.uint8)
