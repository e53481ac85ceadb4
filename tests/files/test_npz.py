"""Archives of arrays: what is written is read, and nothing else does harm."""

from __future__ import annotations

import errno
import io
import pickle
import re
import struct
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.errors import EmbeddingError, OutputError
from npfacenet.files import npz
from npfacenet.files.npz import read_npz, write_npz

LARGEST = 1 << 36
Archive = dict[str, npt.NDArray[Any]]

# NumPy's texts end before the zeros at their end.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=5).map(
    lambda text: text.rstrip("\0")
)
arrays = hnp.arrays(
    hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes(),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
) | hnp.arrays(np.dtype("<U5"), hnp.array_shapes(max_dims=2, max_side=3), elements=texts)
archives = st.dictionaries(st.sampled_from(["a", "b_1", "Values"]), arrays, min_size=1)


def read(path: Path) -> Archive:
    found = read_npz(path, what="a file of numbers", largest=LARGEST, error=EmbeddingError)
    assert all(array.dtype.isnative for array in found.values())
    return found


def assert_equal(found: Archive, expected: Archive) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.astype(found[name].dtype).tobytes()


def fault(path: Path) -> str:
    """The message of the one error that reading gives; it names the file and a remedy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EmbeddingError) as caught:
            read(path)
    message = str(caught.value)
    assert type(caught.value) is EmbeddingError
    assert path.name in message
    assert re.search("; .*(again|name a|permissions)", message), message
    assert len(message) < 500
    return message


def packed(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive of these members."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """The bytes of an array with this header."""
    text = header.encode("latin-1")
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def described(descr: str, shape: str, data: bytes = b"") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", data)


@given(archives)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, given: Archive) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    write_npz(path, given)
    assert_equal(read(path), given)
    with np.load(path) as loaded:  # never a pickle: NumPy would refuse one
        assert_equal(dict(loaded), given)
    content = path.read_bytes()
    write_npz(path, given)
    assert path.read_bytes() == content
    np.savez(path, **given)  # type: ignore[arg-type]  # arrays of these names
    assert_equal(read(path), given)


@given(archives, st.integers(0, 2**32), st.integers(1, 255))
def test_a_damaged_file_is_refused_or_the_same(
    tmp_path_factory: pytest.TempPathFactory, given: Archive, where: int, change: int
) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    write_npz(path, given)
    content = bytearray(path.read_bytes())
    content[where % len(content)] ^= change
    path.write_bytes(content)
    with suppress(EmbeddingError):  # else the change was in a time, or in a name
        numbers = sorted(a.astype(a.dtype.newbyteorder("=")).tobytes() for a in given.values())
        assert sorted(array.tobytes() for array in read(path).values()) == numbers


@pytest.mark.parametrize(("place", "change"), [(-10, 155), (-6, 46)])
def test_no_array_is_lost_by_a_damaged_directory(tmp_path: Path, place: int, change: int) -> None:
    """zipfile takes such a directory for a smaller one, or an empty one."""
    path = tmp_path / "a.npz"
    write_npz(path, {"a": np.zeros(2), "b_1": np.ones((2, 3)), "c": np.arange(3)})
    content = bytearray(path.read_bytes())
    assert content[-10] == 3 * 46 + len("a.npy" + "b_1.npy" + "c.npy") == 155
    content[place] ^= change
    path.write_bytes(content)
    with pytest.raises(EmbeddingError, match=r"a\.npz"):
        read(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    write_npz(whole, {"a": np.arange(5), "b": np.array(["x", "y"])})
    content = whole.read_bytes()
    path = tmp_path / "part.npz"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        fault(path)


def test_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "harm",)

    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(path, {"a": np.array([Harmful()], object)})
    assert [*tmp_path.iterdir()] == []
    np.savez(path, a=np.array([Harmful()], object))
    assert "'a' holds Python objects (a pickle), which are never opened" in fault(path)
    packed(path, {"a.npy": pickle.dumps(Harmful())})
    assert "is not an array" in fault(path)
    path.write_bytes(pickle.dumps(Harmful()))
    fault(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (described("'<f4'", f"({1 << 34},)"), "states 68,719,476,736 bytes"),
        (described("'<f4'", f"({10**17}, {10**17})"), "bytes of numbers and has 0"),
        (described("'<f4'", f"({10**17}, 0, {10**17})"), ""),
        (described("'<f4'", f"({'9' * 19},)"), "not an array"),
        (described("'<f4'", "(3,)", bytes(11)), "states 12 bytes of numbers and has 11"),
        (described("'<f4'", "(3,)", bytes(13)), "states 12 bytes of numbers and has 13"),
        (described("'<f4'", "(-1,)"), "not an array"),
        (described("'<U0'", f"({10**12},)"), "not an array"),
        (described("'<U1'", "(1,)", b"\xff\xff\xff\xff"), "not characters"),
        (described("'>U1'", "(1,)", b"\x7f\x00\x00\x00"), "not characters"),
        (described("'|b1'", "(1,)", b"\x01"), "not an array"),
        (described("'<c8'", "(1,)", bytes(8)), "not an array"),
        (described("'<M8[D]'", "(1,)", bytes(8)), "not an array"),
        (described("'|V3'", "(1,)", bytes(3)), "not an array"),
        (described("[('x', '<f4')]", "(1,)", bytes(4)), "not an array"),
        (described("'|O'", "(1,)", pickle.dumps([1])), "pickle"),
        (described("[('x', '|O')]", "(1,)", pickle.dumps([1])), "pickle"),
        (npy("(" * 9000), "not an array"),
        (npy("{'descr': '<f4', 'shape': (1,)"), "not an array"),
        (npy("{'descr': '<f4'}" + " " * 20_000), "not an array"),
        (npy("", version=b"\x03\x00"), "not an array"),
        (npy("", version=b"\x02\x00"), "not an array"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "not an array"),
        (b"\x93NUMPY\x01", "not an array"),
        (b"", "not an array"),
    ],
)
def test_arrays_that_are_not_what_they_state(member: bytes, said: str, tmp_path: Path) -> None:
    tracemalloc.start()
    assert said in fault(packed(tmp_path / "a.npz", {"a.npy": member}))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 << 20


@pytest.mark.parametrize(
    "name",
    ["../a.npy", "/etc/a.npy", "a/b.npy", "C:\\a.npy", "a", "a.py", ".npy", "é.npy", "a\n.npy"],
)
def test_members_that_name_no_array(name: str, tmp_path: Path) -> None:
    content = {"a.npy": described("'<f4'", "()", bytes(4)), name: b""}
    assert "names no array" in fault(packed(tmp_path / "a.npz", content))


def test_two_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the name
        for _ in range(2):
            archive.writestr("a.npy", described("'<f4'", "()", bytes(4)))
    assert "two arrays that are called 'a'" in fault(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_arrays_are_refused(method: int, tmp_path: Path) -> None:
    member = {"a.npy": described("'<f4'", "(1000000,)", bytes(4_000_000))}
    assert "'a' is compressed" in fault(packed(tmp_path / "a.npz", member, method))


def test_a_member_that_claims_to_be_larger_than_the_file(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", {"a.npy": described("'<f4'", f"({1 << 30},)", bytes(64))})
    content = path.read_bytes()
    size = len(described("'<f4'", f"({1 << 30},)", bytes(64)))
    claimed = content.replace(struct.pack("<I", size) * 2, struct.pack("<I", 0xFFFFFF00) * 2)
    assert claimed != content
    path.write_bytes(claimed)
    assert "claims to hold" in fault(path)


def test_a_large_directory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(20_000):
            archive.writestr(f"a{i}.npy", b"")
    assert "its directory has over 1,048,576 bytes" in fault(path)
    with path.open("r+b") as file:  # a sparse file, all of which is claimed for its directory
        file.truncate(1 << 33)
        file.seek((1 << 33) - 22)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 0xFFFFFFF0, 0, 0))
    tracemalloc.start()
    assert "its directory has over 1,048,576 bytes" in fault(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", {"a.npy": described("'<f4'", "()", bytes(4))})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in fault(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"PK\5\6" + bytes(18), b"\x89PNG", b"{}"])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    if content.startswith(b"PK"):
        assert read(path) == {}
    else:
        fault(path)
    np.save(tmp_path / "one.npy", np.ones(3))
    fault(tmp_path / "one.npy")


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert "is a folder, not a file of numbers" in fault(tmp_path)
    with pytest.raises(EmbeddingError, match="does not exist"):
        read(tmp_path / "none.npz")


def test_too_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    write_npz(tmp_path / "a.npz", {"a": np.ones(3)})
    monkeypatch.setattr(npz, "_array", no_memory)
    with pytest.raises(EmbeddingError, match="not enough memory"):
        read(tmp_path / "a.npz")


def test_a_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, {"a": np.ones(3)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(path, {"a": np.ones(10**6), "b": np.array([None])})
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.npz"
    write_npz(path, {"a": np.ones(3)})
    before = path.read_bytes()
    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OutputError, match="make room there"):
        write_npz(path, {"a": np.ones(4)})
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_numbers_of_others(tmp_path: Path) -> None:
    """Archives of big-endian arrays and of arrays by columns, and with a comment."""
    path = tmp_path / "a.npz"
    given = {"a": np.arange(6, dtype=">f4").reshape(2, 3), "b": np.asfortranarray(np.eye(2, 3))}
    np.savez(path, **given)  # type: ignore[arg-type]  # arrays of these names
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"by somebody"
    assert_equal(read(path), given)
    header = io.BytesIO()
    np.lib.format.write_array(header, given["a"], version=(2, 0))
    assert_equal(read(packed(path, {"a.npy": header.getvalue()})), {"a": given["a"]})
