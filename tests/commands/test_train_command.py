"""`npfacenet train`, as people type it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from drawn_people import draw_people, small_model

import npfacenet.commands.run_origin
import npfacenet.commands.train
from npfacenet.commands.main import main
from npfacenet.commands.run_origin import starting_model, teaching_model
from npfacenet.commands.train import draw_curves
from npfacenet.commands.train_options import FACES, HELP
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


@pytest.fixture
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves take matplotlib longer than these runs."""
    monkeypatch.setattr(npfacenet.commands.train, "find_spec", lambda name: None)


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


@pytest.mark.usefixtures("small", "no_curves")
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
    for other in (
        ["--loss", "softmax"], ["--plain"], ["--model", "x.h5"], ["--untrusted"], ["--no-detect"],
        ["--detect", "mtcnn"], ["--crop", "30"], ["--choose", "only"], ["--smallest-face", "30"],
    ):  # fmt: skip
        assert main(["train", "--resume", str(run), *other]) == 2
        assert f"leave {other[0]} away" in capsys.readouterr().err
    assert main(arguments) == 2
    assert "already holds a training run" in capsys.readouterr().err


@pytest.mark.usefixtures("small", "no_curves")
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
        (["FOLDER", "--run", "x", "--crop", "9", "--no-detect"], "--no-detect and --crop exclude"),
        (["FOLDER", "--run", "x", "--choose", "all"], "--choose takes one of largest, central, on"),
        (["FOLDER", "--run", "x", "--choose", "only"], "choose is for faces that a detector finds"),
        (["FOLDER", "--run", "x", "--detect", "dlib"], "no detector called 'dlib', and no file"),
        (["FOLDER", "--run", "x", "--augment", "spin=3"], "--augment takes NAME=NUMBER of flip"),
        (["FOLDER", "--run", "x", "--augment", "flip=2"], "flip is 0 to 1, not 2.0"),
        (["FOLDER", "--run", "x", "--fresh", "nn4.small2", "--model", "y"], "--fresh begins with"),
        (["FOLDER", "--run", "x", "--threads", "0"], "threads is a whole number of at least 1"),
        (["FOLDER", "--run", ""], "the folder of a run has a path, not ''"),
        (["--resume", ""], "the folder of a run has a path, not ''"),
        (["", "--run", "x"], "folder is the name of a file, a folder or a model, not ''"),
        (["FOLDER", "--run", "x", "--people", ""], "people is the name of a file"),
        (["FOLDER", "--run", "x", "--teacher", ""], "teacher is the name of a file"),
        (["FOLDER", "--run", "x", "--people", "/dev/zero"], "is a device, a pipe or a socket"),
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


@pytest.mark.usefixtures("small", "no_curves")
def test_who_is_held_out_is_said_before_the_first_step(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(people), "--run", str(tmp_path / "a"), *SHORT, "--json"]) == 0
    output = capsys.readouterr()
    said = "note: 5 people are learnt from and 5 held out: validated on 15 genuine and 15 impostor"
    assert output.err.startswith(said)
    result = json.loads(output.out)
    assert result["split"] == {"learnt": 5, "held_out": 5, "pairs": 15, "reason": ""}
    assert result["start"].keys() == result["end"].keys() == result["validation"].keys()
    nobody = ["--held-out", "0", "--validate", "3"]
    assert main(["train", str(people), "--run", str(tmp_path / "b"), *SHORT[:6], *nobody]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("note: 10 people are learnt from and nobody is held out (held_out ")
    assert (
        lines[1]
        == "note: with nobody held out, --validate says how often the last weights are written"
    )
    patient = ["--held-out", "0", "--patience", "3"]
    assert main(["train", str(people), "--run", str(tmp_path / "c"), *SHORT[:6], *patient]) == 2
    assert "patience needs people to validate on" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


@pytest.mark.usefixtures("small", "no_curves")
def test_a_ruined_network_is_an_error(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = [*SHORT, "--steps", "24", "--loss", "batch-hard", "--learning-rate", "10"]
    assert main(["train", str(people), "--run", str(run), *arguments, "--validate", "12"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "best.h5 keeps" in output.err
    assert (run / "best.h5").is_file()


@pytest.mark.usefixtures("small", "no_curves")
def test_damaged_pictures_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = draw_people(tmp_path / "people", people=5, pictures=2)
    (folder / "person_4" / "1.png").write_text("not a picture")
    (folder / "empty").mkdir()
    arguments = ["train", str(folder), "--run", str(tmp_path / "run"), *SHORT]
    assert main(arguments) == 2
    assert "1 of 10 pictures cannot be used" in capsys.readouterr().err
    assert main([*arguments, "--skip-errors"]) == 0
    error = capsys.readouterr().err
    assert f"note: passed over 2 in {folder}: empty (holds no picture), person_4/1.png" in error
    assert main(["train", "--resume", str(tmp_path / "run"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["skipped"]) == 2


@pytest.mark.usefixtures("small", "no_curves")
def test_a_choice_of_zero_is_a_choice_too(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), *SHORT]) == 0
    for option in ("--seed", "--warm-up", "--held-out", "--patience"):
        assert main(["train", "--resume", str(run), option, "0"]) == 2
        assert f"leave {option} away" in capsys.readouterr().err


@pytest.mark.usefixtures("small", "no_curves")
def test_what_a_run_began_with_is_not_believed_unseen(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), *SHORT]) == 0
    text = (run / "configuration.json").read_text()
    strange: list[tuple[str, object]] = [
        ("folder", None), ("folder", ["x"]), ("model", None), ("model", 3), ("people", 3),
        ("fresh", ["nn4.small2"]), ("untrusted", "no"), ("skip_errors", None), ("teacher", {}),
    ]  # fmt: skip
    for key, value in strange:
        record = json.loads(text)
        record["about"][key] = value
        (run / "configuration.json").write_text(json.dumps(record))
        assert main(["train", "--resume", str(run)]) == 2
        assert "is not of a run that `npfacenet train` began" in capsys.readouterr().err
    record = json.loads(text)
    record["configuration"]["steps"] = "many"
    (run / "configuration.json").write_text(json.dumps(record))
    assert main(["train", "--resume", str(run)]) == 2
    assert "configuration.json is damaged: steps is a whole number" in capsys.readouterr().err


@pytest.mark.usefixtures("small", "no_curves")
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
    assert {*HELP, *FACES} - {"no_detect"} == fields


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

    monkeypatch.setattr(npfacenet.commands.run_origin, "load", spy)
    about = dict.fromkeys(("fresh", "variant", "preprocessing"))
    starting_model({**about, "model": str(drawn_file), "untrusted": True}, 0)
    assert asked == [True]
