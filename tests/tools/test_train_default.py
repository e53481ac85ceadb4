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
from test_bench import tool

import npfacenet
from npfacenet.checkpoints.native import write_native
from npfacenet.samples import conditions, draw, identity, pairs
from npfacenet.training import Augmentation

STEPS = 4
IN_FOLDS, TRAINED_ON = 26, 3


def photograph(person: int, number: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(draw(identity(person), conditions(number), 160))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tool needs of pictures, in small: folds with 300 pairs of each kind."""
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
def train_default(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, with little to do, and a pupil of other parameters as the teacher."""
    module = tool("train_default")
    teacher = module.untrained(1)
    path = shared / "weights" / "teacher.h5"
    path.parent.mkdir(exist_ok=True)
    write_native(path, teacher.parameters, teacher.card)
    for name, value in {
        "TEACHER": "weights/teacher.h5", "PEOPLE": 3, "PHOTOGRAPHS": 5, "DRAWN": 3,
        "SHORT_VIEWS": 7, "SHORT_PEOPLE": 2, "SHORT_STEPS": 3, "SHORT_RUN": tmp_path / "short.json",
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(tool("default_report"), "pairs", lambda: pairs(20))
    return module


def test_from_pictures_to_a_file(
    train_default: ModuleType, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--shared", str(shared), "--run", str(tmp_path), "--steps", str(STEPS)]
    output = tmp_path / "small.h5"
    train_default.main(["views", *where, "--count", "9"])
    train_default.main(["train", *where])
    assert f"all {STEPS} steps were made" in capsys.readouterr().out
    train_default.main(["finish", *where, "--output", str(output)])
    said = capsys.readouterr().out
    model = npfacenet.load(output)
    card = model.card
    assert model.fingerprint in said
    assert re.search(r"LFW folds 3-4: accuracy 0\.\d{4} \+- 0\.\d{4}, area 0\.\d{4}", said)
    assert re.search(r"drawn pairs: accuracy 0\.\d{4}", said)
    assert output.stat().st_size < 2.5e6
    assert card.trained_on == tuple(f"P{IN_FOLDS + i}" for i in range(TRAINED_ON))
    assert "research and education only" in card.licence
    assert card.threshold is not None
    assert "on these very pairs: LFW folds 3-4" in card.threshold.evidence
    assert "(3 of 300;" in card.threshold.evidence


def test_a_short_run_repeats(
    train_default: ModuleType, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        words = ["short", "--shared", str(shared), "--run", str(tmp_path / folder)]
        train_default.main(words)
    said = capsys.readouterr().out
    assert said.count("steps 1 to 10") == 2
    assert "short.json is written" in said
    assert "by more than 0.00%" in said
    assert len(json.loads((tmp_path / "short.json").read_text())) == 3


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
