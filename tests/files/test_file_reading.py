"""Only regular files of a sensible size are opened."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from npfacenet.errors import ImageError, TrainingError
from npfacenet.files import open_regular, read_text

LARGEST = 1000


def opened(path: str | os.PathLike[str]) -> bytes:
    with open_regular(path, what="a picture", largest=LARGEST, error=ImageError) as file:
        return file.read()


def test_a_regular_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * LARGEST)
    assert opened(path) == opened(str(path)) == b"x" * LARGEST
    (tmp_path / "link").symlink_to(path)
    assert len(opened(tmp_path / "link")) == LARGEST


@pytest.mark.parametrize(
    ("size", "said"), [(0, "is empty"), (LARGEST + 1, "more than"), (1 << 40, "more than")]
)
def test_sizes_that_make_no_sense_are_refused(tmp_path: Path, size: int, said: str) -> None:
    path = tmp_path / "a"
    path.touch()
    os.truncate(path, size)  # sparse: takes no room
    with pytest.raises(ImageError, match=said):
        opened(path)


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path in (tmp_path, tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero")):
            with pytest.raises(ImageError, match=r"is a (folder|device)"):
                opened(path)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="needs Linux's /proc")
def test_a_file_of_the_system_that_never_ends_is_refused() -> None:
    with pytest.raises(ImageError, match="is empty"):
        opened("/proc/self/pagemap")


@pytest.mark.parametrize("path", ["missing", "a\0b", "x" * 5000, "dan/" * 2000])
def test_paths_that_lead_nowhere_are_refused_in_short(path: str) -> None:
    with pytest.raises(ImageError) as raised:
        opened(path)
    assert len(str(raised.value)) < 400


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_bytes(b"\xef\xbb\xbfJos\xc3\xa9\n")
    assert read_text(path, what="a list of people", error=TrainingError) == "José\n"
    path.write_bytes(b"Jos\xe9\n")
    with pytest.raises(TrainingError, match="cannot be read as a list of people"):
        read_text(path, what="a list of people", error=TrainingError)
