"""The training of the default network, from pictures to a file, on a few drawn ones."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_detector import LANDMARKS, faces_in
from hypothesis import given
from hypothesis import strategies as st
from tool_modules import tool

import npfacenet
from npfacenet.cards import Preparation
from npfacenet.checkpoints.native import write_native
from npfacenet.commands.demo_office import FIRST, STAFF
from npfacenet.commands.demo_strangers import FIRST_STRANGER, STRANGERS
from npfacenet.errors import EvaluationError, TrainingError
from npfacenet.faces import Detector, Faces
from npfacenet.faces.alignment import aligned
from npfacenet.recognition.calibration import errors_at
from npfacenet.samples import PAIRS_FROM, conditions, draw, identity, pairs, picture
from npfacenet.training import Augmentation
from npfacenet.training.teacher_views import unit_vectors

STEPS = 4
IN_FOLDS, TRAINED_ON = 26, 3


@dataclass(frozen=True, eq=False)
class Middle(Detector):
    """Finds a face in the middle of each picture, and none in dark ones."""

    name: ClassVar[str] = "middle"
    asked: ClassVar[list[int]] = []

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        self.asked.append(len(picture))
        height, width, _ = picture.shape
        box = (0.15 * width, 0.18 * height, 0.85 * width, 0.89 * height)
        return faces_in(box) if picture[height // 2].any() else Faces(best_score=0.1)


PREPARATION = Preparation("middle", "npfacenet")


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
        PIL.Image.new("RGB", (112, 112)).save(folder / "face.jpg")
        archive.write(folder / "face.jpg", "faces/nobody.jpg")
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
    paths = [shared / "weights" / f"teacher_{i}.h5" for i in range(2)]
    paths[0].parent.mkdir(exist_ok=True)
    for i, path in enumerate(paths):
        teacher = module.untrained(1 + i, PREPARATION)
        write_native(path, teacher.network, teacher.parameters, teacher.card)
    monkeypatch.setattr(tool("default_faces").faces, "load", lambda name: Middle())
    monkeypatch.setattr(module, "second_teacher", lambda folder, progress: paths[1])
    little = {"TEACHER": "weights/teacher_0.h5", "PEOPLE": 3, "PHOTOGRAPHS": 5, "DRAWN": 3}
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
    assert re.search(r"drawn pairs, crops: accuracy [01]\.\d{4}", said)
    assert output.stat().st_size < 2.5e6
    assert card.preparation == PREPARATION
    assert {m.preparation for m in card.other_thresholds} == {Preparation(), Preparation(crop=150)}
    assert card.trained_on == tuple(f"P{IN_FOLDS + i}" for i in range(TRAINED_ON))
    assert "research and teaching only" in card.licence
    assert card.threshold is not None
    assert card.threshold.value == round(card.threshold.value, 3)
    assert len(re.findall(r"third: false match rate .* of (\d+);", said)) == 3


def test_the_threshold_in_the_file_has_the_errors_that_its_evidence_says(
    default_training: ModuleType, shared: Path, tmp_path: Path
) -> None:
    report = tool("default_report")
    start, target = default_training.untrained(2, PREPARATION), tmp_path / "small.h5"
    model = report.write_default(start, target, shared / "lfw", "none", Middle())
    measured = {PREPARATION: Middle(), Preparation(crop=150): None}
    for preparation, detector in measured.items():
        threshold = model.card.threshold_for(preparation)
        assert threshold is not None
        found = report.on_lfw(model, shared / "lfw", detector)
        errors = errors_at(threshold.value, *found.of_each_kind())
        assert errors.false_match.errors <= 3
        assert str(errors) in threshold.evidence


def test_a_pair_without_a_face_is_an_error_at_every_threshold() -> None:
    report = tool("default_report")
    distances = [np.array([0.2, np.nan, 1.2, 1.3]), np.array([0.3, 0.4, 1.1, np.nan])]
    genuine = [np.array([True, True, False, False])] * 2
    measured = report.Measured(distances, genuine, [np.isnan(fold) for fold in distances])
    errors = measured.errors(0.8)
    assert (errors.false_match.errors, errors.false_match.trials) == (1, 4)
    assert (errors.false_non_match.errors, errors.false_non_match.trials) == (1, 4)
    assert measured.rates().accuracy.mean == 0.75
    assert "failed 2" in measured.report("these", 0.8)
    assert measured.part(np.array([0, 2, 7])).errors(0.8).false_match.errors == 1


def test_a_file_that_stands_there_stays_when_it_cannot_be_calibrated(
    default_training: ModuleType, tmp_path: Path
) -> None:
    start, target = default_training.untrained(2, PREPARATION), tmp_path / "small.h5"
    target.write_bytes(b"as it was")
    with pytest.raises(EvaluationError):
        tool("default_report").write_default(start, target, tmp_path, "none", Middle())
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
        material.crops_in(tmp_path / "faces.zip")
    (tmp_path / "faces.zip").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match=r"faces\.zip cannot be read"):
        material.crops_in(tmp_path / "faces.zip")
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("faces/readme.txt", "")
    with pytest.raises(TrainingError, match=r"holds no \.jpg"):
        material.crops_in(tmp_path / "faces.zip")
    with pytest.raises(TrainingError, match=r"none\.jpg cannot be read"):
        material.content(tmp_path / "none.jpg")


def test_views_of_photographs_follow_from_their_number(
    default_training: ModuleType, shared: Path, tmp_path: Path
) -> None:
    material, faces = tool("default_material"), tool("default_faces")
    known = faces.KnownFaces("middle", tmp_path)
    photographs = material.Photographs.of(shared, 64, 5, known)
    again = material.Photographs.of(shared, 64, 5, known)
    views = [photographs.view(number) for number in range(30)]
    assert all(view.shape == (64, 64, 3) for view in views)
    assert len({view.tobytes() for view in views}) == 30
    assert all(np.array_equal(views[i], again.view(i)) for i in (17, 3))
    other = material.Photographs.of(shared, 64, 6, known)
    assert not np.array_equal(other.view(3), views[3])
    assert photographs.about()["augmentation"][1] == repr(material.OF_CROPS)
    assert photographs.about()["faces"] == 6 + 2 * TRAINED_ON  # of all but "nobody"
    assert Augmentation() != material.OF_CROPS


def test_faces_are_found_once_and_a_border_does_not_move_them(
    default_training: ModuleType, shared: Path, tmp_path: Path
) -> None:
    known = tool("default_faces").KnownFaces("middle", tmp_path)
    crops = tool("default_material").crops_in(shared / "faces.zip")
    tight = known.landmarks(crops, tight=True)
    assert known.path.name == "middle.npz"
    Middle.asked.clear()
    again = tool("default_faces").KnownFaces("middle", tmp_path)
    assert np.array_equal(again.landmarks(crops, tight=True), tight, equal_nan=True)
    assert not Middle.asked
    loose = again.landmarks(crops, tight=False)
    assert len(Middle.asked) == len(crops)
    assert np.isnan(tight[-1]).all()
    middle = (tight[0] - 80) * 0.5 + 80  # the border doubles the picture, and so the face
    assert np.abs(middle - loose[0]).max() < 1e-3


def test_without_jitter_or_variation_a_view_is_the_aligned_face() -> None:
    material = tool("default_material")
    picture = np.array(photograph(3, 4))
    landmarks = np.array(LANDMARKS) * 80 + 40
    rng = np.random.default_rng(0)
    views = [
        material.jittered(picture, landmarks, 96, rng, jitter, Augmentation.none())
        for jitter in (0, 0.01, 0.1)
    ]
    cut = aligned(picture, np.array([40, 40, 120, 120]), landmarks, material.template(), 96)
    assert np.array_equal(views[0], cut)
    differences = [np.abs(view.astype(int) - cut).mean() for view in views[1:]]
    assert 0 < differences[0] < differences[1]


def test_every_other_drawn_view_is_aligned() -> None:
    material = tool("default_material")
    assert np.array_equal(material.drawn_view(2), picture(2, material.EACH))
    exact = material.drawn_view(3, 0)
    assert exact.shape == (160, 160, 3)
    moved = [np.abs(material.drawn_view(3, by).astype(int) - exact).mean() for by in (0.01, 0.1)]
    assert 0 < moved[0] < moved[1]
    assert material.about_drawn(0.01) != material.about_drawn(0.02)


def test_targets_are_projected_once_to_where_views_vary(tmp_path: Path) -> None:
    targets = tool("default_targets")
    rng = np.random.default_rng(4)
    spread = np.zeros((300, 200), np.float32)
    spread[:, 40:160] = rng.normal(size=(300, 120))
    views = unit_vectors(spread + 0.3)
    drawn = unit_vectors(rng.normal(size=(12, 200)).astype(np.float32))
    found = targets.targets_of(tmp_path, views, drawn, 4)
    shares = np.repeat([targets.FIRST, 1 - targets.FIRST], [128, 72])
    weighted = views * np.sqrt(2 * shares)
    centred = weighted - weighted.mean(axis=0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    products = found.photographs @ found.photographs.T
    np.testing.assert_allclose(products, expected @ expected.T, atol=2e-3)  # nothing was lost
    assert found.drawn.shape == (12, 128)
    assert np.array_equal(found.drawn[0], found.drawn[3])
    again = targets.targets_of(tmp_path, views[::-1], drawn, 4)
    assert np.array_equal(again.photographs, found.photographs)  # they are kept
    with pytest.raises(TrainingError, match="holds the targets of other views"):
        targets.targets_of(tmp_path, views[1:], drawn, 4)
    (tmp_path / "targets.npz").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match="cannot be read"):
        targets.targets_of(tmp_path, views, drawn, 4)


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


@given(st.integers(0, 2**32 - 1))
def test_targets_do_not_depend_on_the_signs_that_lapack_gives(seed: int) -> None:
    """Directions are the principal components of the views; the largest number is above 0."""
    rng = np.random.default_rng(seed)
    views = (rng.standard_normal((60, 9)) * np.arange(1, 10)).astype(np.float32)
    targets = tool("default_targets")
    found = targets.Projection.of(views, 4, 5)
    weighted = views * found.weights
    _, _, expected = np.linalg.svd(weighted - weighted.mean(axis=0), full_matrices=False)
    same = np.abs(np.sum(found.directions * expected[:5].T, axis=0))
    np.testing.assert_allclose(same, 1, atol=1e-3)
    assert (found.directions.max(axis=0) >= -found.directions.min(axis=0)).all()
