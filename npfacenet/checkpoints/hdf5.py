"""Opening an HDF5 file from a stranger.

The only module that imports h5py. Nothing is read before it is known what it is: the file
is walked by hard links only, every dataset is held against what the file can contain, and
no content is interpreted (Lambda layers in Keras files hold marshalled bytecode).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.signature import require_hdf5
from npfacenet.errors import WeightsError
from npfacenet.layers import Shape

if TYPE_CHECKING:
    import h5py

T = TypeVar("T", bound=np.generic)

MOST_OBJECTS = 20_000
DEEPEST = 12
# A deflate stream expands 1032 times at most (zlib's technical notes).
LARGEST_EXPANSION = 1032
LARGEST_CHUNK = 1 << 28
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
FAULTS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Dataset:
    """A tensor as the file lists it: nothing of it has been read.

    `contiguous` says that its numbers lie in the file in one piece, unfiltered.
    """

    path: str
    shape: Shape
    dtype: np.dtype[np.generic]
    contiguous: bool


class TensorFile:
    """An open HDF5 file, of which only tensors of numbers can be read.

    Attributes are asked for, never read: HDF5 has looped for ever over crafted texts.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file
        self._size = path.stat().st_size

    def has_group(self, path: str) -> bool:
        """Whether there is a group at this path, reached by hard links."""
        return self._group(path) is not None

    def has_dataset(self, name: str) -> bool:
        """Whether the root holds a dataset of this name."""
        import h5py

        root, raw_name = self._file.id, name.encode()
        if raw_name not in root or not _is_hard(root, raw_name):
            return False
        return isinstance(h5py.h5o.open(root, raw_name), h5py.h5d.DatasetID)

    def has_attribute(self, group: str, name: str) -> bool:
        """Whether the group at this path exists and has an attribute of this name."""
        import h5py

        node = self._group(group)
        return node is not None and bool(h5py.h5a.exists(node, name.encode()))

    def datasets(
        self, within: str = "", skip: Callable[[str], bool] | None = None
    ) -> list[Dataset]:
        """Every dataset below a group, in the order of the file's names.

        What `skip` says yes to is not looked at, nor what lies below it. Raises WeightsError
        for links that leave their group, for objects that are no tensors of float16, float32,
        float64 or bytes, and for more data than the file can hold.
        """
        node = self._group(within)
        found: list[Dataset] = []
        if node is not None:
            self._walk(node, f"{within}/" if within else "", skip, set(), found)
        return found

    def read(self, dataset: Dataset) -> npt.NDArray[np.float32]:
        """The numbers of a dataset, converted to float32."""
        output = np.empty(dataset.shape, np.float32)
        self.read_into(dataset, output)
        return output

    def read_into(self, dataset: Dataset, output: npt.NDArray[np.float32]) -> None:
        """The numbers of a dataset, converted, to an array of its shape without gaps."""
        if dataset.dtype.itemsize == 2:  # NumPy widens half floats much faster than HDF5 does
            np.copyto(output, self.read_as(dataset, np.dtype(np.float16)))
        else:
            self._fill(dataset, output)

    def read_as(self, dataset: Dataset, dtype: np.dtype[T]) -> npt.NDArray[T]:
        """The content of a dataset, converted to a dtype."""
        content = np.empty(dataset.shape, dtype)
        self._fill(dataset, content)
        return content

    def _fill(self, dataset: Dataset, content: npt.NDArray[np.generic]) -> None:
        import h5py

        with _as_weights_error(self.path, dataset.path):
            self._tensor(dataset).read(h5py.h5s.ALL, h5py.h5s.ALL, content)

    def map(self, dataset: Dataset) -> npt.NDArray[np.floating]:
        """The numbers of a contiguous dataset as the file holds them, without a copy.

        They are to be copied while the file is open: who overwrites it changes them, and who
        shortens it ends this process.
        """
        import mmap

        offset, size = self._tensor(dataset).get_offset(), math.prod(dataset.shape)
        if offset is None or not size:
            return self.read(dataset)
        with _as_weights_error(self.path, dataset.path), open(self.path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            numbers = np.frombuffer(content, dataset.dtype, size, offset)
        return numbers.reshape(dataset.shape)

    def _tensor(self, dataset: Dataset) -> h5py.h5d.DatasetID:
        import h5py

        return h5py.h5d.open(self._file.id, dataset.path.encode("utf-8", "surrogateescape"))

    def _group(self, path: str) -> h5py.h5g.GroupID | None:
        """The group at a path, reached by hard links."""
        import h5py

        node = h5py.h5g.open(self._file.id, b"/")
        for part in filter(None, path.split("/")):
            name = part.encode()
            if not isinstance(node, h5py.h5g.GroupID) or name not in node:
                return None
            if not _is_hard(node, name):
                return None
            node = h5py.h5o.open(node, name)
        return node if isinstance(node, h5py.h5g.GroupID) else None

    def _walk(
        self,
        group: h5py.h5g.GroupID,
        prefix: str,
        skip: Callable[[str], bool] | None,
        visited: set[int],
        found: list[Dataset],
    ) -> None:
        import h5py

        if prefix.count("/") > DEEPEST:
            raise WeightsError(f"{self.path}: groups are nested deeper than {DEEPEST}: {prefix}")
        for raw_name in group:
            path = prefix + raw_name.decode("utf-8", "surrogateescape")
            if skip is not None and skip(path):
                continue
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
                self._walk(node, f"{path}/", skip, visited, found)
            elif isinstance(node, h5py.h5d.DatasetID):
                found.append(self._examine(path, node))
            else:
                raise WeightsError(f"{self.path}: {path!r} is neither a group nor a tensor")

    def _examine(self, path: str, tensor: h5py.h5d.DatasetID) -> Dataset:
        import h5py

        fault = _fault(tensor, self._size)
        if fault:
            raise WeightsError(f"{self.path}: {path!r} {fault}")
        contiguous = tensor.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
        return Dataset(path, tuple(tensor.shape), tensor.dtype, contiguous)


@contextmanager
def open_tensor_file(path: Path) -> Iterator[TensorFile]:
    """Open an HDF5 file for reading.

    Raises WeightsError for what is no HDF5 file, and for one that is damaged, naming the
    file and the remedy.
    """
    require_hdf5(path)
    import h5py

    with _as_weights_error(path):
        file = h5py.File(path, "r", locking=False)
    with file, _as_weights_error(path):
        yield TensorFile(path, file)


@contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file to fill, which appears whole or not at all.

    Raises OutputError if it cannot be written.
    """
    import io

    import h5py

    from npfacenet.checkpoints.placing import atomic_file, writing_in

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    with writing_in(path.parent), atomic_file(path) as target:
        target.write(buffer.getbuffer())


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

    kind = tensor.get_type().get_class()
    if not (
        (kind == h5py.h5t.FLOAT and tensor.dtype.itemsize in (2, 4, 8))
        or (kind == h5py.h5t.INTEGER and tensor.dtype == np.uint8)
    ):
        return "does not hold numbers of float16, float32 or float64"
    if tensor.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        return "is empty"
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
        grid = zip(tensor.shape, properties.get_chunk(), strict=True)
        missing = (
            int(np.prod([-(-n // c) for n, c in grid], dtype=object)) - tensor.get_num_chunks()
        )
        if missing:
            return f"was written in part only: {missing:,} of its chunks are missing"
    return None
