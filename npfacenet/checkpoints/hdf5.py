"""Opening an HDF5 file from a stranger.

The only module that imports h5py. Nothing is read before it is known what it is: the file
is walked by hard links only, every dataset is held against what the file can contain, and
neither attributes nor any other content is interpreted (Lambda layers in Keras files hold
marshalled bytecode).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npfacenet.errors import WeightsError
from npfacenet.layers import Array, Shape

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_OBJECTS = 20_000
DEEPEST = 12
# A deflate stream expands 1032 times at most (zlib's technical notes).
LARGEST_EXPANSION = 1032
LARGEST_CHUNK = 1 << 28
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError)


@dataclass(frozen=True)
class Dataset:
    """A tensor as the file lists it: nothing of it has been read."""

    path: str
    shape: Shape
    dtype: np.dtype[np.generic]


class TensorFile:
    """An open HDF5 file, of which only tensors of floating-point numbers can be read."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file

    def has_attribute(self, group: str, name: str) -> bool:
        """Whether the group at this path exists and has an attribute of this name."""
        import h5py

        node = self._file.id
        for part in filter(None, group.split("/")):
            if part.encode() not in node or not _is_hard(node, part.encode()):
                return False
            node = h5py.h5o.open(node, part.encode())
        return bool(h5py.h5a.exists(node, name.encode()))

    def datasets(self) -> list[Dataset]:
        """Every dataset, in the order of the file's names.

        Raises WeightsError for links that leave their group, for objects that are no
        tensors of float16, float32 or float64, and for more data than the file can hold.
        """
        found: list[Dataset] = []
        visited: set[int] = set()
        self._walk(self._file.id, "", visited, found)
        return found

    def read(self, dataset: Dataset, target: Array) -> None:
        """Read a dataset into an array of its shape, converting its numbers."""
        import h5py

        with _as_weights_error(self.path, dataset.path):
            tensor = h5py.h5d.open(self._file.id, dataset.path.encode())
            if dataset.dtype.itemsize == 2:  # NumPy widens half floats much faster than HDF5
                half = np.empty(dataset.shape, np.float16)
                tensor.read(h5py.h5s.ALL, h5py.h5s.ALL, half)
                target[...] = half
            else:
                tensor.read(h5py.h5s.ALL, h5py.h5s.ALL, target)

    def _walk(
        self, group: h5py.h5g.GroupID, prefix: str, visited: set[int], found: list[Dataset]
    ) -> None:
        import h5py

        if prefix.count("/") > DEEPEST:
            raise WeightsError(f"{self.path}: groups are nested deeper than {DEEPEST}: {prefix}")
        for raw_name in group:
            path = prefix + raw_name.decode("utf-8", "replace")
            if not _is_hard(group, raw_name):
                raise WeightsError(
                    f"{self.path}: {path!r} is a soft or external link, which is not followed; "
                    "weight files hold their tensors themselves"
                )
            node = h5py.h5o.open(group, raw_name)
            address = h5py.h5o.get_info(node).addr
            if address in visited:
                raise WeightsError(f"{self.path}: {path!r} is a second name of another object")
            visited.add(address)
            if len(visited) > MOST_OBJECTS:
                raise WeightsError(f"{self.path} holds more than {MOST_OBJECTS:,} objects")
            if isinstance(node, h5py.h5g.GroupID):
                self._walk(node, f"{path}/", visited, found)
            elif isinstance(node, h5py.h5d.DatasetID):
                found.append(self._examine(path, node))
            else:
                raise WeightsError(f"{self.path}: {path!r} is neither a group nor a tensor")

    def _examine(self, path: str, tensor: h5py.h5d.DatasetID) -> Dataset:
        fault = _fault(tensor, self.path.stat().st_size)
        if fault:
            raise WeightsError(f"{self.path}: {path!r} {fault}")
        return Dataset(path, tuple(tensor.shape), tensor.dtype)


@contextmanager
def open_tensor_file(path: Path) -> Iterator[TensorFile]:
    """Open an HDF5 file for reading.

    Raises WeightsError for what is no HDF5 file, and for one that is damaged, naming the
    file and the remedy.
    """
    _require_hdf5(path)
    import h5py

    with _as_weights_error(path):
        file = h5py.File(path, "r", locking=False)
    with file, _as_weights_error(path):
        yield TensorFile(path, file)


def _require_hdf5(path: Path) -> None:
    """Raise WeightsError unless this is a regular file that begins as HDF5 files do."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise WeightsError(f"{path} is not a file; a weight file is one HDF5 file")
        with open(path, "rb") as file:
            start = file.read(512)
    except OSError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if not start.startswith(SIGNATURE):
        raise WeightsError(
            f"{path} is not an HDF5 file: it begins with {start[:8]!r}; weights are read from "
            "Keras' .h5 files"
        )


@contextmanager
def _as_weights_error(path: Path, tensor: str | None = None) -> Iterator[None]:
    """HDF5 reports damage in any of several exceptions; here they become one of ours."""
    where = f"{path}: {tensor!r}" if tensor else str(path)
    try:
        yield
    except FAULTS as error:
        if isinstance(error, WeightsError):
            raise
        first_line = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise WeightsError(
            f"{where} cannot be read ({first_line[0]}); the file is damaged or incomplete: "
            "fetch or copy it again"
        ) from error


def _is_hard(group: h5py.h5g.GroupID, name: bytes) -> bool:
    import h5py

    return bool(group.links.get_info(name).type == h5py.h5l.TYPE_HARD)


def _fault(tensor: h5py.h5d.DatasetID, file_size: int) -> str | None:
    """Why this dataset is refused, if it is."""
    import h5py

    if tensor.get_type().get_class() != h5py.h5t.FLOAT or tensor.dtype.itemsize not in (2, 4, 8):
        return "does not hold numbers of float16, float32 or float64"
    properties = tensor.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL or properties.get_external_count():
        return "keeps its numbers in other files, which are not opened"
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    if unknown := [number for number in filters if number not in FILTERS]:
        return f"is stored with filter {unknown[0]}, not one of {', '.join(FILTERS.values())}"
    declared = int(np.prod(tensor.shape, dtype=object)) * tensor.dtype.itemsize
    stored = tensor.get_storage_size()
    if stored > file_size or declared > stored * (LARGEST_EXPANSION if filters else 1):
        return f"declares {declared:,} bytes, more than the {stored:,} that the file holds for it"
    if properties.get_layout() == h5py.h5d.CHUNKED:
        chunk = int(np.prod(properties.get_chunk(), dtype=object)) * tensor.dtype.itemsize
        if chunk > LARGEST_CHUNK:
            return f"is stored in chunks of {chunk:,} bytes, more than {LARGEST_CHUNK:,}"
    return None
