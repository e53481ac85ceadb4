"""`npfacenet train`, as people type it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from drawn_people import draw_people, small_model

import npfacenet.commands.train
from npfacenet.commands.main import main
from npfacenet.commands.train import HELP, draw_curves, people_of
from npfacenet.models import Model
from npfacenet.training import Configuration
from npfacenet.training.run_folder import RunFolder

SHORT = ["--steps", "4", "--identities", "3", "--save", "2", "--validate", "2", "--held-out", "0.5"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=10, pictures=3)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(about: Mapping[str, object], seed: int) -> Model:
        return small_model(seed)

    monkeypatch.setattr(npfacenet.commands.train, "starting_model", model)


def test_a_run_and_what_it_leaves(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), *SHORT]) == 0
    output = capsys.readouterr()
    assert "all 4 steps were made" in output.out
    assert "on pairs of held-out people" in output.out
    assert f"--model {run / 'best.h5'}" in output.out
    names = {path.name for path in run.iterdir()}
    assert {"configuration.json", "log.jsonl", "checkpoint.h5", "best.h5"} <= names
    if "curves.png" in names:
        assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((run / "configuration.json").read_text())
    assert record["configuration"]["steps"] == 4
    assert record["about"]["folder"] == str(people)


def test_resume_goes_on_with_what_the_run_began_with(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["train", str(people), "--run", str(run), *SHORT, "--loss", "softmax", "--json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["train", "--resume", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert main(["train", "--resume", str(run), "--steps", "9"]) == 2
    assert "leave --steps away" in capsys.readouterr().err
    assert main(["train", "--resume", str(run), "--loss", "softmax"]) == 2
    assert main(arguments) == 2
    assert "already holds a training run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give FOLDER and --run DIR, or --resume DIR alone"),
        (["FOLDER"], "give FOLDER and --run DIR"),
        (["FOLDER", "--resume", "x"], "give FOLDER and --run DIR"),
        (["--resume", "nowhere"], "holds no training run to resume"),
        (["nowhere", "--run", "x"], "is not a folder"),
        (["FOLDER", "--run", "x", "--loss", "triple"], "no loss is called 'triple'"),
        (["FOLDER", "--run", "x", "--loss", "softmax:-1"], "positive number, not in 'softmax:-1'"),
        (["FOLDER", "--run", "x", "--steps", "0"], "steps is a whole number from 1"),
        (["FOLDER", "--run", "x", "--optimizer", "lbfgs"], "one of adam, sgd, not 'lbfgs'"),
        (["FOLDER", "--run", "x", "--learn-from", "conv9"], "no layer or block 'conv9'; there are"),
        (["FOLDER", "--run", "x", "--people", "nobody.txt"], "cannot be read as a list of people"),
        (["FOLDER", "--run", "x", "--loss", "distillation"], "distillation needs a teacher"),
        (["FOLDER", "--run", "x", "--crop", "400"], "400 a side cannot be cropped"),
        (["FOLDER", "--run", "x", "--threads", "0"], "threads is a whole number of at least 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], said: str, people: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    stated = [str(people) if a == "FOLDER" else a for a in arguments]
    assert main(["train", *stated]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_only_the_people_of_a_list(people: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("person_1 3\nperson_2 3\n\n", "utf-8")
    assert people_of(names) == ["person_1", "person_2"]
    run = tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), "--people", str(names), *SHORT]) == 0
    assert b"person_2" in (run / "best.h5").read_bytes()
    assert b"person_3" not in (run / "best.h5").read_bytes()


def test_every_choice_has_an_option() -> None:
    fields = set(Configuration().as_json()) - {"loss", "augmentation"}
    assert set(HELP) == fields


def test_without_matplotlib_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(npfacenet.commands.train, "find_spec", lambda name: None)
    draw_curves(RunFolder(tmp_path))
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "curves.png").exists()
