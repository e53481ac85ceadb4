"""Opening an HDF5 file from a stranger.

Nothing is read before it is known what it is: the file
is walked by hard links only, every dataset is held against what the file can contain, and
no content is interpreted (Lambda layers in Keras files hold marshalled bytecode).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints import storage
from npfacenet.checkpoints.opening import (
    as_weights_error,
    open_both,
    require_unchanged,
    require_unlocked,
)
from npfacenet.errors import NpfacenetError, WeightsError, quoted
from npfacenet.layers import Shape

if TYPE_CHECKING:
    import h5py

T = TypeVar("T", bound=np.generic)

MOST_OBJECTS = 20_000
DEEPEST = 12


@dataclass(frozen=True)
class Dataset:
    """A tensor as the file lists it: nothing of it has been read.

    `offset` is the byte of the file at which its numbers begin, if they lie there in one piece.
    """

    path: str
    shape: Shape
    dtype: np.dtype[np.generic]
    offset: int | None


class Hdf5File:
    """An open HDF5 file, of which only tensors of numbers can be read.

    Attributes are asked for, never read: HDF5 has looped for ever over crafted texts.
    """

    def __init__(self, path: Path, file: h5py.File, content: BinaryIO) -> None:
        self.path = path
        self._file, self._content = file, content
        self._size = os.fstat(content.fileno()).st_size

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

    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Dataset]:
        """Every dataset below a group, in the order of the file's names.

        What `skip` says yes to is not looked at, nor what lies below it. Raises WeightsError
        for links that leave their group, for objects other than tensors of float16, float32,
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

        with as_weights_error(self.path, dataset.path):
            tensor = self._tensor(dataset)
            if storage.filters_of(tensor):
                storage.read_filtered(tensor, content)
            else:
                tensor.read(h5py.h5s.ALL, h5py.h5s.ALL, content)

    def read_part(self, dataset: Dataset, start: int, output: npt.NDArray[np.generic]) -> None:
        """Numbers of a contiguous dataset from `start` on, of its dtype, to an array without gaps.

        They are read, not mapped: overwriting a mapped file changes numbers that were checked,
        and shortening it ends the process.
        """
        where = f"{self.path}: {dataset.path!r}"
        if dataset.offset is None or output.dtype != dataset.dtype:
            raise WeightsError(f"{where} is not stored in one piece")
        try:
            self._content.seek(dataset.offset + start * dataset.dtype.itemsize)
            left = output.reshape(-1).view(np.uint8).data
            while left and (count := self._content.readinto(left)):  # type: ignore[attr-defined]  # BufferedReader's
                left = left[count:]
        except OSError as error:
            raise WeightsError(f"{where} cannot be read: {error.strerror or error}") from error
        if left:
            raise WeightsError(f"{where} ends {len(left):,} bytes too early; copy the file again")

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
            raise WeightsError(
                f"{self.path}: groups are nested deeper than {DEEPEST}: {quoted(prefix)}"
            )
        for raw_name in group:
            path = prefix + raw_name.decode("utf-8", "surrogateescape")
            if skip is not None and skip(path):
                continue
            if not _is_hard(group, raw_name):
                raise WeightsError(
                    f"{self.path}: {quoted(path)} is a soft or external link, which is not "
                    "followed; weight files hold their tensors themselves"
                )
            node = h5py.h5o.open(group, raw_name)
            address = h5py.h5o.get_info(node).addr
            if address in visited:
                raise WeightsError(
                    f"{self.path}: {quoted(path)} is a second name of another object"
                )
            visited.add(address)
            if len(visited) > MOST_OBJECTS:
                raise WeightsError(f"{self.path} holds more than {MOST_OBJECTS:,} objects")
            if isinstance(node, h5py.h5g.GroupID):
                self._walk(node, f"{path}/", skip, visited, found)
            elif isinstance(node, h5py.h5d.DatasetID):
                found.append(self._examine(path, node))
            else:
                raise WeightsError(f"{self.path}: {quoted(path)} is neither a group nor a tensor")

    def _examine(self, path: str, tensor: h5py.h5d.DatasetID) -> Dataset:
        import h5py

        if fault := storage.fault(tensor, self._size):
            raise WeightsError(f"{self.path}: {quoted(path)} {fault}")
        contiguous = tensor.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
        offset = tensor.get_offset() if contiguous else None
        return Dataset(path, tuple(tensor.shape), tensor.dtype, offset)


@contextmanager
def open_tensor_file(path: Path) -> Iterator[Hdf5File]:
    """Open an HDF5 file for reading.

    Raises WeightsError, naming the file and the remedy, for what is not an HDF5 file, for one that
    is damaged, and, when the block ends, for one that was changed meanwhile.
    """
    file, content, before = open_both(path)
    with content, file:
        try:
            with as_weights_error(path):
                yield Hdf5File(path, file, content)
        except NpfacenetError:
            require_unchanged(path, content, before)
            require_unlocked(path, content)
            raise
        require_unchanged(path, content, before)


@contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file to fill, which appears whole or not at all.

    Raises OutputError if it cannot be written.
    """
    import io

    import h5py

    from npfacenet.files.atomic import atomic_file, writing_in

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        yield file
    with writing_in(path.parent), atomic_file(path) as target:
        target.write(buffer.getbuffer())


def _is_hard(group: h5py.h5g.GroupID, name: bytes) -> bool:
    import h5py

    return bool(group.links.get_info(name).type == h5py.h5l.TYPE_HARD)
