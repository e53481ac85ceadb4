"""Rows of numbers with a record: as they were written, or refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import WeightsError

ROWS = {"a": np.arange(5, dtype=np.float32), "b": np.zeros(0, np.float32)}
RECORD: dict[str, object] = {"done": 3, "name": "zoë"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "record.h5"
    write_state(path, ROWS, RECORD)
    return path


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
numbers = hnp.arrays(np.float32, st.integers(0, 9), elements=finite)


@given(
    st.dictionaries(st.sampled_from("abc"), numbers),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none()),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]],
    record: dict[str, object],
) -> None:
    path = tmp_path_factory.mktemp("records") / "record.h5"
    write_state(path, rows, record)
    found, said = read_state(path)
    assert said == record
    assert found.keys() == rows.keys()
    for name, row in rows.items():
        np.testing.assert_array_equal(found[name], row)


def test_a_file_of_before_checksums_is_read(file: Path) -> None:
    with h5py.File(file, "r+") as opened:
        del opened["sha256"]
    assert read_state(file)[1] == RECORD


@pytest.mark.parametrize("name", ["sh", "sha\x80256", "rowz/a"])
def test_a_damaged_name_takes_no_checksum_away(name: str, file: Path) -> None:
    with h5py.File(file, "r+") as opened:
        opened.move("sha256", name)
    with pytest.raises(WeightsError, match=r"which npfacenet does not write: .*copy it again"):
        read_state(file)


def test_what_was_changed_is_refused(file: Path) -> None:
    for change in ("row", "record", "name"):
        write_state(file, ROWS, RECORD)
        with h5py.File(file, "r+") as opened:
            if change == "row":
                opened["rows/a"][2] = 7
            elif change == "name":
                opened.move("rows/a", "rows/c")
            else:
                text = json.dumps({**RECORD, "done": 4}).encode()
                opened["record"][:] = np.frombuffer(text, np.uint8)
        with pytest.raises(WeightsError, match="its checksum differs"):
            read_state(file)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"{", b"[]", b"3", b"\xff\xfe", b"1" * 5000], ids=lambda t: repr(t[:8])
)
def test_a_record_that_is_not_an_object_is_refused(text: bytes, file: Path) -> None:
    with h5py.File(file, "w") as opened:
        opened["record"] = np.frombuffer(text, np.uint8)
    with pytest.raises(WeightsError, match="record"):
        read_state(file)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(number: float, file: Path) -> None:
    write_state(file, {"a": np.array([1, number], np.float32)}, RECORD)
    with pytest.raises(WeightsError, match="'a' is not a row of finite numbers"):
        read_state(file)


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for path in (tmp_path / "pipe", tmp_path / "empty", tmp_path, Path("/dev/zero")):
        with pytest.raises(WeightsError):
            read_state(path)
    with pytest.raises(WeightsError, match="does not exist"):
        read_state(tmp_path / "none")
