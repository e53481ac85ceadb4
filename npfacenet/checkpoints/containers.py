"""The containers that are read, and opening a file or folder as one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from npfacenet.checkpoints.container import Container
from npfacenet.checkpoints.csv_folder import CsvFolder
from npfacenet.checkpoints.hdf5 import Hdf5File
from npfacenet.checkpoints.onnx import OnnxFile

CONTAINERS: tuple[type[Container], ...] = (
    CsvFolder,
    OnnxFile,
    Hdf5File,  # last: it is asked to open what no other recognises, and says what that is
)


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """Open a file or folder as the first container of the table that recognises it.

    Raises WeightsError for what is not a container, saying what it is instead where that is known.
    """
    kind = next((one for one in CONTAINERS if one.recognises(path)), CONTAINERS[-1])
    with kind.open(path) as container:
        yield container
