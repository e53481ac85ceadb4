"""NumPy's archives of arrays (.npz): written whole or not at all, read without trusting them.

Only numbers and text are read, never Python objects: those are pickles, which can run any program.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import NpfacenetError, quoted
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.files.reading import open_regular

if TYPE_CHECKING:
    import zipfile

Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

_PIECE = 1 << 20  # bytes that are read at a time
_LONGEST_HEADER = 10_000
_END = 22  # bytes of the record at the end of an archive, before its comment
_LAST_CHARACTER = 0x10FFFF  # of Unicode
_MEMBER = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.npy")
_HEADER = re.compile(
    rb"\{'descr': '([<>|](?:f[248]|[iu][1248]|U[1-9]\d{0,6}))', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \}\s*"
)


def write_npz(target: Path, arrays: Arrays, *, private: bool = False) -> None:
    """Write arrays of numbers and text under their names, as `numpy.savez` does.

    Only its owner may read a `private` file. The same arrays give the same bytes. Raises
    OutputError if the file cannot be written, and ValueError for an array of objects.
    """
    import zipfile  # takes 5 ms, which only those who use it pay

    with (
        writing_in(target.parent),
        atomic_file(target, private=private) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_npz(
    path: str | os.PathLike[str], *, what: str, largest: int, error: type[NpfacenetError]
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of a file by their names, which takes no more memory than the file's size.

    `what` says in messages what the file should be ("a file of embeddings"). Raises `error`,
    naming the path, the fault and the remedy, as `open_regular` does, and for a file that is
    damaged, that holds anything but arrays of numbers and text, or that is compressed, which could
    take a thousand times its size.
    """
    import zipfile

    faults = (zipfile.BadZipFile, struct.error, OSError, EOFError, ValueError, TypeError)
    with open_regular(path, what=what, largest=largest, error=error) as file:
        name = quoted(os.fsdecode(path))
        try:
            return _arrays(file)
        except MemoryError as fault:
            raise error(f"{name} cannot be read: there is not enough memory") from fault
        except (*faults, KeyError, OverflowError, RuntimeError) as fault:
            raise error(
                f"{name} cannot be read as {what}: {fault}; copy it again, or write it anew"
            ) from fault


class _InPieces:
    """A file of which nothing large is read at once: an archive can claim a directory of any size.

    The directory of a few arrays takes a kilobyte.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(_PIECE + 1 if size < 0 else min(size, _PIECE + 1))
        if len(content) > _PIECE:
            raise ValueError(f"its directory has over {_PIECE:,} bytes")
        return content


def _arrays(file: BinaryIO) -> dict[str, npt.NDArray[np.generic]]:
    """Read all arrays of an archive; raise ValueError, or what zipfile raises, for any fault."""
    import zipfile

    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(_InPieces(file)) as archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            named = _MEMBER.fullmatch(member.filename)
            if named is None:
                raise ValueError(f"it holds {quoted(member.filename)}, which names no array")
            if named[1] in members:
                raise ValueError(f"it holds two arrays that are called {named[1]!r}")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(
                    f"{quoted(named[1])} is compressed, and could take any amount of memory "
                    "(numpy.savez does not compress)"
                )
            members[named[1]] = member
        if len(members) != _stated_members(file, archive.comment):
            raise ValueError("its directory does not hold as many arrays as it states")
        claimed = sum(member.file_size for member in members.values())
        if claimed > size:
            raise ValueError(f"it claims to hold {claimed:,} bytes, and has {size:,}")
        return {name: _array(archive, name, member) for name, member in members.items()}


def _stated_members(file: BinaryIO, comment: bytes) -> int:
    """Return how many members an archive states to have, which zipfile does not compare."""
    file.seek(-_END - len(comment), os.SEEK_END)
    end = file.read(_END)
    return int.from_bytes(end[10:12], "little")


def _array(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> npt.NDArray[np.generic]:
    """Read an array, whose checksum zipfile compares."""
    with archive.open(member) as stream:
        dtype, shape, order, used = _header(stream, name)
        count = math.prod(shape)
        stated, there = count * dtype.itemsize, member.file_size - used
        if stated != there:
            raise ValueError(f"{quoted(name)} states {stated:,} bytes of numbers and has {there:,}")
        flat = np.empty(count, dtype)
        content = flat.view(np.uint8)
        for start in range(0, stated, _PIECE):
            piece = stream.read(min(_PIECE, stated - start))
            content[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
            if len(piece) < min(_PIECE, stated - start):
                raise ValueError(f"{quoted(name)} ends too early")
        if dtype.kind == "U":
            characters = flat.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
            if characters.size and characters.max() > _LAST_CHARACTER:
                raise ValueError(f"{quoted(name)} holds numbers that are not characters")
    native = flat.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order=order)


def _header(
    stream: IO[bytes], name: str
) -> tuple[np.dtype[np.generic], tuple[int, ...], Literal["C", "F"], int]:
    """Read dtype, shape and order of an array; also return the bytes that this took.

    NumPy's own function evaluates the header as Python, and fails in many ways.
    """
    start = stream.read(8)
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(start)
    if width is None:
        raise ValueError(f"{quoted(name)} is not an array of numbers or text")
    length = int.from_bytes(stream.read(width), "little")
    header = stream.read(min(length, _LONGEST_HEADER))
    if b"O'" in header:
        raise ValueError(f"{quoted(name)} holds Python objects (a pickle), which are never opened")
    found = _HEADER.fullmatch(header)
    if found is None or len(header) != length:
        raise ValueError(f"{quoted(name)} is not an array of numbers or text")
    shape = tuple(int(side) for side in found[3].split(b",") if side.strip())
    order: Literal["C", "F"] = "F" if found[2] == b"True" else "C"
    return np.dtype(found[1].decode("ascii")), shape, order, 8 + width + length
