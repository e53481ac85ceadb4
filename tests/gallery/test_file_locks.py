"""What is committed is not lost to another process that closes the gallery."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from npfacenet.errors import GalleryError, OutputError
from npfacenet.gallery import Gallery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs locks of open files")

ADD = """
import sys
from npfacenet.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    gallery.add(sys.argv[2], [1.0, 0.0])
"""


def another_process_adds(path: Path, name: str) -> None:
    subprocess.run([sys.executable, "-c", ADD, path, name], check=True)


def people_after_a_kill(path: Path) -> set[str]:
    """Who is in the gallery, as another process sees it while this one still has it open."""
    list_ = "import sys; from npfacenet.gallery import Gallery; print(*Gallery.open(sys.argv[1]))"
    found = subprocess.run(
        [sys.executable, "-c", list_, path], check=True, capture_output=True, text=True
    )
    return set(found.stdout.split())


def test_a_file_that_was_opened_twice(tmp_path: Path) -> None:
    path = tmp_path / "g"
    with Gallery.open(path) as gallery, Gallery.open(path):
        path.read_bytes()  # closing the file ends SQLite's own locks
        another_process_adds(path, "anna")
        gallery.add("bert", [0.0, 1.0])
        assert people_after_a_kill(path) == {"anna", "bert"}
    assert [p.name for p in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize("room", [20, 21, 22, 23])
def test_too_many_open_files(tmp_path: Path, room: int) -> None:
    several, before = [Gallery.open(tmp_path / "g")], resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + room, before[1]))
    try:
        with pytest.raises((GalleryError, OutputError), match=r"g' (cannot|was not)"):
            several.extend(Gallery.open(tmp_path / "g") for _ in range(100))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for gallery in several:
        gallery.close()


def test_a_child_goes_on_after_its_parent_closed(tmp_path: Path) -> None:
    gallery, (wait, go) = Gallery.open(tmp_path / "g"), os.pipe()
    gallery.add("anna", [1.0, 0.0])
    child = os.fork()
    if child == 0:
        try:
            gallery.add("bert", [0.0, 1.0])
            os.read(wait, 1)
            gallery.add("carl", [0.0, 1.0])
            os._exit(0)
        except BaseException:  # noqa: BLE001  (the parent sees the exit code)
            os._exit(1)
    gallery.close()
    another_process_adds(tmp_path / "g", "dora")
    os.write(go, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with Gallery.open(tmp_path / "g") as again:
        assert {"anna", "carl", "dora"} <= {*again}
        assert again.check() == ()
