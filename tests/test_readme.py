"""The README does not promise what is not so: its example runs, its commands parse."""

from __future__ import annotations

import doctest
import io
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from npfacenet.commands.main import parser
from npfacenet.samples import conditions, photograph
from npfacenet.samples.photograph import Figure

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_gives_what_it_says(
    nn4_file: Path, course_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in course_pictures.iterdir():
        folder = tmp_path if path.name.startswith("camera_") else tmp_path / "people"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / path.name)
    weights = tmp_path / "weights"
    weights.mkdir()
    shutil.copyfile(nn4_file, weights / "nn4.small2.h5")
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(weights))
    monkeypatch.chdir(tmp_path)
    text = README.read_text("utf-8")
    example = doctest.DocTestParser().get_doctest(text, {}, "README", str(README), 0)
    assert len(example.examples) >= 8
    outcome = doctest.DocTestRunner(verbose=False).run(example)
    assert outcome.failed == 0


def test_what_needs_nothing_but_the_package_gives_what_it_says() -> None:
    """The blocks without files of the user's; each is tried after those before it."""
    text = README.read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    alone = "\n".join(block for block in blocks if ".jpg" not in block and ">>>" in block)
    example = doctest.DocTestParser().get_doctest(alone, {}, "README", str(README), 0)
    assert len(example.examples) >= 20
    assert "npfacenet.load()" in alone
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_service_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It adds, removes, restarts, and answers who somebody is, in at most 25 lines."""
    (service,) = re.findall(
        r"```python\n(import npfacenet\n.*?)```", README.read_text("utf-8"), re.S
    )
    assert len([line for line in service.splitlines() if line.strip()]) <= 25
    monkeypatch.chdir(tmp_path)
    photos = {person: [portrait(person, i) for i in (0, 1)] for person in (1, 2)}
    first: dict[str, Any] = {}
    exec(service, first)  # noqa: S102  (the README's own lines)
    assert first["add"]("anna", photos[1][0]) == []
    assert first["add"]("bert", photos[2][0]) == []
    first["gallery"].close()
    again: dict[str, Any] = {}
    exec(service, again)  # noqa: S102  (after a restart)
    assert again["who_is_this"](photos[1][1]) == "anna"
    assert again["is_this"]("bert", photos[2][1])
    assert again["remove"]("anna")
    assert again["gallery"].people == ("bert",)
    again["gallery"].close()


def portrait(person: int, picture: int) -> bytes:
    """A drawn photograph of somebody, as the bytes of a file."""
    figure = Figure(person, 120, 110, 90, conditions(9 * person + picture))
    file = io.BytesIO()
    drawn = photograph([figure], width=240, height=240, background=picture)
    Image.fromarray(drawn.picture).save(file, "PNG")
    return file.getvalue()


def commands() -> list[str]:
    text = README.read_text("utf-8")
    return [
        *re.findall(r"^\$ npfacenet (.*)$", text, re.MULTILINE),
        *re.findall(r"`npfacenet (evaluate[^`]*)`", text.replace("\n", " ")),
    ]


@pytest.mark.parametrize("command", commands())
def test_its_commands_parse(command: str) -> None:
    arguments = shlex.split(command, comments=True)
    assert parser().parse_args(arguments).run is not None


def test_no_number_is_left_to_fill_in() -> None:
    assert "@@" not in README.read_text("utf-8")
