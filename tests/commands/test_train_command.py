"""`npfacenet train`, as people type it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_people, small_model

import npfacenet.commands.train
from npfacenet.commands.main import main
from npfacenet.commands.train import HELP, draw_curves, starting_model, teaching_model
from npfacenet.models import Model
from npfacenet.recipes import nn4_small2
from npfacenet.training import Configuration
from npfacenet.training.people import read_people
from npfacenet.training.run_folder import RunFolder

SHORT = ["--steps", "4", "--identities", "3", "--save", "2", "--validate", "2", "--held-out", "0.5"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"), people=10, pictures=3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(about: Mapping[str, object], seed: int) -> Model:
        return small_model(seed)

    monkeypatch.setattr(npfacenet.commands.train, "starting_model", model)


@pytest.mark.usefixtures("small")
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


@pytest.mark.usefixtures("small")
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
    for other in (["--loss", "softmax"], ["--plain"], ["--model", "x.h5"], ["--untrusted"]):
        assert main(["train", "--resume", str(run), *other]) == 2
        assert f"leave {other[0]} away" in capsys.readouterr().err
    assert main(arguments) == 2
    assert "already holds a training run" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
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
        (["FOLDER", "--run", "x", "--people", "nobody.txt"], "nobody.txt' does not exist"),
        (["FOLDER", "--run", "x", "--loss", "distillation"], "distillation needs a teacher"),
        (["FOLDER", "--run", "x", "--crop", "400"], "400 a side cannot be cropped"),
        (["FOLDER", "--run", "x", "--augment", "spin=3"], "--augment takes NAME=NUMBER of flip"),
        (["FOLDER", "--run", "x", "--augment", "flip=2"], "flip is 0 to 1, not 2.0"),
        (["FOLDER", "--run", "x", "--fresh", "nn4.small2", "--model", "y"], "--fresh begins with"),
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


@pytest.mark.usefixtures("small")
def test_only_the_people_of_a_list(people: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("person_1 3\nperson_2 3\n\n", "utf-8")
    assert read_people(names) == ("person_1", "person_2")
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


def test_what_a_run_begins_with(drawn_file: Path, tmp_path: Path) -> None:
    about: dict[str, object] = {
        "fresh": None, "model": str(drawn_file), "variant": "openface", "preprocessing": "fixed",
        "teacher": None, "untrusted": False,
    }  # fmt: skip
    loaded = starting_model(about, seed=3)
    assert (loaded.card.variant, loaded.card.preprocessing) == ("openface", "fixed")
    assert teaching_model(about) is None
    trusted = teaching_model(about | {"teacher": str(drawn_file)})
    isolated = teaching_model(about | {"teacher": str(drawn_file), "untrusted": True})
    assert trusted is not None
    assert isolated is not None
    assert trusted.fingerprint == isolated.fingerprint
    fresh = starting_model(about | {"fresh": "nn4.small2"}, seed=3)
    assert fresh.card.source == "drawn weights, seed 3"
    assert fresh.card.threshold is None
    kernel = nn4_small2().initialise(3)["conv1", "kernel"]
    assert np.array_equal(fresh.parameters["conv1", "kernel"], kernel)


def test_an_untrusted_file_is_read_in_a_child(
    drawn_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def spy(*arguments: object, **options: object) -> None:
        asked.append(options["untrusted"])

    monkeypatch.setattr(npfacenet.commands.train, "load", spy)
    about = dict.fromkeys(("fresh", "variant", "preprocessing"))
    starting_model({**about, "model": str(drawn_file), "untrusted": True}, 0)
    assert asked == [True]
