"""What killed writers leave is removed; what living ones write is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from npfacenet.errors import OutputError
from npfacenet.files import unfinished
from npfacenet.files.atomic import atomic_file
from npfacenet.files.unfinished import new_partial, remove_abandoned

pytestmark = pytest.mark.skipif(os.name == "nt", reason="open files cannot be locked there")

WRITER = """
import sys, time
from pathlib import Path
from npfacenet.files.atomic import atomic_file
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


def writer(target: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


def write(target: Path, content: bytes) -> None:
    with atomic_file(target) as file:
        file.write(content)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_writer_removes_what_killed_ones_left(tmp_path: Path) -> None:
    target = tmp_path / "out.h5"
    target.write_bytes(b"before")
    killed = [writer(target) for _ in range(2)]
    living = writer(target)
    other = writer(tmp_path / "other.h5")
    assert len(listing(tmp_path)) == 5
    for process in killed:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    write(target, b"after")
    assert target.read_bytes() == b"after"
    assert len(listing(tmp_path)) == 3  # and the two that live
    for process in (living, other):
        process.communicate()
        assert process.returncode == 0
    assert listing(tmp_path) == ["other.h5", "out.h5"]
    assert target.read_bytes() == (tmp_path / "other.h5").read_bytes() == b"half"


def test_writers_that_come_and_go_never_lose_a_file(tmp_path: Path) -> None:
    target = tmp_path / "out.h5"

    def write_many(mark: int) -> None:
        for turn in range(60):
            with suppress(KeyError), atomic_file(target) as file:
                file.write(bytes([mark]) * 1000)
                if turn % 3 == mark:
                    raise KeyError
            assert len(set(target.read_bytes())) == 1

    write(target, b"x")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_many, range(4)))
    assert listing(tmp_path) == ["out.h5"]


def test_a_file_taken_for_abandoned_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = unfinished._lock
    taken: list[Path] = []

    def late(descriptor: int) -> None:
        if not taken:
            taken.extend(tmp_path.glob("*.part"))
            remove_abandoned(taken[0])
        lock(descriptor)

    monkeypatch.setattr(unfinished, "_lock", late)
    write(tmp_path / "out.h5", b"whole")
    assert taken
    assert listing(tmp_path) == ["out.h5"]


def test_nothing_is_written_through_a_link_that_lies_in_wait(tmp_path: Path) -> None:
    target, victim = tmp_path / "out.h5", tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = unfinished._name(target, 0)
    path.symlink_to(victim)
    (unfinished._name(target, 1)).mkdir()
    os.mkfifo(unfinished._name(target, 2))
    write(target, b"whole")
    assert target.read_bytes() == b"whole"
    assert victim.read_bytes() == b"precious"
    assert path.is_symlink()


def test_where_files_cannot_be_locked_they_are_still_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write(tmp_path / "out.h5", b"whole")
    with new_partial(tmp_path / "out.h5") as mine:
        write(tmp_path / "out.h5", b"again")
        assert Path(mine.name).exists()
    assert (tmp_path / "out.h5").read_bytes() == b"again"


def test_a_full_disk_is_told_when_the_bytes_are_written(tmp_path: Path) -> None:
    """What a file keeps back is written, and fails, once more when it is closed."""
    resource = pytest.importorskip("resource")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from io import BytesIO; from hashlib import sha256; from pathlib import Path\n"
        "from npfacenet.files.atomic import place_verified\n"
        "from npfacenet.errors import OutputError\n"
        "whole = bytes(2_000_100)\n"
        "try: place_verified(BytesIO(whole), Path(sys.argv[1]), size=len(whole),"
        " sha256=sha256(whole).hexdigest())\n"
        "except OutputError as error: print(error)"
    )
    assert resource
    target = tmp_path / "out.h5"
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True)
    assert "cannot write in the folder" in done.stdout, done.stderr
    assert "make room there" in done.stdout
    assert listing(tmp_path) == []


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300, ""])
def test_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    target = tmp_path / name if name else Path()
    with pytest.raises(OutputError, match=r"cannot name a file|shorter name"):
        write(target, b"")
    assert listing(tmp_path) == []
