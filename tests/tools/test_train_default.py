"""The training of the default network, from pictures to a file, on a few drawn ones."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL.Image
import pytest
from tool_modules import tool

import npfacenet
from npfacenet.checkpoints.native import write_native
from npfacenet.commands.demo_office import FIRST, STAFF
from npfacenet.commands.demo_strangers import FIRST_STRANGER, STRANGERS
from npfacenet.errors import EvaluationError, TrainingError
from npfacenet.recognition.calibration import errors_at
from npfacenet.samples import PAIRS_FROM, conditions, draw, identity, pairs
from npfacenet.training import Augmentation

STEPS = 4
IN_FOLDS, TRAINED_ON = 26, 3


def photograph(person: int, number: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(draw(identity(person), conditions(number), 160))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of what the tool needs: folds with 300 pairs of each kind."""
    folder = tmp_path_factory.mktemp("shared")
    with zipfile.ZipFile(folder / "faces.zip", "w") as archive:
        for i in range(6):
            photograph(100 + i, i).save(folder / "face.jpg")
            archive.write(folder / "face.jpg", f"faces/{i:05}.jpg")
    for person in range(IN_FOLDS + TRAINED_ON):
        images = folder / "lfw" / "images" / f"P{person}"
        images.mkdir(parents=True)
        for number in (1, 2):
            photograph(person, 2 * person + number).save(images / f"P{person}_000{number}.jpg")
    trained_on = [f"P{IN_FOLDS + i} 2" for i in range(TRAINED_ON)]
    (folder / "lfw" / "train_people.txt").write_text("\n".join(trained_on))
    (folder / "lfw" / "pairs_dev.txt").write_text("\n".join(["4 150", *folds()]))
    return folder


def folds() -> list[str]:
    others = [(i, j) for i in range(IN_FOLDS) for j in range(i)]
    lines = []
    for fold in range(4):
        lines += [f"P{i % IN_FOLDS} 1 2" for i in range(150)]
        some = others[150 * (fold % 2) : 150 * (fold % 2) + 150]
        lines += [f"P{i} 1 P{j} 2" for i, j in some]
    return lines


@pytest.fixture
def default_training(shared: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The training with little to do, and a pupil of other parameters as the teacher."""
    module = tool("default_training")
    teacher = module.untrained(1)
    path = shared / "weights" / "teacher.h5"
    path.parent.mkdir(exist_ok=True)
    write_native(path, teacher.network, teacher.parameters, teacher.card)
    little = {"TEACHER": "weights/teacher.h5", "PEOPLE": 3, "PHOTOGRAPHS": 5, "DRAWN": 3}
    for name, value in little.items():
        monkeypatch.setattr(module, name, value)
    for name, number in {"VIEWS": 7, "PEOPLE": 2, "STEPS": 3}.items():
        monkeypatch.setattr(tool("default_short_run"), name, number)
    monkeypatch.setattr(tool("default_report"), "pairs", lambda: pairs(20))
    return module


def command(*words: str) -> None:
    """Run a command of the tool; its errors are raised, not printed."""
    tool("default_training").run(tool("train_default").parser().parse_args(words))


def test_from_pictures_to_a_file(
    default_training: ModuleType, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--shared", str(shared), "--run", str(tmp_path)]
    output = tmp_path / "small.h5"
    command("views", *where, "--count", "9")
    command("train", *where, "--steps", str(STEPS))
    assert f"all {STEPS} steps were made" in capsys.readouterr().out
    command("finish", *where, "--output", str(output))
    said = capsys.readouterr().out
    model = npfacenet.load(output)
    card = model.card
    assert model.fingerprint in said
    assert re.search(r"LFW folds 3-4, .*: accuracy 0\.\d{4} \+- 0\.\d{4}, area 0\.\d{4}", said)
    assert re.search(r"drawn pairs: accuracy [01]\.\d{4}", said)
    assert output.stat().st_size < 2.5e6
    assert card.trained_on == tuple(f"P{IN_FOLDS + i}" for i in range(TRAINED_ON))
    assert "research and teaching only" in card.licence
    assert card.threshold is not None
    assert card.threshold.value == round(card.threshold.value, 3)
    assert len(re.findall(r"third: false match rate .* of (\d+);", said)) == 3


def test_the_threshold_in_the_file_has_the_errors_that_its_evidence_says(
    default_training: ModuleType, shared: Path, tmp_path: Path
) -> None:
    report = tool("default_report")
    start, target = default_training.untrained(2), tmp_path / "small.h5"
    model, threshold = report.write_default(start, target, shared / "lfw", "none")
    genuine, impostors = report.on_lfw(model, shared / "lfw").of_each_kind()
    errors = errors_at(threshold, genuine, impostors)
    assert errors.false_match.errors <= 3
    assert model.card.threshold is not None
    assert str(errors) in model.card.threshold.evidence


def test_a_file_that_stands_there_stays_when_it_cannot_be_calibrated(
    default_training: ModuleType, tmp_path: Path
) -> None:
    start, target = default_training.untrained(2), tmp_path / "small.h5"
    target.write_bytes(b"as it was")
    with pytest.raises(EvaluationError):
        tool("default_report").write_default(start, target, tmp_path, "none")
    assert target.read_bytes() == b"as it was"


def test_a_short_run_repeats(
    default_training: ModuleType, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = tmp_path / "losses.json"

    def short(folder: str, *options: str) -> str:
        words = ["--shared", str(shared), "--run", str(tmp_path / folder), "--losses", str(losses)]
        command("short", *words, *options)
        return capsys.readouterr().out

    with pytest.raises(TrainingError, match="holds no losses to compare with"):
        short("z")
    assert "losses.json is written" in short("a", "--write")
    assert "by more than 0.00%" in short("b")
    assert len(json.loads(losses.read_text())) == 3
    with pytest.raises(TrainingError, match="holds a short run already"):
        short("b")
    losses.write_text(json.dumps([1.03 * loss for loss in json.loads(losses.read_text())]))
    with pytest.raises(TrainingError, match=r"differs from .* by 2\.9"):
        short("c")
    losses.write_text("[1.0]")
    with pytest.raises(TrainingError, match="holds 1 losses, the run 3"):
        short("d")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    material = tool("default_material")
    with pytest.raises(TrainingError, match=r"faces\.zip cannot be read"):
        material.Photographs.of(tmp_path, 64, seed=5)
    (tmp_path / "faces.zip").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match=r"faces\.zip cannot be read"):
        material.Photographs.of(tmp_path, 64, seed=5)
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("faces/readme.txt", "")
    with pytest.raises(TrainingError, match=r"holds no \.jpg"):
        material.Photographs.of(tmp_path, 64, seed=5)


def test_views_of_photographs_follow_from_their_number(shared: Path) -> None:
    material = tool("default_material")
    photographs = material.Photographs.of(shared, 64, seed=5)
    again = material.Photographs.of(shared, 64, seed=5)
    views = [photographs.view(number) for number in range(30)]
    assert all(view.shape == (64, 64, 3) for view in views)
    assert len({view.tobytes() for view in views}) == 30
    assert all(np.array_equal(views[i], again.view(i)) for i in (17, 3))
    assert not np.array_equal(material.Photographs.of(shared, 64, seed=6).view(3), views[3])
    assert photographs.about()["augmentation"] == repr(material.AUGMENTATION)
    assert Augmentation() != material.AUGMENTATION


def test_nobody_in_the_office_of_the_demo_is_learnt_from_or_measured_on() -> None:
    assert tool("default_material").PEOPLE <= FIRST
    assert FIRST + len(STAFF) < FIRST_STRANGER
    assert FIRST_STRANGER + STRANGERS < PAIRS_FROM


def test_an_error_of_the_library_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--shared", str(tmp_path), "--run", str(tmp_path / "run")]
    assert tool("train_default").main(["views", *where]) == 2
    assert capsys.readouterr().err.startswith("error: ")
