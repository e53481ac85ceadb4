"""The demo, on an office that it draws and on a folder of one's own."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from drawn_once import draw_once, draw_the_demo_once

from npfacenet.commands.demo import SHEET
from npfacenet.commands.demo_office import AT_THE_DOOR, ENROLLED, STAFF, VISITOR
from npfacenet.commands.demo_office import draw_office as draw
from npfacenet.commands.demo_pictures import DemoPictures, pictures_from
from npfacenet.commands.main import main
from npfacenet.errors import OutputError
from npfacenet.images import read
from npfacenet.images.contact_sheet import Row
from npfacenet.images.png import write_png
from npfacenet.recognition.people_folder import people_in

draw_office = functools.partial(draw, photographs=False)


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_the_demo_once(monkeypatch)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> DemoPictures:
    return draw_office(tmp_path_factory.mktemp("office") / "new")


def test_twelve_people_work_there_and_a_visitor_comes(office: DemoPictures) -> None:
    assert len(set(STAFF)) == 12
    assert office.names == tuple(name for name in STAFF for _ in range(ENROLLED))
    assert [path.parent.name for path in office.enrolled] == list(office.names)
    assert [path.stem for path in office.at_the_door] == [*AT_THE_DOOR, VISITOR]
    pictures = [read(path) for path in (*office.enrolled, *office.at_the_door)]
    assert {picture.shape for picture in pictures} == {(112, 112, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert office.drawn_in is not None
    assert set(people_in(office.drawn_in / "staff").people) == set(STAFF)


def test_it_is_always_the_same_and_drawn_again_over_itself(
    office: DemoPictures, tmp_path: Path
) -> None:
    for _ in range(2):
        again = draw_office(tmp_path)
        for path, other in zip(office.enrolled, again.enrolled, strict=True):
            assert np.array_equal(read(path), read(other))


@pytest.mark.parametrize("foreign", ["staff/Zoe/1.png", "door/Zoe.png", "notes.txt", "staff/Zoe/"])
def test_files_of_others_are_left_alone(foreign: str, tmp_path: Path) -> None:
    path = tmp_path / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    if foreign.endswith("/"):
        path.mkdir()
    else:
        path.write_text("mine")
    with pytest.raises(OutputError, match=r"is where the demo draws, and holds .*: move that"):
        draw_office(tmp_path)
    assert not (tmp_path / "staff" / "Ada").exists()
    assert path.is_dir() or path.read_text() == "mine"


def test_what_is_no_folder_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(
            OutputError, match=rf"{name} is where the demo draws, and is not a folder"
        ):
            draw_office(tmp_path / name)


def test_what_a_killed_demo_or_a_file_manager_left_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "staff" / "Ada").mkdir(parents=True)
    left = tmp_path / "staff" / "Ada" / ".0123456789abcdef.part"
    left.write_text("half")
    (tmp_path / ".DS_Store").write_text("")
    draw_office(tmp_path)
    assert not left.exists()
    assert (tmp_path / ".DS_Store").exists()


def test_own_pictures_need_the_threshold_of_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    staff = draw_office(tmp_path / "office").drawn_in
    assert main(["demo", "--images", f"{staff}/staff", "--preprocessing", "unit"]) == 2
    captured = capsys.readouterr()
    assert "the model's card, and this one has none" in captured.err
    assert not captured.out


def test_no_picture_of_the_users_becomes_the_sheet(tmp_path: Path, drawn_file: Path) -> None:
    for path in draw_office(tmp_path / "office").at_the_door:
        path.rename(tmp_path / path.name)
    (tmp_path / "Ada.png").rename(tmp_path / "camera_Ada.png")
    shutil.rmtree(tmp_path / "office")
    before = (tmp_path / "Hugo.png").read_bytes()
    words = ["demo", "--images", str(tmp_path), "--model", str(drawn_file)]
    assert main([*words, "-o", str(tmp_path / "Hugo.png")]) == 2
    assert (tmp_path / "Hugo.png").read_bytes() == before
    for _ in range(2):  # what the first one wrote plays no part in the second
        assert main([*words, "-o", str(tmp_path / SHEET)]) == 0
    assert (
        "npfacenet-demo" not in pictures_from(tmp_path, leaving_out=(tmp_path / SHEET,) * 2).names
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--images", ""], "--images names no folder"),
        (["--variant", "openface"], "npfacenet-small, the default, is not 'openface': name the"),
    ],
)
def test_wrong_words_end_in_one_line(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert not captured.out
    assert not list(tmp_path.iterdir())


def test_missing_weights_are_told_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--model", "nowhere.h5"]) == 2
    assert not list(tmp_path.iterdir())


def test_the_story_of_the_office(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    drawn_file: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--model", str(drawn_file)]) == 0
    said = capsys.readouterr().out
    assert "an office of people who belong to nobody, in npfacenet-demo" in said
    assert f"enrolled   {', '.join(STAFF)}" in said
    for name in (*AT_THE_DOOR, VISITOR):
        assert f"{name}.png" in said
    sheet = read(tmp_path / SHEET)
    assert sheet.shape[0] > 1000
    commands = [shlex.split(line)[1:] for line in said.split("now type\n")[1].splitlines()]
    assert [command[0] for command in commands] == ["verify", "identify", "summary", "--help"]
    for command in commands[:3]:
        assert main(command) in (0, 1)
    claim = re.search(r"I am Ada .*\(distance (\d\.\d+)", said)
    capsys.readouterr()
    main([*commands[0], "--json"])
    assert claim is not None
    assert json.loads(capsys.readouterr().out)["distance"] == pytest.approx(
        float(claim[1]), abs=6e-4
    )
    assert all(str(drawn_file) in command for command in commands[:3])


@pytest.fixture
def mistaken(tmp_path: Path) -> Path:
    """Three people with a picture at the door each; that of the first is one of the second."""
    folder = tmp_path / "people"
    pictures = draw_once(3, 3, 900_500).pictures.reshape(3, 3, 112, 112, 3)
    names = ("ada", "bert_with_a_long_name", "carl")
    for person, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for k in range(3):
            shown = (1, 0) if (person, k) == (0, 2) else (person, k)
            with (folder / name / f"{k + 1}.png").open("wb") as file:
                write_png(pictures[shown], file)
    return folder


def test_who_stands_at_the_door_is_known_from_the_folders(
    mistaken: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = pictures_from(mistaken)
    assert pictures.persons == ("ada", "bert_with_a_long_name", "carl")
    assert pictures.labels == ("ada/3.png", "bert_with_a_long_name/3.png", "carl/3.png")
    sheet = str(mistaken.with_name("sheet.png"))
    words = ["demo", "--images", str(mistaken), "-o", sheet, "--model", str(drawn_file)]
    assert main([*words, "--threshold", "1.9"]) == 0
    captured = capsys.readouterr()
    said = captured.out
    assert captured.err.count("note: no detector is used") == 1
    assert re.search(
        r"ada/3\.png +bert_with_a_long_name +nearest bert_\w+ at 0\.000, .*; wrong: it is ada", said
    )
    door = [line for line in said.splitlines() if " nearest " in line and ".png" in line]
    assert len({line.index(" nearest ") for line in door}) == 1
    assert "I am ada" in said
    assert "with ada not enrolled" in said
    assert "let in, wrongly: nearest is bert_with_a_long_name at 0.000" in said
    assert main([*words, "--threshold", "0.0001"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"I am ada +go away, wrongly", said)
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["person"] for each in told["door"]] == list(pictures.persons)
    assert told["claims"][0]["name"] == "ada"
    assert told["intruder"]["person"] == "ada"


def test_of_camera_pictures_nobody_is_known(
    mistaken: Path, drawn_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mistaken / "ada" / "3.png").rename(mistaken / "camera_0.png")
    pictures = pictures_from(mistaken)
    assert (pictures.labels, pictures.persons) == (("camera_0.png",), (None,))
    sheet = str(mistaken.with_name("sheet.png"))
    words = ["demo", "--images", str(mistaken), "-o", sheet, "--model", str(drawn_file)]
    assert main([*words, "--threshold", "1.9"]) == 0
    said = capsys.readouterr().out
    assert "with bert_with_a_long_name not enrolled" in said
    assert "wrong" not in said


def test_each_row_of_the_sheet_states_the_threshold_of_its_frames(
    mistaken: Path, drawn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Row] = []

    def kept(rows: Sequence[Row], _: IO[bytes]) -> None:
        shown.extend(rows)

    monkeypatch.setattr("npfacenet.commands.demo_sheet.write_contact_sheet", kept)
    sheet = str(mistaken.with_name("sheet.png"))
    words = ["demo", "--images", str(mistaken), "-o", sheet, "--model", str(drawn_file)]
    assert main([*words, "--threshold", "1.9"]) == 0
    titles = [row.title for row in shown]
    assert titles[0].startswith("enrolled: 3 people; the threshold for 1:K is ")
    search = titles[0].rpartition(" ")[2]
    assert titles[1] == (f"who is it? bert_with_a_long_name, wrong: it is ada (threshold {search})")
    assert titles[-1].startswith("the first one again, with ada not enrolled: bert_with")
    assert f"threshold {search})" not in titles[-1]
    # Only the best candidate is framed, and only if it is a match.
    assert [tile.frame for tile in shown[1].tiles] == ["plain", "yes", "plain", "plain"]
    assert {tile.frame for tile in shown[0].tiles} == {"plain"}
