"""`npfacenet identify` with several probes, damaged pictures, and folders as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from npfacenet.commands.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def people(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "people"
    for name in ("anna/1.png", "bert.png", "stranger.png"):
        path = (folder if name != "stranger.png" else tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(path)
    return folder


def run(capsys: Capture, model: Path, *arguments: object) -> tuple[int, str, str]:
    command = ["identify", *map(str, arguments), "--model", str(model), "--threshold", "0.00001"]
    code = main(command)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_several_probes_get_a_line_each(capsys: Capture, drawn_file: Path, people: Path) -> None:
    anna, bert, stranger = (
        people / "anna/1.png",
        people / "bert.png",
        people.parent / "stranger.png",
    )
    code, out, _ = run(capsys, drawn_file, bert, anna, "--gallery", people)
    assert code == 0
    assert out.splitlines() == [
        f"{bert}: match: bert, 0.000",
        f"{anna}: match: anna, 0.000",
        "threshold 1e-05: stated on the command line",
    ]
    code, out, _ = run(capsys, drawn_file, anna, stranger, "--gallery", people)
    assert code == 1
    assert out.splitlines()[1].startswith(f"{stranger}: unknown, nearest ")


def test_json_is_an_object_for_one_and_an_array_for_several(
    capsys: Capture, drawn_file: Path, people: Path
) -> None:
    anna, stranger = people / "anna/1.png", people.parent / "stranger.png"
    code, out, _ = run(capsys, drawn_file, anna, "--gallery", people, "--json")
    alone = json.loads(out)
    keys = {"match", "candidates", "margin", "threshold", "metric", "evidence", "model"}
    keys |= {"face", "preparation"}
    assert alone["face"] is None
    assert (code, set(alone)) == (0, keys)
    code, out, _ = run(capsys, drawn_file, anna, stranger, "--gallery", people, "--json")
    several = json.loads(out)
    assert code == 1
    assert [set(each) for each in several] == [keys | {"probe"}] * 2
    assert [each["probe"] for each in several] == [str(anna), str(stranger)]
    assert [each["match"] for each in several] == ["anna", None]
    assert several[0] == alone | {"probe": str(anna), "candidates": several[0]["candidates"],
                                  "margin": pytest.approx(alone["margin"], abs=1e-4)}  # fmt: skip


def test_damaged_pictures_stop_it_unless_skipped(
    capsys: Capture, drawn_file: Path, people: Path
) -> None:
    anna, broken = people / "anna/1.png", people / "broken.png"
    broken.write_bytes(anna.read_bytes()[:100])
    code, out, err = run(capsys, drawn_file, anna, "--gallery", people)
    assert (code, out) == (2, "")
    assert "broken.png" in err
    code, out, err = run(capsys, drawn_file, anna, "--gallery", people, "--skip-errors")
    assert code == 0
    assert out.startswith("match: anna\n")
    assert err.count("broken.png") == err.count("note: skipped:") == 1
    # A probe that cannot be read decides nothing, so the exit code is that of the others.
    code, out, err = run(capsys, drawn_file, broken, anna, "--gallery", people, "--skip-errors")
    assert code == 0
    assert out.splitlines()[0] == f"{anna}: match: anna, 0.000"
    code, out, err = run(capsys, drawn_file, broken, "--gallery", people, "--skip-errors")
    assert (code, out) == (2, "")
    assert "none of the pictures could be used" in err


def test_what_is_passed_over_is_one_note(capsys: Capture, drawn_file: Path, people: Path) -> None:
    anna = people / "anna/1.png"
    for name in ("__MACOSX/._x", "anna/old/2.png", "notes.txt", "Thumbs.db", "nobody/a.txt", "z"):
        (people / name).parent.mkdir(parents=True, exist_ok=True)
        (people / name).write_bytes(anna.read_bytes() if name.endswith("png") else b"text")
    code, _, err = run(capsys, drawn_file, anna, "--gallery", people)
    assert code == 0
    (note,) = [line for line in err.splitlines() if "passed over" in line]
    assert note.startswith(f"note: passed over 5 in {people}: anna/old/2.png (lies deeper")
    assert note.endswith("and 2 more")
