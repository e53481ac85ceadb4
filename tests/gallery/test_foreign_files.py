"""Databases that are almost a gallery are refused, and so is what cannot lie beside one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from npfacenet.errors import GalleryError
from npfacenet.gallery import Gallery, schema
from npfacenet.gallery.schema import APPLICATION, VERSION


def office(path: Path) -> Path:
    with Gallery.open(path) as gallery:
        for i in range(3):
            gallery.add(f"person {i}", np.eye(128)[i])
    return path


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 16384")
    connection.execute("CREATE TABLE person (id INTEGER)")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="its tables are others"):
        Gallery.open(path)
    assert path.read_bytes() == before


def test_a_trigger_is_refused(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TRIGGER spy AFTER INSERT ON person BEGIN UPDATE person SET name = 'eve'; END"
    )
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match="its tables are others"):
        Gallery.open(path)


@pytest.mark.parametrize(
    ("table", "words", "others"),
    [
        ("reference", "STRICT", ""),
        ("person", "key TEXT NOT NULL", "key TEXT COLLATE NOCASE NOT NULL"),
        ("correction", " ON DELETE CASCADE", ""),
    ],
)
def test_other_constraints_are_refused(tmp_path: Path, table: str, words: str, others: str) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (words, others, table)
    )
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match="its tables are others"):
        Gallery.open(path)


def test_a_trigger_with_a_name_of_sqlites_own_is_refused(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("CREATE TRIGGER spy AFTER INSERT ON person BEGIN DELETE FROM reference; END")
    connection.execute(
        "UPDATE sqlite_schema SET name = 'sqlite_spy', sql = replace(sql, 'spy', 'sqlite_spy') "
        "WHERE name = 'spy'"
    )
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match="its tables are others"):
        Gallery.open(path)


@pytest.mark.parametrize("form", ["encoding = 'UTF-16'", "page_size = 4096"])
def test_another_form_of_database_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "g"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA {form}")
    for statement in ("BEGIN", *schema.TABLES, f"PRAGMA application_id = {APPLICATION}"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
    connection.close()
    with path.open("ab") as file:
        file.truncate(-(-path.stat().st_size // schema.PAGE) * schema.PAGE)
    with pytest.raises(GalleryError, match=r"its tables are others|is damaged"):
        Gallery.open(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
def test_a_pipe_beside_it_is_not_waited_for(tmp_path: Path, beside: str) -> None:
    path = office(tmp_path / "g")
    os.mkfifo(f"{path}{beside}")
    with pytest.raises(GalleryError, match="is not a file of the gallery: remove it"):
        Gallery.open(path)


def test_a_damaged_file_is_restored_without_the_log_of_another(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    path.write_bytes(path.read_bytes()[: 3 * schema.PAGE])
    with pytest.raises(GalleryError, match=r"restore it .* remove what lies beside it .* -wal"):
        _ = Gallery.open(path)["person 1"]


def test_analysing_does_no_harm(tmp_path: Path) -> None:
    path = office(tmp_path / "g")
    connection = sqlite3.connect(path)
    connection.execute("ANALYZE")
    connection.close()
    with Gallery.open(path) as gallery:
        assert len(gallery) == 3


def test_long_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GalleryError, match="1,048,577 numbers is too long"):
        Gallery.of({"anna": np.ones((1 << 20) + 1)})
    with Gallery.open(tmp_path / "g") as gallery:
        monkeypatch.setattr("npfacenet.gallery.vector_blocks.LONGEST", 1000)
        gallery.add("anna", np.eye(100))
        np.testing.assert_array_equal(gallery["anna"].values, np.eye(100))
        assert gallery.check() == ()
