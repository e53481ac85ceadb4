"""Named rows of numbers and a record in one HDF5 file: a training run's state, a pair head.

- `record`: JSON in UTF-8.
- `rows/NAME` (n,): float32.
- `sha256`: a checksum of all of it, 64 hexadecimal digits; older files have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from npfacenet.checkpoints.hdf5 import Hdf5File, writing_hdf5
from npfacenet.checkpoints.signature import LARGEST_WEIGHTS
from npfacenet.errors import WeightsError, quoted
from npfacenet.files import open_regular
from npfacenet.networks.flat_parameters import Vector

RECORD, ROWS, SUM = "record", "rows", "sha256"


def write_state(path: Path, rows: Mapping[str, Vector], record: Mapping[str, object]) -> None:
    """Write rows and a record, whole or not at all; OutputError if the file cannot be written."""
    text = json.dumps(record).encode()
    stored = {name: np.ascontiguousarray(row, "<f4") for name, row in rows.items()}
    with writing_hdf5(path) as file:
        file[RECORD] = np.frombuffer(text, np.uint8)
        file[SUM] = np.frombuffer(_checksum(stored, text).encode(), np.uint8)
        for name, row in stored.items():
            file[f"{ROWS}/{name}"] = row


def read_state(path: Path) -> tuple[dict[str, Vector], dict[str, object]]:
    """Return the rows and the record of a file that `write_state` wrote.

    Raises WeightsError for anything else, for a file that was changed since, for one that is
    larger than any weight file (`LARGEST_WEIGHTS`), and for numbers that are not finite.
    """
    # Opening a pipe would block; and here messages say what the file should be.
    open_regular(
        path, what="a record of npfacenet", largest=LARGEST_WEIGHTS, error=WeightsError
    ).close()
    rows: dict[str, Vector] = {}
    texts: dict[str, bytes] = {}
    with Hdf5File.open(path) as file:
        for entry in file.entries():
            if entry.name in (RECORD, SUM):
                texts[entry.name] = entry.read_as(np.dtype(np.uint8)).tobytes()
            elif entry.name.startswith(f"{ROWS}/"):
                rows[entry.name.removeprefix(f"{ROWS}/")] = entry.read_as(np.dtype(np.float32))
            else:  # perhaps the checksum, under a damaged name
                raise WeightsError(
                    f"{path} holds {quoted(entry.name)}, which npfacenet does not write: it is "
                    "damaged; copy it again from a backup"
                )
    if RECORD not in texts:
        raise WeightsError(f"{path} holds no record: npfacenet did not write it")
    for name, row in rows.items():
        if row.ndim != 1 or not np.isfinite(row).all():
            raise WeightsError(f"{path}: {name!r} is not a row of finite numbers; it is damaged")
    if SUM in texts and texts[SUM] != _checksum(rows, texts[RECORD]).encode():
        raise WeightsError(
            f"{path} is not what was written (its checksum differs): copy it again from a backup"
        )
    return rows, _parsed(path, texts[RECORD])


def _parsed(path: Path, text: bytes) -> dict[str, object]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: {RECORD!r} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise WeightsError(f"{path}: {RECORD!r} is not a JSON object")
    return record


def _checksum(rows: Mapping[str, Vector], record: bytes) -> str:
    digest = hashlib.sha256(record)
    for name in sorted(rows):
        digest.update(f"{name} {rows[name].shape}\n".encode("utf-8", "surrogateescape"))
        digest.update(np.ascontiguousarray(rows[name], "<f4").data)
    return digest.hexdigest()
