"""A gallery's file: safe to make, to open, to share, and to refuse."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npfacenet.errors import GalleryError, OutputError
from npfacenet.gallery import Gallery, database, identify, schema
from npfacenet.gallery.schema import VERSION


def office(path: Path, people: int = 3) -> Path:
    rng = np.random.default_rng(0)
    with Gallery.open(path) as gallery:
        for i in range(people):
            gallery.add(f"person {i}", rng.standard_normal((2, 128)).astype(np.float32))
    return path


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Gallery.open(tmp_path / "g") as gallery:
            gallery.add("anna", [1.0, 0.0])
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert {"g", "g-wal"} <= set(modes)


def test_a_disk_without_hard_links_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    office(tmp_path / "g")
    assert [p.name for p in tmp_path.iterdir()] == ["g"]
    assert stat.S_IMODE((tmp_path / "g").stat().st_mode) == 0o600


def test_nothing_lies_beside_it_when_it_is_closed(tmp_path: Path) -> None:
    office(tmp_path / "g")
    assert [p.name for p in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"SQLite format 3\0" + bytes(100), b"\x89HDF\r\n\x1a\n" + bytes(4000)]
)
def test_a_foreign_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=r"g' is not a gallery; it was not touched"):
        Gallery.open(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["g"]


def add_colour(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE person ADD COLUMN colour TEXT")


def fail(connection: sqlite3.Connection) -> None:
    add_colour(connection)
    raise sqlite3.OperationalError("the disk is on fire")


def test_an_earlier_file_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = office(tmp_path / "g")
    tables = [
        table.replace("key TEXT NOT NULL UNIQUE\n", "key TEXT NOT NULL UNIQUE, colour TEXT\n")
        for table in schema.TABLES
    ]
    assert tables != list(schema.TABLES)
    monkeypatch.setattr(schema, "TABLES", tuple(tables))
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="unknown version 1"):
        Gallery.open(path)
    monkeypatch.setattr(schema, "MIGRATIONS", {VERSION: fail})
    with pytest.raises(GalleryError, match="on fire"):
        Gallery.open(path)
    assert path.read_bytes() == before
    monkeypatch.setattr(schema, "MIGRATIONS", {VERSION: add_colour})
    with Gallery.open(path) as gallery:
        assert len(gallery) == 3
        assert gallery.check() == ()
    with Gallery.open(path) as again:
        again.add("eve", np.ones(128))


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="written by a newer npfacenet"):
        Gallery.open(path)
    assert path.read_bytes() == before


def used(path: Path) -> None:
    with Gallery.open(path) as gallery:
        identify(np.ones(128), gallery, threshold=1)


@pytest.mark.parametrize("keep", [0.01, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_damaged(tmp_path: Path, keep: float) -> None:
    path = office(tmp_path / "g", 70)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(GalleryError, match=r"damaged|not a gallery"):
        used(path)


def test_a_half_written_page_is_whole_in_the_log(tmp_path: Path) -> None:
    """A process that was killed while it wrote the log back leaves this."""
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add("anna", np.ones(128))
        for name in ("g", "g-wal"):
            (tmp_path / f"killed-{name}").write_bytes((tmp_path / name).read_bytes())
    for name in ("g", "g-wal"):
        (tmp_path / f"killed-{name}").rename(tmp_path / name)
    with (tmp_path / "g").open("ab") as file:
        file.write(bytes(4096))
    with Gallery.open(tmp_path / "g") as again:
        assert again.people == ("anna",)
        assert again.check() == ()
    assert (tmp_path / "g").stat().st_size % schema.PAGE == 0


def test_two_processes_migrate_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = office(tmp_path / "g")
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    monkeypatch.setattr(schema, "MIGRATIONS", {VERSION: lambda _: None})
    migrate, asked = schema.migrate, []

    def noting(connection: sqlite3.Connection, version: int, name: str) -> None:
        asked.append(version)
        migrate(connection, version, name)

    monkeypatch.setattr(schema, "migrate", noting)
    first_seen = iter([VERSION])
    known = database._version
    monkeypatch.setattr(
        database, "_version", lambda connection: next(first_seen, None) or known(connection)
    )
    connection = sqlite3.connect(path)  # the other process was faster
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.commit()
    connection.close()
    Gallery.open(path).close()
    assert asked == [VERSION + 1]


def test_missing_files_folders_and_names_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose a shorter name"):
        Gallery.open(tmp_path / ("x" * 300))
    with pytest.raises(GalleryError, match="there is no gallery"):
        Gallery.open(tmp_path / "missing", create=False)
    with pytest.raises(GalleryError, match="there is no gallery"):
        Gallery.open(tmp_path / "missing", read_only=True)
    with pytest.raises(GalleryError, match="a folder or a device"):
        Gallery.open(tmp_path)
    with pytest.raises(OutputError, match="create it first"):
        Gallery.open(tmp_path / "no" / "folder")
    with pytest.raises((GalleryError, OutputError), match=r"too long|shorter name"):
        Gallery.open(tmp_path / ("x" * 300))
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(GalleryError, match="a link to a file that is not there"):
        Gallery.open(tmp_path / "link")
    for name in ("a?mode=memory", "#x", "50%", "sp ace", "ü", "a\nb", "-x"):
        with Gallery.open(tmp_path / name) as gallery:
            gallery.add("anna", [1.0, 0.0])
        assert (tmp_path / name).is_file()
        with Gallery.open(tmp_path / name, create=False) as gallery:
            assert gallery.people == ("anna",)


def test_what_may_only_be_read_is_read(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    with Gallery.open(path, read_only=True) as gallery:
        assert len(gallery) == 3
        assert identify(np.ones(128), gallery, threshold=2).candidates
        with pytest.raises(GalleryError, match="opened for reading only"):
            gallery.add("anna", np.ones(128))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everything")
def test_a_file_without_permission_to_write(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with Gallery.open(path, read_only=True) as gallery:
            assert len(gallery) == 3
        with pytest.raises(OutputError, match="cannot be written"):
            Gallery.open(path).add("anna", np.ones(128))
    finally:
        tmp_path.chmod(0o700)


ENROL = """
import sys
import numpy as np
from npfacenet.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    for i in range(60):
        gallery.add(f"{sys.argv[2]} {i}", np.full(8, i + 1.0))
        assert gallery.people
"""


def test_two_processes_enrol_at_once(tmp_path: Path) -> None:
    path = tmp_path / "g"
    both = [
        subprocess.Popen([sys.executable, "-c", ENROL, path, name], stderr=subprocess.PIPE)
        for name in ("anna", "bert")
    ]
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    with Gallery.open(path) as gallery:
        assert set(gallery) == {f"{name} {i}" for name in ("anna", "bert") for i in range(60)}
        assert gallery.check() == ()


def test_another_process_is_seen(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    with Gallery.open(path) as reader, Gallery.open(path) as writer:
        probe = np.eye(128, dtype=np.float32)[0]
        assert identify(probe, reader, threshold=0.1).match is None
        writer.add("eve", probe)
        assert identify(probe, reader, threshold=0.1).match == "eve"
        writer.rename("eve", "ada")
        assert identify(probe, reader, threshold=0.1).match == "ada"
        writer.remove("ada")
        assert identify(probe, reader, threshold=0.1).match is None


def test_pickled_and_copied(tmp_path: Path) -> None:
    with Gallery.open(office(tmp_path / "g")) as in_file:
        in_memory = in_file.copy()
        for gallery in (in_file, in_memory):
            again = pickle.loads(pickle.dumps(gallery))  # noqa: S301  (our own)
            assert again.path == gallery.path
            assert again.as_json() == gallery.as_json()
            again.add("eve", np.ones(128))
            assert identify(np.ones(128), again, threshold=0.1).match == "eve"
        assert "eve" in in_file  # the same file
        assert "eve" not in in_memory
    with Gallery.open(tmp_path / "g", read_only=True) as reading:
        pickled = pickle.dumps(reading)
    with pytest.raises(GalleryError, match="for reading only"):
        pickle.loads(pickled).remove("eve")  # noqa: S301
    (tmp_path / "g").rename(tmp_path / "moved")
    with pytest.raises(GalleryError, match="there is no gallery"):
        pickle.loads(pickled)  # noqa: S301
    assert not (tmp_path / "g").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_with_file_and_memory(tmp_path: Path) -> None:
    in_file, in_memory = Gallery.open(office(tmp_path / "g")), Gallery.of({"anna": [1.0, 0.0]})
    child = os.fork()
    if child == 0:
        try:
            in_file.add("of the child", np.ones(128))
            in_memory.add("bert", [0.0, 1.0])
            os._exit(0 if len(in_memory) == 2 else 2)
        except BaseException:  # noqa: BLE001  (the parent sees the exit code)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "of the child" in in_file
    assert in_memory.people == ("anna",)
    in_file.close()


def fill(gallery: Gallery) -> None:
    for i in range(1000):
        gallery.add(f"more {i}", np.random.default_rng(i).standard_normal((200, 128)))


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    gallery = Gallery.open(path)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100_000, before[1]))
        with pytest.raises(OutputError, match=r"was not changed|cannot be read or written"):
            fill(gallery)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    known = gallery.people
    gallery.close()
    with Gallery.open(path) as again:
        assert again.people == known
        assert again.check() == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    path = office(small_disk / "g")
    with Gallery.open(path) as gallery:
        with pytest.raises(OutputError, match=r"disk is full; make room there"):
            fill(gallery)
        known = gallery.people
        assert gallery.check() == ()
    with Gallery.open(path, read_only=True) as again:
        assert again.people == known
    (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    with pytest.raises(OutputError, match="make room there"):
        Gallery.open(small_disk / "other")
    assert not (small_disk / "other").exists()
    (small_disk / "filler").unlink()
    with Gallery.open(path) as again:
        assert again.people == known
        assert again.check() == ()


class WithoutSharedMemory(sqlite3.Connection):
    """As on a disk on which SQLite cannot keep a write-ahead log."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("journal_mode = WAL", "journal_mode"), *parameters)


def test_a_disk_on_which_nothing_could_be_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = partial(sqlite3.connect, factory=WithoutSharedMemory)
    monkeypatch.setattr("npfacenet.gallery.database.sqlite3.connect", connect)
    with pytest.raises(GalleryError, match="processes cannot share memory"):
        Gallery.open(tmp_path / "g")
