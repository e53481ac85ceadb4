"""The demo, on an office that it draws and on a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from npfacenet.commands.demo import DOOR, OFFICE, SHEET, cast_of
from npfacenet.commands.main import main
from npfacenet.commands.office import AT_THE_DOOR, ENROLLED, STAFF, VISITOR, draw_office
from npfacenet.errors import OutputError
from npfacenet.images import read


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office") / "new"
    draw_office(folder, DOOR)
    return folder


def test_twelve_people_work_there_and_a_visitor_comes(office: Path) -> None:
    cast = cast_of(office)
    assert len(set(STAFF)) == 12
    assert set(cast.names) == set(STAFF)
    assert len(cast.names) == ENROLLED * len(STAFF)
    at_the_door = {path.stem.removeprefix(DOOR) for path in cast.at_the_door}
    assert at_the_door == {*AT_THE_DOOR, VISITOR}
    pictures = [read(path) for path in (*cast.enrolled, *cast.at_the_door)]
    assert {picture.shape for picture in pictures} == {(112, 112, 3)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_it_is_always_the_same(office: Path, tmp_path: Path) -> None:
    draw_office(tmp_path, DOOR)
    for path in office.rglob("*.png"):
        assert np.array_equal(read(path), read(tmp_path / path.relative_to(office)))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        draw_office(tmp_path / "file", DOOR)


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
        assert f"{DOOR}{name}.png" in said
    sheet = read(tmp_path / SHEET)
    assert sheet.shape[0] > 1000
    assert (tmp_path / OFFICE / "Ada" / "1.png").is_file()
