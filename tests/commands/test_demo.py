"""The demo, on an office that it draws and on a folder of one's own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from npfacenet.commands.cast import (
    AT_THE_DOOR,
    ENROLLED,
    STAFF,
    VISITOR,
    Cast,
    draw_office,
)
from npfacenet.commands.demo import SHEET
from npfacenet.commands.main import main
from npfacenet.errors import OutputError
from npfacenet.images import read
from npfacenet.recognition.gallery import pictures_of


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return draw_office(tmp_path_factory.mktemp("office") / "new")


def test_twelve_people_work_there_and_a_visitor_comes(office: Cast) -> None:
    assert len(set(STAFF)) == 12
    assert office.names == tuple(name for name in STAFF for _ in range(ENROLLED))
    assert [path.parent.name for path in office.enrolled] == list(office.names)
    assert [path.stem for path in office.at_the_door] == [*AT_THE_DOOR, VISITOR]
    pictures = [read(path) for path in (*office.enrolled, *office.at_the_door)]
    assert {picture.shape for picture in pictures} == {(112, 112, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert office.gallery is not None
    assert set(pictures_of(office.gallery)) == set(STAFF)


def test_it_is_always_the_same_and_drawn_again_over_itself(office: Cast, tmp_path: Path) -> None:
    for _ in range(2):
        again = draw_office(tmp_path)
        for path, other in zip(office.enrolled, again.enrolled, strict=True):
            assert np.array_equal(read(path), read(other))


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "staff" / "Zoe").mkdir(parents=True)
    (tmp_path / "staff" / "Zoe" / "1.png").write_text("mine")
    with pytest.raises(OutputError, match=r"holds staff.Zoe.1\.png: move that"):
        draw_office(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.png")] == ["1.png"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        draw_office(tmp_path / "file")


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
    assert all(str(drawn_file) in command for command in commands[:3])


def test_the_office_is_told_apart_by_the_packaged_network(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    for name in AT_THE_DOOR:
        assert re.search(rf"{name}\.png +{name} +nearest {name} at 0\.\d+", said)
    assert re.search(rf"{VISITOR}\.png +unknown ", said)
    assert re.search(r"I am Ada +welcome", said)
    assert re.search(r"I am \w+ +go away", said)
    assert "turned away" in said
