"""`npfacenet train` on photographs, as people type it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import three_faces
from conftest import shared
from drawn_people import draw_people, small_model
from three_faces import Recording, save_photo

import npfacenet
import npfacenet.commands.train
from npfacenet.cards import Preparation
from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.commands.main import main
from npfacenet.commands.train import seen_by
from npfacenet.models import Model

SHORT = ["--steps", "2", "--identities", "2", "--held-out", "0.5", "--threads", "2"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with a small model, and draw no curves, which take longer than these runs."""

    def model(about: Mapping[str, object], seed: int) -> Model:
        return small_model(seed)

    monkeypatch.setattr(npfacenet.commands.train, "starting_model", model)
    monkeypatch.setattr(npfacenet.commands.train, "find_spec", lambda name: None)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FOLDER/NAME/*.jpg: two photographs of each of four people."""
    home = tmp_path_factory.mktemp("photographs")
    people = [p for p in sorted(shared("lfw/images").iterdir()) if len(list(p.glob("*.jpg"))) > 1]
    if len(people) < 4:
        pytest.skip("needs four people with two photographs in ../shared/lfw/images")
    for person in people[:4]:
        (home / person.name).mkdir()
        for photograph in sorted(person.glob("*.jpg"))[:2]:
            shutil.copy(photograph, home / person.name)
    return home


def test_what_is_trained_finds_faces_as_it_was_trained(
    photographs: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = (shared("weights") / "yunet_n.onnx").resolve()
    monkeypatch.chdir(detector.parent)
    run, best = tmp_path / "run", tmp_path / "run" / "best.h5"
    people = ["train", str(photographs), "--run", str(run), *SHORT]
    assert main([*people, "--detect", detector.name, "--choose", "central"]) == 0
    assert "they know faces that yunet finds, aligned (margin-32)" in capsys.readouterr().out
    assert npfacenet.load(best).card.preparation == Preparation("yunet", "margin-32")
    choices = json.loads((run / "configuration.json").read_text())["configuration"]
    assert (choices["detect"], choices["choose"]) == (str(detector), "central")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--resume", str(run), "--json"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(detector.parent))
    pair = [str(path) for path in sorted(photographs.glob("*/*.jpg"))[:2]]
    assert main(["verify", *pair, "--model", str(best), "--threshold", "1", "--json"]) in (0, 1)
    verified = json.loads(capsys.readouterr().out)
    found = npfacenet.load(best).embed(pair, detect=str(detector)).values
    assert verified["distance"] == pytest.approx(float(np.linalg.norm(found[0] - found[1])))


@pytest.fixture
def three_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """FOLDER/NAME/*.png of four people, three faces in each; drawn detectors for them."""
    monkeypatch.setattr("npfacenet.faces.loading.load", three_faces.load_drawn)
    monkeypatch.setattr("npfacenet.faces.loading.DETECTORS", ("recording", "other"))
    for seed, name in enumerate("abcd"):
        for number in (1, 2):
            save_photo(tmp_path / "people" / name / f"{number}.png", 2 * seed + number)
    Recording.asked.clear()
    return tmp_path / "people"


@pytest.mark.parametrize(
    ("stated", "prepared"),
    [
        ({"detect": "yunet"}, Preparation("yunet", "margin-32")),
        ({"detect": "yunet", "choose": "central"}, Preparation("yunet", "margin-32")),
        ({"detect": "mtcnn", "smallest_face": 12.0}, Preparation("mtcnn", "margin-32")),
        ({"crop": 150}, Preparation(crop=150)),
    ],
)
def test_options_arrive_in_the_run(
    stated: dict[str, object], prepared: Preparation, three_each: Path, tmp_path: Path
) -> None:
    run, words = tmp_path / "run", [f"--{name.replace('_', '-')}={stated[name]}" for name in stated]
    assert main(["train", str(three_each), "--run", str(run), *SHORT, *words]) == 0
    asked = {stated.get("smallest_face", 20.0)} if "detect" in stated else set()
    assert set(Recording.asked) == asked
    assert npfacenet.load(run / "best.h5").card.preparation == prepared
    choices = json.loads((run / "configuration.json").read_text())["configuration"]
    assert choices | stated == choices


def test_the_face_that_is_chosen_is_that_of_the_run(
    three_each: Path, tmp_path: Path, capsys: Capture
) -> None:
    words = ["train", str(three_each), *SHORT, "--detect", "mtcnn"]
    assert main([*words, "--run", str(tmp_path / "one"), "--choose", "only"]) == 2
    assert "shows 3 faces, and one is expected" in capsys.readouterr().err
    # Of what is large enough there is one alone.
    alone = ["--run", str(tmp_path / "two"), "--choose", "only", "--smallest-face", "100"]
    assert main([*words, *alone]) == 0


def test_pictures_without_a_face_are_named_or_skipped(
    photographs: Path, tmp_path: Path, capsys: Capture
) -> None:
    detector = str(shared("weights") / "yunet_n.onnx")
    people = tmp_path / "people"
    shutil.copytree(photographs, people)
    with zipfile.ZipFile(shared("backgrounds.zip")) as archive:
        name = next(n for n in sorted(archive.namelist()) if n.endswith(".jpg"))
        person = sorted(people.iterdir())[0]
        (person / "nobody.jpg").write_bytes(archive.read(name))
    run = ["train", str(people), "--run", str(tmp_path / "run"), *SHORT, "--detect", detector]
    assert main(run) == 2
    error = capsys.readouterr().err
    assert "1 of 9 pictures cannot be used" in error
    assert "nobody.jpg' shows no face of 20 pixels or more" in error
    assert len(error.splitlines()) <= 2
    assert main([*run, "--skip-errors"]) == 0
    assert f"note: passed over 1 in {people}: {person.name}/nobody.jpg" in capsys.readouterr().err


def test_a_run_of_the_version_before_goes_on(tmp_path: Path, capsys: Capture) -> None:
    people, run = draw_people(tmp_path / "people", 6, 3), tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), *SHORT, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    record = json.loads((run / "configuration.json").read_text())
    rows, about = read_state(run / "checkpoint.h5")
    del record["preparation"]
    for choices in (record["configuration"], about["configuration"]):
        assert isinstance(choices, dict)
        for name in ("detect", "choose", "smallest_face"):
            del choices[name]
    (run / "configuration.json").write_text(json.dumps(record))
    write_state(run / "checkpoint.h5", rows, about)
    assert main(["train", "--resume", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--crop", "30"], "they know faces by the central 30 pixels of such pictures"),
        (["--no-detect"], "they know pictures that are cropped to the face"),
        ([], "they know pictures that are cropped to the face"),
    ],
)
def test_what_the_weights_know_is_said_at_the_end(
    options: list[str], said: str, tmp_path: Path, capsys: Capture
) -> None:
    people, run = draw_people(tmp_path / "people", 6, 3), tmp_path / "run"
    assert main(["train", str(people), "--run", str(run), *SHORT, *options]) == 0
    assert said in capsys.readouterr().out.splitlines()[-1]
    assert said in seen_by(npfacenet.load(run / "best.h5"))
