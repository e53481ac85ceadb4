"""The README does not promise what is not so: its example runs, its commands parse."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

from npfacenet.commands.main import parser

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
    alone = "\n".join(block for block in blocks if ".jpg" not in block)
    example = doctest.DocTestParser().get_doctest(alone, {}, "README", str(README), 0)
    assert len(example.examples) >= 20
    assert "npfacenet.load()" in alone
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


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
