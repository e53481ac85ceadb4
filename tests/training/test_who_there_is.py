"""Who there is: lists of names, names in two forms, people without pictures, damaged pictures."""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize

import numpy as np
import PIL.Image
import pytest
from drawn_people import draw_people, draw_person, small_model
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.training import Configuration, IdentityFolder, train
from npfacenet.training.people import read_people
from npfacenet.training.picture_store import PictureStore

SHORT = Configuration(steps=1, identities=3, pictures=2, held_out=0.0)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return tmp_path / "people.txt"


def people_in(folder: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for picture in range(2):
            draw_person(i, picture).save(folder / name / f"{picture}.png")
    return folder


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada Lovelace\nBen\n", ("Ada Lovelace", "Ben")),
        ("Ada_Lovelace\t3\nBen 12\n", ("Ada_Lovelace", "Ben")),
        ("Ada Lovelace 3\n", ("Ada Lovelace",)),
        ("# ours\n\n  Ada \n\t\nBen", ("Ada", "Ben")),
        ("\ufeffAda\r\nBen\r\n", ("Ada", "Ben")),
        ("3\nAda\t1\nBen\t2\nCy\t2\n", ("Ada", "Ben", "Cy")),
        ("2\n1\nAda 1\n2\nBen 2\nCy 2\n", ("Ada", "Ben", "Cy")),
        ("2\nAda\n", ("2", "Ada")),
        ("Ada 2b\nBen -1\n", ("Ada 2b", "Ben -1")),
    ],
)
def test_lines_are_names(listed: Path, text: str, names: tuple[str, ...]) -> None:
    listed.write_bytes(text.encode())
    assert read_people(listed) == names


def test_a_folder_that_is_called_as_the_line_wins(listed: Path) -> None:
    listed.write_text("Agent 7\nAgent 8\n#1 fan\n42\n")
    there = ["Agent 7", "Agent", "#1 fan", "42"]
    assert read_people(listed, there) == ("Agent 7", "Agent", "#1 fan", "42")


names = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=12).filter(
    lambda name: name == name.strip() and len(name.splitlines()) == 1
)


@given(st.lists(names, min_size=1, max_size=8, unique_by=lambda name: normalize("NFC", name)))
def test_every_name_of_somebody_who_is_there_is_read(some: list[str]) -> None:
    with TemporaryDirectory() as home:
        path = Path(home) / "people.txt"
        path.write_text("\n".join(some), "utf-8", newline="\n")
        assert read_people(path, some) == tuple(some)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("other", ["NFC", "NFD"])
def test_names_in_both_forms_are_one_person(form: str, other: str, tmp_path: Path) -> None:
    zoe = "Zoë Müller"
    folder = people_in(tmp_path / "people", normalize(form, zoe), "Ben")  # type: ignore[arg-type]  # a form
    asked = normalize(other, zoe)  # type: ignore[arg-type]  # a form
    (tmp_path / "list.txt").write_text(f"{asked} 2\n", "utf-8")
    for only in ([asked], tmp_path / "list.txt"):
        found = IdentityFolder.of(folder, only)
        assert found.names == (normalize(form, zoe),)  # type: ignore[arg-type]  # a form


def test_a_list_that_is_a_pipe_a_device_or_binary_is_refused(listed: Path, tmp_path: Path) -> None:
    os.mkfifo(listed)
    for path in (listed, Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(TrainingError):
            read_people(path)
    for content in (b"", b"\n# nobody\n", b"\xff\xfeA\x00"):
        (tmp_path / "b.txt").write_bytes(content)
        with pytest.raises(TrainingError):
            read_people(tmp_path / "b.txt")


def test_names_are_not_a_text(tmp_path: Path) -> None:
    folder = people_in(tmp_path / "people", "Ada", "Ben")
    with pytest.raises(ArgumentError, match="people is of type"):
        IdentityFolder.of(folder, "Ada")


def test_people_without_a_picture_are_left_out_and_listed(tmp_path: Path) -> None:
    folder = people_in(tmp_path / "people", "Ada", "Ben", "Cy")
    for name in ("Empty One", "Zed", "__MACOSX", "@eaDir"):
        (folder / name).mkdir()
    (folder / "Zed" / "notes.txt").write_text("not a picture")
    found = IdentityFolder.of(folder)
    assert found.names == ("Ada", "Ben", "Cy")
    skipped = [Path(one.source).relative_to(folder).as_posix() for one in found.skipped]
    assert skipped == ["Empty One", "Zed/notes.txt", "Zed"]
    assert IdentityFolder.of(folder, ["Ada"]).names == ("Ada",)
    with pytest.raises(TrainingError, match="no pictures of 1 of 2 people, the first: 'Zed'"):
        IdentityFolder.of(folder, ["Ada", "Zed"])


def test_damaged_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people", people=5, pictures=3)
    (folder / "person_1" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for number in range(3):
        (folder / "person_4" / f"{number}.png").write_text("not a picture")
    (folder / "empty").mkdir()
    trained = train(small_model(), folder, tmp_path / "run", SHORT, on_error="skip")
    assert [Path(one.source).relative_to(folder).as_posix() for one in trained.skipped] == [
        "empty", "person_1/2.png", "person_4/0.png", "person_4/1.png", "person_4/2.png",
    ]  # fmt: skip
    assert all(one.reason for one in trained.skipped)
    assert trained.model.card.trained_on == tuple(f"person_{i}" for i in range(4))
    assert trained.split is not None
    assert trained.split.learnt == 4
    again = train(small_model(), folder, tmp_path / "run", SHORT, on_error="skip", resume=True)
    assert again.model.fingerprint == trained.model.fingerprint


def test_where_every_picture_is_damaged_there_is_nothing_left(tmp_path: Path) -> None:
    folder = draw_people(tmp_path / "people", people=2, pictures=1)
    for path in folder.glob("*/*"):
        path.write_text("not a picture")
    with pytest.raises(TrainingError, match="2 of 2 pictures cannot be used"):
        train(small_model(), folder, tmp_path / "run", SHORT, on_error="skip")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("bad", ["ignore", None, True, 3])
def test_what_else_to_do_with_damaged_pictures_is_refused(bad: object, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="on_error is 'raise' or 'skip'"):
        train(small_model(), tmp_path, tmp_path / "run", SHORT, on_error=bad)  # type: ignore[arg-type]  # the fault under test


@pytest.fixture(scope="module")
def truncated(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of 3 MB in memory, each of whose files ends too early."""
    home = tmp_path_factory.mktemp("truncated")
    pixels = np.random.default_rng(0).integers(0, 200, (1000, 1000, 3), np.uint8)
    pixels[300:700, 300:700] += 50  # even noise has no contrast from afar
    PIL.Image.fromarray(pixels).save(home / "whole.jpg")
    content = (home / "whole.jpg").read_bytes()
    paths = [home / f"{i}.jpg" for i in range(6)]
    for path in paths:
        path.write_bytes(content[:-5000])
    return [*paths, home / "whole.jpg"]


def test_nothing_that_is_collected_of_damaged_pictures_holds_one(truncated: list[Path]) -> None:
    store = PictureStore(truncated, None, 24)
    folder = IdentityFolder(("anna",), tuple(truncated), (0,) * len(truncated))

    def collected() -> list[object]:
        caught: list[object] = []
        try:
            store.read_all()
        except TrainingError as error:
            caught.append(error)
        return [*caught, folder.readable(None)]

    collected()  # what is loaded once
    gc.collect()
    tracemalloc.start()
    try:
        caught = collected()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(caught) == 2
    assert held < 200_000
    assert most < 2.5 * 3_000_000 + 3_000_000  # one at a time
    error, left = caught
    assert isinstance(error, TrainingError)
    assert "6 of 7 pictures cannot be used" in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert isinstance(left, IdentityFolder)
    assert (len(left.paths), len(left.skipped)) == (1, 6)
    gc.collect()
    alive = [o for o in gc.get_objects() if isinstance(o, PIL.Image.Image) and o.size[0] == 1000]
    assert alive == []
