"""HDF5 files from strangers, as containers of tensors.

No content is read before its kind is known: the file is walked by hard links only, every dataset
is checked against what the file can contain, and nothing is interpreted (Lambda layers in Keras
files hold marshalled bytecode).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints import storage
from npfacenet.checkpoints.container import Container, Entry
from npfacenet.checkpoints.opening import (
    as_weights_error,
    open_both,
    require_unchanged,
    require_unlocked,
)
from npfacenet.errors import NpfacenetError, WeightsError, quoted

if TYPE_CHECKING:
    import h5py

MOST_OBJECTS = 20_000
DEEPEST = 12


class Hdf5File(Container):
    """An open HDF5 file, of which only tensors of numbers can be read.

    Attributes are looked up, never read: HDF5 has looped for ever over crafted texts.
    """

    kind: ClassVar[str] = "an HDF5 file"
    unrecognised: ClassVar[str] = (
        "but in no layout of weights that is known (Keras 2 and 3 weights and models, npfacenet): "
        "save it with model.save_weights('NAME.weights.h5')"
    )

    def __init__(self, path: Path, file: h5py.File, content: BinaryIO) -> None:
        self.path = path
        self._file, self._content = file, content
        self._size = os.fstat(content.fileno()).st_size

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether it is not a folder: opening it says what it is if not HDF5."""
        return not path.is_dir()

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Hdf5File]:
        """Open an HDF5 file for reading.

        Raises WeightsError, naming the file and the remedy, for what is not an HDF5 file, for one
        that is damaged, and, when the block ends, for one that was changed meanwhile.
        """
        file, content, before = open_both(path)
        with content, file:
            try:
                with as_weights_error(path):
                    yield cls(path, file, content)
            except NpfacenetError:
                require_unchanged(path, content, before)
                require_unlocked(path, content)
                raise
            require_unchanged(path, content, before)

    def has_group(self, path: str) -> bool:
        """Whether there is a group at this path, reached by hard links."""
        return self._group(path) is not None

    def has_entry(self, name: str) -> bool:
        """Whether the root holds a dataset of this name, by a hard link."""
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

    def entries(self, within: str = "", skip: Callable[[str], bool] | None = None) -> list[Entry]:
        """Return every dataset below a group, in the order of the file's names.

        Raises WeightsError for links that leave their group, for objects other than tensors of
        float16, float32, float64 or bytes, and for more data than the file can hold.
        """
        node = self._group(within)
        found: list[Entry] = []
        if node is not None:
            self._walk(node, f"{within}/" if within else "", skip, set(), found)
        return found

    def _read(
        self, name: str, dtype: np.dtype[np.generic], output: npt.NDArray[np.generic]
    ) -> None:
        if dtype.itemsize == 2 and output.dtype == np.float32:
            # NumPy widens half floats much faster than HDF5 does.
            half = np.empty(output.shape, np.float16)
            self._fill(name, half)
            np.copyto(output, half)
        else:
            self._fill(name, output)

    def _fill(self, name: str, output: npt.NDArray[np.generic]) -> None:
        import h5py

        with as_weights_error(self.path, name):
            tensor = h5py.h5d.open(self._file.id, name.encode("utf-8", "surrogateescape"))
            if storage.filters_of(tensor):
                storage.read_filtered(tensor, output)
            else:
                tensor.read(h5py.h5s.ALL, h5py.h5s.ALL, output)

    def _read_part(
        self,
        name: str,
        dtype: np.dtype[np.generic],
        offset: int,
        start: int,
        output: npt.NDArray[np.generic],
    ) -> None:
        """Fill an array without gaps with the numbers of a contiguous dataset from `start` on.

        They are read, not mapped: overwriting a mapped file changes numbers that were checked,
        and shortening it ends the process.
        """
        where = f"{self.path}: {name!r}"
        if output.dtype != dtype:
            raise WeightsError(f"{where} is not stored as {output.dtype}")
        try:
            self._content.seek(offset + start * dtype.itemsize)
            left = output.reshape(-1).view(np.uint8).data
            while left and (count := self._content.readinto(left)):  # type: ignore[attr-defined]  # BufferedReader's
                left = left[count:]
        except OSError as error:
            raise WeightsError(f"{where} cannot be read: {error.strerror or error}") from error
        if left:
            raise WeightsError(f"{where} ends {len(left):,} bytes too early; copy the file again")

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
        found: list[Entry],
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

    def _examine(self, name: str, tensor: h5py.h5d.DatasetID) -> Entry:
        import h5py

        if fault := storage.fault(tensor, self._size):
            raise WeightsError(f"{self.path}: {quoted(name)} {fault}")
        dtype = tensor.dtype
        contiguous = tensor.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
        offset = tensor.get_offset() if contiguous else None
        part = None if offset is None else partial(self._read_part, name, dtype, offset)
        return Entry(name, tuple(tensor.shape), dtype, partial(self._read, name, dtype), part)


@contextmanager
def writing_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill, which appears whole or not at all.

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
