"""Removing a person leaves no byte of them: not in the file, not in its log, not in its journal."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.faces.choice import ChosenFace
from npfacenet.gallery import Gallery
from npfacenet.gallery.database import PATIENCE, Database
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.models import Embeddings

NAME = "Wilhelmina-Übeltäter"
OTHER = "Bertholdine Gegenprobe"


def embeddings(rng: np.random.Generator, count: int, source: str) -> Embeddings:
    face = ChosenFace((1.25, 2.5, 3.75, 4.0), ((1.5, 2.5),) * 5, 0.875, 0, 1)
    return Embeddings(
        rng.standard_normal((count, 128)).astype(np.float32),
        sources=tuple(f"{source}-{i}.jpg" for i in range(count)),
        faces=(face,) * count,
    )


def traces(folder: Path, needles: list[bytes]) -> list[str]:
    """Which of the needles are in a file of the folder, in any byte."""
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    return [
        f"{name} holds {needle[:16]!r}"
        for name, found in content.items()
        for needle in needles
        if needle in found
    ]


def needles_of(name: str, several: Embeddings) -> list[bytes]:
    parts = [row.tobytes()[at : at + 16] for row in several.values for at in (0, 256, 496)]
    return [name.encode(), *(source.encode() for source in several.sources), *parts]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), counts=st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_no_trace_stays(
    tmp_path_factory: pytest.TempPathFactory, seed: int, counts: list[int]
) -> None:
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("gallery")
    with Gallery.open(folder / "g") as gallery:
        gone: list[bytes] = []
        for i, count in enumerate(counts):
            several = embeddings(rng, count, f"secret{i}of{seed}")
            name = f"{NAME} {i}"
            gallery.add(name, several)
            gallery.add(OTHER, embeddings(rng, 2, "kept"))
            gallery.not_this_person(name, -several.values[0])
            gone += needles_of(name, several)
        assert traces(folder, gone) != []  # they would be seen
        for i in rng.permutation(len(counts)).tolist():
            assert gallery.remove(f"{NAME} {i}")
        assert traces(folder, gone) == []
        assert gallery.people == (OTHER,)
    assert traces(folder, gone) == []


@pytest.mark.parametrize("seed", [3, 107])  # with these, SQLite alone leaves a name
def test_no_trace_of_rows_that_were_moved(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (not for secrets)
    people, longest = chance.choice((300, 600)), chance.choice((20, 60, 200))
    with Gallery.open(tmp_path / "g") as gallery:
        names = []
        for i in range(people):
            name = f"{chance.randrange(10**6):06d}~{i:05d}~" + "xyz" * chance.randrange(longest)
            names.append(name)
            gallery.add(
                name, Embeddings(np.ones((1, 8), np.float32), sources=(f"src~{i:05d}~.jpg",))
            )
        chance.shuffle(names)
        gone = names[: people // 3]
        for name in gone:
            assert gallery.remove(name)
        assert traces(tmp_path, [name[6:13].encode() for name in gone]) == []
        assert set(gallery) == set(names[people // 3 :])
        assert gallery.check() == ()


def test_no_trace_in_what_is_noted_of_others(tmp_path: Path) -> None:
    several = embeddings(np.random.default_rng(3), 2, "secret")
    kept = PictureFacts(digest="ab" * 32, content=b"a photograph" * 1000)
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(OTHER, -several.values)
        gallery.add(NAME, several[1])
        gallery.add_pictures([NewPicture(NAME, several[0], kept)])
        gallery.not_this_person(OTHER, several, [kept, PictureFacts()])
        assert gallery.remove(NAME)
        gone = [*needles_of(NAME, several), b"a photograph", b"ab" * 32]
        assert traces(tmp_path, gone) == []


def test_the_old_name_is_gone_after_renaming(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(NAME, [1.0, 0.0])
        assert traces(tmp_path, [NAME.encode()])
        gallery.rename(NAME, "Minna")
        assert traces(tmp_path, [NAME.encode()]) == []


def test_the_last_one_takes_everything_along(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    several = embeddings(rng, 70, "only")
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(NAME, several)
        assert gallery.remove(NAME)
        assert traces(tmp_path, needles_of(NAME, several)) == []
        gallery.add("anna", [1.0, 0.0])  # of any model again
        assert gallery.people == ("anna",)


@pytest.mark.parametrize("digest", [None, "d" * 64])
def test_a_picture_that_was_taken_for_somebody_else_goes_too(
    tmp_path: Path, digest: str | None
) -> None:
    """That it does not show the other is known by whom it does show."""
    rng = np.random.default_rng(4)
    shown, others = embeddings(rng, 2, "shown"), embeddings(rng, 2, "other")
    facts = PictureFacts(digest=digest, content=b"the picture of both " * 9)
    seen = shown[0] if digest is None else embeddings(rng, 1, "seen")
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(OTHER, others)
        gallery.not_this_person(OTHER, seen, [facts])
        gallery.not_this_person(OTHER, -others.values[0])
        gallery.add_pictures([NewPicture(NAME, shown[0], PictureFacts(digest=digest))])
        gone = [*needles_of(NAME, seen), b"the picture of both"]
        assert traces(tmp_path, gone)
        assert gallery.remove(NAME)
        assert traces(tmp_path, gone) == []
        assert len(gallery.denied(OTHER)) == 1


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM person").fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


def test_a_reader_of_an_earlier_state_makes_erasure_pending(tmp_path: Path) -> None:
    several = embeddings(np.random.default_rng(2), 3, "read")
    gallery = Gallery.open(tmp_path / "g")
    gallery.add(NAME, several)
    gallery.add(OTHER, several)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, tmp_path / "g"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    began = time.monotonic()
    done = gallery.remove(NAME, wait=0.2)
    Gallery.open(tmp_path / "g").close()  # it does not wait for that reader
    assert time.monotonic() - began < PATIENCE / 2
    assert (done.erased, bool(done)) == (False, False)
    assert NAME not in gallery
    assert traces(tmp_path, [NAME.encode()])  # the reader may still read it
    gallery.close()
    reader.communicate()
    with Gallery.open(tmp_path / "g") as again:
        assert traces(tmp_path, [NAME.encode()]) == []
        assert again.people == (OTHER,)


def test_removal_waits_for_a_reader_that_ends(tmp_path: Path) -> None:
    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(NAME, [1.0, 0.0])
        reader = sqlite3.connect(tmp_path / "g", isolation_level=None, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchone()
        later = threading.Timer(0.5, lambda: reader.execute("ROLLBACK"))
        later.start()
        assert gallery.remove(NAME, wait=30)
        later.join()
        reader.close()
        assert traces(tmp_path, [NAME.encode()]) == []


def test_an_erasure_is_not_taken_for_that_of_another_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process removes somebody after the log was written back, and does not finish."""
    erase = Database.erase_traces

    def meddled(database: Database, patience: float) -> bool:
        done = erase(database, patience)
        with monkeypatch.context() as patched:
            patched.setattr(Database, "erase_traces", lambda *_: False)
            with Gallery.open(tmp_path / "g") as other:
                assert not other.remove(OTHER).erased
        return done

    with Gallery.open(tmp_path / "g") as gallery:
        gallery.add(NAME, [1.0, 0.0])
        gallery.add(OTHER, [0.0, 1.0])
        gallery.add("stays", [0.6, 0.8])
        with monkeypatch.context() as patched:
            patched.setattr(Database, "erase_traces", meddled)
            gallery.remove(NAME)
        with Gallery.open(tmp_path / "g"):  # finishes the other one
            assert traces(tmp_path, [OTHER.encode()]) == []
