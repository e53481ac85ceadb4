"""`Embeddings.save` and `load`: everything comes back, and no other file does harm."""

from __future__ import annotations

import json
import os
import re
import warnings
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_embeddings import PREPARATIONS, assert_same, drawn_embeddings
from hypothesis import example, given
from hypothesis import strategies as st

import npfacenet
from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import EmbeddingError, OutputError
from npfacenet.faces.choice import ChosenFace
from npfacenet.files.npz import read_npz, write_npz
from npfacenet.models import Embeddings, Skipped, embeddings_facts, embeddings_file

FULL = Embeddings(
    np.array([[0.6, -0.8], [1, 0]], np.float32),
    "f" * 64,
    Threshold(1.1, "1 error in 100 on LFW"),
    ("anna.jpg", "ben.jpg"),
    (Skipped("hill.jpg", "hill.jpg shows no face that can be found", 1, no_face=True),),
    (0, 2),
    (
        ChosenFace((1.0, 2.0, 30.5, 40.25), ((3.0, 4.0),) * 5, 0.75, 0, 1),
        ChosenFace((-1.5, 2.0, 30.5, 40.25), ((5.0, 6.0),) * 5, 1.0, 1, 3),
    ),
    Preparation("mtcnn", "margin-32"),
)
Stored = dict[str, Any]


def stored(path: Path) -> Stored:
    """The arrays of a file, to be changed."""
    return dict(read_npz(path, what="a file", largest=1 << 30, error=EmbeddingError))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FULL.save(tmp_path / "people.npz")
    return tmp_path / "people.npz"


def fault(path: Path) -> str:
    """The message of the one error that loading gives; it names the file and a remedy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EmbeddingError) as caught:
            Embeddings.load(path)
    message = str(caught.value)
    assert type(caught.value) is EmbeddingError
    assert path.name in message
    assert re.search("[;:] .*(again|update|write|name a|check)", message), message
    return message


@given(drawn_embeddings())
@example(FULL)
@example(FULL[:0])
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, embeddings: Embeddings
) -> None:
    path = tmp_path_factory.mktemp("saved") / "e.npz"
    embeddings.save(path)
    assert_same(Embeddings.load(path), embeddings)
    content = path.read_bytes()
    Embeddings.load(str(path)).save(path)
    assert path.read_bytes() == content


def test_every_field_is_in_the_file() -> None:
    assert [*embeddings_file.Fields.__annotations__] == [*vars(FULL)]


def test_numpy_reads_the_file(path: Path) -> None:
    with np.load(path) as file:
        assert {*file} == {
            "embeddings", "sources", "positions", "fingerprint", "preparation", "boxes", "scores",
            "landmarks", "face_indices", "face_counts", "facts",
        }  # fmt: skip
        np.testing.assert_array_equal(file["embeddings"], FULL.values)
        assert file["sources"].tolist() == ["anna.jpg", "ben.jpg"]
        assert file["positions"].tolist() == [0, 2]
        assert str(file["fingerprint"]) == "f" * 64
        assert str(file["preparation"]) == "mtcnn, margin-32"
        assert file["boxes"].tolist() == [[1, 2, 30.5, 40.25], [-1.5, 2, 30.5, 40.25]]
        assert file["scores"].tolist() == [0.75, 1]
        assert file["landmarks"].tolist() == [[[3, 4]] * 5, [[5, 6]] * 5]
        assert file["face_indices"].tolist() == [0, 1]
        assert file["face_counts"].tolist() == [1, 3]
        assert json.loads(str(file["facts"])) == {
            "version": 1,
            "threshold": FULL.as_json()["threshold"],
            "preparation": FULL.as_json()["preparation"],
            "skipped": FULL.as_json()["skipped"],
        }


def written_by_earlier_versions(embeddings: Embeddings, path: Path) -> None:
    """Write a file as `npfacenet embed` did before it kept everything."""
    faces = {}
    if embeddings.faces:
        faces["boxes"] = np.array([face.box for face in embeddings.faces])
        faces["scores"] = np.array([face.score for face in embeddings.faces])
    np.savez(
        path,
        embeddings=embeddings.values,
        sources=np.array(embeddings.sources),
        positions=np.array(embeddings.positions),
        fingerprint=np.array(embeddings.fingerprint),
        preparation=np.array(str(embeddings.preparation)),
        **faces,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("preparation", PREPARATIONS, ids=str)
def test_files_of_earlier_versions_are_loaded(preparation: Preparation, tmp_path: Path) -> None:
    full = replace(FULL, preparation=preparation)
    written_by_earlier_versions(full, tmp_path / "old.npz")
    found = Embeddings.load(tmp_path / "old.npz")
    assert_same(found, replace(full, threshold=None, skipped=(), faces=()))
    together = Embeddings.concatenate([found, full])
    assert together.threshold == FULL.threshold


def test_what_earlier_versions_left_out_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "bare.npz"
    np.savez(path, embeddings=FULL.values)
    assert_same(Embeddings.load(path), Embeddings(FULL.values))
    for words in ("", "None", "central", "nobody, nothing", "centre crop of 999999 pixels", "a, b"):
        np.savez(path, embeddings=FULL.values, preparation=np.array(words))
        assert Embeddings.load(path).preparation is None


@given(st.integers(0, 2**32), st.integers(1, 255))
def test_damage_is_found(tmp_path_factory: pytest.TempPathFactory, where: int, change: int) -> None:
    path = tmp_path_factory.mktemp("damaged") / "e.npz"
    FULL.save(path)
    content = bytearray(path.read_bytes())
    content[where % len(content)] ^= change
    path.write_bytes(content)
    with suppress(EmbeddingError):  # else it is in bytes that say nothing, such as a time
        assert_same(Embeddings.load(path), FULL)


def test_a_truncated_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        fault(path)


WRONG: dict[str, Any] = {
    "float64": ("embeddings", FULL.values.astype(np.float64)),
    "whole": ("embeddings", np.ones((2, 2), np.int32)),
    "row": ("embeddings", FULL.values[0]),
    "3-D": ("embeddings", FULL.values[None]),
    "no numbers": ("embeddings", np.empty((2, 0), np.float32)),
    "more rows than memory": ("embeddings", np.empty((10**15, 0), np.float32)),
    "more rows": ("embeddings", np.ones((3, 2), np.float32)),
    "nan": ("embeddings", np.array([[np.nan, 1], [1, 0]], np.float32)),
    "infinite": ("embeddings", np.array([[np.inf, 1], [1, 0]], np.float32)),
    "sources of numbers": ("sources", np.array([1, 2])),
    "one source": ("sources", np.array(["a.jpg"])),
    "a table of sources": ("sources", np.array([["a.jpg"], ["b.jpg"]])),
    "position below 0": ("positions", np.array([-1, 0])),
    "position of no whole number": ("positions", np.array([0.0, 1])),
    "positions": ("positions", np.array([0, 1, 2])),
    "fingerprint": ("fingerprint", np.array(3)),
    "fingerprints": ("fingerprint", np.array(["f", "f"])),
    "box": ("boxes", np.ones((2, 5))),
    "boxes": ("boxes", np.ones((3, 4))),
    "box nan": ("boxes", np.full((2, 4), np.nan)),
    "box of text": ("boxes", np.array([["a"] * 4] * 2)),
    "score": ("scores", np.array([np.inf, 1])),
    "landmarks infinite": ("landmarks", np.full((2, 5, 2), np.inf)),
    "landmarks with a gap": ("landmarks", np.array([[[1, 2], [np.nan] * 2, [3, 4]]] * 2)),
    "landmarks half": ("landmarks", np.array([[[1, np.nan]]] * 2)),
    "landmarks 3-D": ("landmarks", np.ones((2, 5, 3))),
    "landmark": ("landmarks", np.ones((2, 2))),
    "index": ("face_indices", np.array([-1, 0])),
    "count": ("face_counts", np.array([0.5, 1])),
    "another": ("labels", np.array([0, 1])),
    "facts of numbers": ("facts", np.ones(3)),
    "facts": ("facts", np.array("{")),
    "facts list": ("facts", np.array("[]")),
    "facts deep": ("facts", np.array("[" * 10**5)),
    "facts number": ("facts", np.array('{"version": ' + "1" * 5000 + "}")),
    "facts without version": ("facts", np.array("{}")),
    "facts version": ("facts", np.array('{"version": true}')),
    "facts version 0": ("facts", np.array('{"version": 0}')),
    "facts without more": ("facts", np.array('{"version": 1}')),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_do_not_fit_are_refused(case: str, path: Path) -> None:
    name, array = WRONG[case]
    write_npz(path, {**stored(path), name: array})
    fault(path)


@pytest.mark.parametrize("name", ["embeddings", "facts", "boxes", "face_counts"])
def test_what_is_missing_is_noticed(name: str, path: Path) -> None:
    arrays = stored(path)
    del arrays[name]
    write_npz(path, arrays)
    assert name in fault(path) or name == "facts"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 1.1),
        ("threshold", {"value": 1.1}),
        ("threshold", {"value": "1.1", "evidence": "e", "metric": "m"}),
        ("threshold", {"value": -1, "evidence": "e", "metric": "m"}),
        ("threshold", {"value": float("nan"), "evidence": "e", "metric": "m"}),
        ("threshold", {"value": True, "evidence": "e", "metric": "m"}),
        ("threshold", {"value": 1, "evidence": None, "metric": "m"}),
        ("preparation", "central square"),
        ("preparation", {"detector": "../mtcnn", "alignment": "margin-32", "crop": None}),
        ("preparation", {"detector": "mtcnn", "alignment": None, "crop": None}),
        ("preparation", {"detector": None, "alignment": None, "crop": 0}),
        ("preparation", {"detector": None, "alignment": None, "crop": True}),
        ("preparation", {}),
        ("skipped", None),
        ("skipped", [["a.jpg", "no face"]]),
        ("skipped", [{"source": "a", "reason": "b", "position": -1, "no_face": False}]),
        ("skipped", [{"source": "a", "reason": "b", "position": True, "no_face": False}]),
        ("skipped", [{"source": "a", "reason": "b", "position": None, "no_face": 1}]),
        ("skipped", [{"source": "a", "reason": None, "position": None, "no_face": False}]),
    ],
)
def test_facts_that_cannot_be_are_refused(name: str, value: object, path: Path) -> None:
    arrays = stored(path)
    facts = json.loads(str(arrays["facts"]))
    write_npz(path, {**arrays, "facts": np.array(json.dumps({**facts, name: value}))})
    fault(path)


def test_a_newer_version_is_told(path: Path) -> None:
    facts = np.array('{"version": 2, "moods": []}')
    write_npz(path, {**stored(path), "facts": facts, "moods": np.ones(2)})
    assert "by a newer version of npfacenet (it has format 2" in fault(path)


def test_facts_of_any_length_are_not_parsed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_facts, "LONGEST", 100)
    assert "have over 100 characters" in fault(path)
    with pytest.raises(EmbeddingError, match="cannot be saved: its 'facts' have over 100"):
        FULL.save(path)


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other"
    for content in (b"", b"\x89PNG\r\n", b"SQLite format 3\0" * 9, b"{}"):
        other.write_bytes(content)
        fault(other)
    np.savez(other.with_suffix(".npz"), ages=np.ones(3))
    assert "holds no array 'embeddings'" in fault(other.with_suffix(".npz"))
    np.save(tmp_path / "one.npy", FULL.values)
    fault(tmp_path / "one.npy")
    np.savez_compressed(path, embeddings=FULL.values)
    assert "compressed" in fault(path)
    np.savez(path, embeddings=np.array([FULL], object))
    assert "pickle" in fault(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../embeddings.npy", b"")
    assert "names no array" in fault(path)
    assert "is a folder" in fault(tmp_path)
    assert "does not exist" in fault(tmp_path / "none.npz")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "pipe" in fault(tmp_path / "pipe")


@pytest.mark.parametrize("path", [None, 3, "", "a\0b", b"a.npz", object(), ["a.npz"]])
def test_what_is_not_a_path_is_refused(path: Any) -> None:
    with pytest.raises(EmbeddingError, match="has a path, not"):
        Embeddings.load(path)
    with pytest.raises(OutputError, match="has a path, not"):
        FULL.save(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sources": ("a", "b\0")}, "their sources exactly"),
        ({"fingerprint": "f\0"}, "their fingerprint exactly"),
        ({"positions": (0, 2**64)}, ""),
        ({"faces": (ChosenFace((0, 0, 1, float("nan")), (), 1, 0, 1),) * 2}, "NaN"),
        ({"faces": (ChosenFace((0, 0, 1, 1), ((float("nan"), 1),), 1, 0, 1),) * 2}, "NaN"),
        ({"faces": (ChosenFace("abcd", (), 1, 0, 1),) * 2}, ""),  # type: ignore[arg-type]
        ({"faces": (ChosenFace((0, 0, 1, 1), None, 1, 0, 1),) * 2}, ""),  # type: ignore[arg-type]
        ({"faces": (ChosenFace((0, 0, 1, 1), (), 1, -1, 1),) * 2}, "below 0"),
        ({"faces": (ChosenFace((0, 0, 1, 1), (), 1, 0.5, 1),) * 2}, ""),  # type: ignore[arg-type]
        ({"faces": (ChosenFace((0, 0, 1, 2**60 + 1), (), 1, 0, 1),) * 2}, "their faces exactly"),
    ],
)  # fmt: skip
def test_what_would_not_come_back_is_not_saved(
    changed: dict[str, Any], said: str, path: Path
) -> None:
    before = path.read_bytes()
    with pytest.raises(EmbeddingError, match="these embeddings cannot be saved: ") as caught:
        replace(FULL, **changed).save(path)
    assert said in str(caught.value)
    assert path.read_bytes() == before


def test_too_many_bytes_are_not_saved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_file, "LARGEST", 1000)
    with pytest.raises(OutputError, match="too many for one file"):
        FULL.save(path)
    assert "more than a file of embeddings can have" in fault_of_size(path)


def fault_of_size(path: Path) -> str:
    with pytest.raises(EmbeddingError) as caught:
        Embeddings.load(path)
    return str(caught.value)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="create it first"):
        FULL.save(tmp_path / "none" / "people.npz")
    with pytest.raises(OutputError, match="is a folder"):
        FULL.save(tmp_path)


def test_verify_decides_by_what_was_loaded(path: Path) -> None:
    loaded = Embeddings.load(path)
    assert npfacenet.verify(loaded[0], loaded[1]) == npfacenet.verify(FULL[0], FULL[1])
