"""Files that appear whole and verified, or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import FetchError, OutputError
from npfacenet.files.atomic import (
    atomic_file,
    deviation,
    place_verified,
    require_writable,
    writing_in,
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@given(content=st.binary(max_size=200), claimed=st.binary(max_size=200))
def test_only_what_was_claimed_is_placed(content: bytes, claimed: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "below", "tiny.h5")
        place = io.BytesIO(content)
        if content == claimed:
            place_verified(place, target, size=len(claimed), sha256=sha256(claimed))
            assert target.read_bytes() == content
            assert deviation(target, size=len(claimed), sha256=sha256(claimed)) is None
        else:
            with pytest.raises(FetchError):
                place_verified(place, target, size=len(claimed), sha256=sha256(claimed))
            assert list(target.parent.iterdir()) == []


def test_an_endless_stream_is_left_after_one_byte_too_many(tmp_path: Path) -> None:
    class Endless(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(FetchError, match="over 5000000 bytes"):
        place_verified(stream, tmp_path / "tiny.h5", size=5_000_000, sha256="0" * 64)
    assert stream.given == 5_000_001
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_stream_passes_through(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise TimeoutError("the line is dead")

    with pytest.raises(TimeoutError, match="the line is dead"):
        place_verified(Broken(), tmp_path / "tiny.h5", size=5, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_an_interrupted_writer_leaves_what_was_there(
    tmp_path: Path, fault: type[BaseException]
) -> None:
    target = tmp_path / "out.npz"
    target.write_bytes(b"before")

    def write() -> None:
        with atomic_file(target) as file:
            file.write(b"half")
            raise fault

    with pytest.raises(fault):
        write()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        ("out.npz", b"before")
    ]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write in the folder .*nowhere"),
        atomic_file(tmp_path / "nowhere" / "out.npz"),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOENT, "create it first"),
        (errno.ENOTDIR, "a file is in its place"),
        (errno.EACCES, "change its permissions"),
        (errno.EROFS, "it can only be read"),
        (errno.ENOSPC, "make room there"),
        (errno.ENAMETOOLONG, "choose a shorter name"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_the_reason_decides_the_remedy(number: int, remedy: str) -> None:
    with pytest.raises(
        OutputError, match=f"{re.escape(os.strerror(number))}; .*{remedy}"
    ) as caught:
        fail_in(Path("there"), OSError(number, os.strerror(number)))
    assert ("make room" in str(caught.value)) == (number == errno.ENOSPC)


def fail_in(folder: Path, error: OSError) -> None:
    with writing_in(folder):
        raise error


def test_a_folder_that_is_missing_is_to_be_created(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="create it first"):
        require_writable(tmp_path / "nowhere" / "out.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file is in its place"):
        require_writable(tmp_path / "file" / "out.npz")
