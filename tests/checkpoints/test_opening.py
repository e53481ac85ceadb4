"""Files that are written while they are read, and files that h5py has open."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
import pytest

import npfacenet
from npfacenet.checkpoints import opening
from npfacenet.checkpoints.hdf5 import Hdf5File
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.testing.weight_files import LAYOUTS, TINY, whole_weight_file
from npfacenet.zoo.lookup import find

WRITER = """
import os, sys, time
path, how, whole = sys.argv[1], sys.argv[2], open(sys.argv[3], "rb").read()
while True:
    if how == "overwrite":
        with open(path, "wb") as file:
            for start in range(0, len(whole), 1 << 16):
                file.write(whole[start : start + (1 << 16)])
    elif how == "truncate":
        os.truncate(path, len(whole) // 3)
        time.sleep(0.001)
        with open(path, "r+b") as file:
            file.write(whole)
    else:
        with open(path + ".new", "wb") as file:
            file.write(whole)
        os.replace(path + ".new", path)
    time.sleep(0.004)
"""
READER = """
import sys, time
from pathlib import Path
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import WeightsError
path, right, outcomes, end = Path(sys.argv[1]), sys.argv[2], [0, 0], time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        found = read_checkpoint(path)
    except WeightsError as error:
        outcomes[1] += 1
    else:
        assert weights_digest(found.parameters) == right
        outcomes[0] += 1
print(*outcomes)
"""


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced there")
@pytest.mark.parametrize("how", ["overwrite", "truncate", "replace"])
def test_a_file_that_is_written_meanwhile_gives_the_file_or_an_error(
    how: str, tmp_path: Path
) -> None:
    """Neither other numbers nor the end of the process (a mapped file gives SIGBUS)."""
    source = find("npfacenet-small")
    path = tmp_path / "w.h5"
    path.write_bytes(source.read_bytes())
    right = npfacenet.load(path).digest
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), how, str(source)])
    try:
        done = subprocess.run(
            [sys.executable, "-c", READER, str(path), str(right)], capture_output=True, text=True
        )
    finally:
        writer.kill()
        writer.wait()
    assert done.returncode == 0, done.stderr
    read, refused = map(int, done.stdout.split())
    assert read + refused > 5
    if how == "replace":
        assert read > 0  # renaming never shows half a file
        assert refused == 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("change", ["shorter", "longer", "another time", "within a tick"])
def test_a_change_between_opening_and_the_end_is_told(
    layout: str, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file(layout))
    datasets = Hdf5File.entries

    def meanwhile(file: Hdf5File, *options: object, **more: object) -> object:
        found = datasets(file, *options, **more)  # type: ignore[arg-type]  # passed on
        if change == "shorter":
            os.truncate(path, path.stat().st_size // 2)
        elif change == "longer":
            with path.open("ab") as end:
                end.write(b"more")
        elif change == "another time":
            os.utime(path, (1, 1))
        else:
            with path.open("r+b") as end:
                end.seek(-1, os.SEEK_END)
                end.write(b"!")
            os.utime(path, ns=(now, now))
        return found

    now = time.time_ns() + 10**10  # as of a file that is written just now, however slow this is
    os.utime(path, ns=(now, now))

    monkeypatch.setattr(Hdf5File, "entries", meanwhile)
    with pytest.raises(WeightsError, match=r"w\.h5 was changed while it was read"):
        read_checkpoint(path, (TINY,))


def test_a_file_that_is_always_another_one_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "w.h5", tmp_path / "other.h5"
    for each in (path, other):
        each.write_bytes(whole_weight_file("npfacenet"))
    opened = opening._open

    def replaced(path: Path, content: BinaryIO) -> h5py.File:
        other.write_bytes(path.read_bytes())
        other.replace(path)
        return opened(path, content)

    monkeypatch.setattr(opening, "_open", replaced)
    with pytest.raises(WeightsError, match="replaced again and again"):
        read_checkpoint(path, (TINY,))


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("mode", ["w", "r+", "a"])
def test_a_file_that_h5py_writes_is_not_called_damaged(
    mode: str, flushed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    with h5py.File(path, mode) as file:
        file.attrs["layer_names"] = np.array(["conv1"], "S")
        if flushed:
            file.flush()
        with pytest.raises(WeightsError, match="is open for writing by h5py: close it first"):
            read_checkpoint(path, (TINY,))


def test_a_file_that_h5py_reads_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    for options in ({}, {"locking": False}):
        with h5py.File(path, "r", **options):
            assert read_checkpoint(path, (TINY,)).layout == "keras2-weights"


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_dataset_that_is_left_keeps_its_file_open(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(whole_weight_file("keras2-weights"))
    kernel = h5py.File(path, mode)["conv1/conv1/kernel:0"]  # as `h5py.File(path)[name]` is written
    if mode == "r":
        assert read_checkpoint(path, (TINY,)).layout == "keras2-weights"
    else:
        with pytest.raises(WeightsError, match="is open for writing by h5py: close it first"):
            read_checkpoint(path, (TINY,))
    assert kernel.shape


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be opened there")
def test_the_mark_of_a_writer_that_was_killed_is_told(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import h5py, os, sys
        file = h5py.File(sys.argv[1], "w", libver="latest")
        file["x"] = 1.0
        file.flush()
        os._exit(0)
        """
    )
    path = tmp_path / "w.h5"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    with (
        pytest.raises(WeightsError, match=r"marked as open for writing.*h5clear"),
        Hdf5File.open(path),
    ):
        pass


@pytest.mark.skipif(os.name == "nt", reason="a file that is open cannot be opened there")
def test_a_file_that_another_process_writes_is_not_called_damaged(tmp_path: Path) -> None:
    code = (
        "import h5py, sys; file = h5py.File(sys.argv[1], 'w', locking=True)\n"
        "file.create_dataset('conv1', (999,), 'f4'); print('begun', flush=True); sys.stdin.read()"
    )
    path = tmp_path / "w.h5"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(WeightsError, match="open for writing in another process"):
            read_checkpoint(path)
        writer.communicate()
    with pytest.raises(WeightsError, match="in no layout of weights"):
        read_checkpoint(path)
