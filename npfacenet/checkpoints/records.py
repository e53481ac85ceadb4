"""Rows of numbers with a record in one HDF5 file: a training run's state, a pair head.

- `record`: JSON in UTF-8.
- `rows/NAME` (n,): float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.hdf5 import open_tensor_file, writing_hdf5
from npfacenet.errors import WeightsError

Row = npt.NDArray[np.float32]
RECORD, ROWS = "record", "rows"


def write_record(path: Path, rows: Mapping[str, Row], record: Mapping[str, object]) -> None:
    """Write both, whole or not at all; OutputError if the file cannot be written."""
    with writing_hdf5(path) as file:
        file[RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
        for name, row in rows.items():
            file[f"{ROWS}/{name}"] = np.ascontiguousarray(row, "<f4")


def read_record(path: Path) -> tuple[dict[str, Row], dict[str, object]]:
    """The rows and the record of a file that `write_record` wrote.

    Raises WeightsError for anything else, and for numbers that are not finite.
    """
    with open_tensor_file(path) as file:
        rows: dict[str, Row] = {}
        record: object = None
        for dataset in file.datasets():
            if dataset.path == RECORD:
                text = file.read_as(dataset, np.dtype(np.uint8)).tobytes()
                try:
                    record = json.loads(text)
                except ValueError as error:
                    raise WeightsError(f"{path}: {RECORD!r} is no JSON: {error}") from error
            else:
                rows[dataset.path.removeprefix(f"{ROWS}/")] = file.read(dataset)
    if not isinstance(record, dict):
        raise WeightsError(f"{path} holds no record: npfacenet did not write it")
    for name, row in rows.items():
        if row.ndim != 1 or not np.isfinite(row).all():
            raise WeightsError(f"{path}: {name!r} is no row of finite numbers; it is damaged")
    return rows, record
