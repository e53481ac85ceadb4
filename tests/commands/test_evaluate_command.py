"""`evaluate lfw` on photographs: which part of each is used, and faces that are not found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_detector import faces_in
from drawn_people import small_model

import npfacenet
from npfacenet.cards import Measured, Threshold
from npfacenet.commands.main import main
from npfacenet.faces import Detector, Faces
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.recognition.lfw import genuine_flags, picture_path, read_pairs
from npfacenet.recognition.pair_distances import measure_pairs

Capture = pytest.CaptureFixture[str]
DARK = 60
CROP = Threshold(1.5, "measured on crops")
FOUND = Preparation("mtcnn", "margin-32")


@dataclass(frozen=True, eq=False)
class Fake(Detector):
    """Finds a face in the middle of bright pictures. It is taken for the public MTCNN."""

    name: ClassVar[str] = "mtcnn"
    identity = "mtcnn"  # as that of the public one

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in() if picture.mean() < DARK else faces_in((0, 0, 70, 70), (30, 30, 90, 90))


@dataclass(frozen=True, eq=False)
class Other(Fake):
    """The same with a setting that is not the default."""

    setting: int = 0
    identity = "mtcnn@0123456789ab"


@pytest.fixture
def lfw(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pairs in two folds, their pictures, and a model that takes crops; all faces are found."""
    detectors = {"mtcnn": Fake(), "other.onnx": Other(setting=1)}
    monkeypatch.setattr("npfacenet.faces.loading.load", lambda name: detectors[str(name)])
    model = small_model()
    card = replace(model.card, threshold=CROP)
    npfacenet.Model(model.network, model.parameters, card).save(tmp_path / "model.h5")
    people = [f"P{i}" for i in range(8)]
    for picture in [(person, number) for person in people for number in (1, 2)]:
        path = picture_path(tmp_path / "images", picture)
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rng.integers(0, 256, (120, 120, 3), np.uint8)).save(path, quality=95)
    rows = [f"{p}\t1\t2" for p in people[:4]] + [f"P{i}\t1\tP{i + 4}\t1" for i in range(4)]
    (tmp_path / "pairs.txt").write_text("2\t4\n" + "\n".join([*rows, *rows]) + "\n")
    return tmp_path


def darken(lfw: Path, *pictures: tuple[str, int]) -> None:
    for picture in pictures:
        path = picture_path(lfw / "images", picture)
        pixels = np.asarray(PIL.Image.open(path)) // 8
        PIL.Image.fromarray(pixels).save(path, quality=95)


def evaluate(lfw: Path, *options: str) -> int:
    where = ["--images", str(lfw / "images"), "--pairs", str(lfw / "pairs.txt")]
    return main(["evaluate", "lfw", *where, "--model", str(lfw / "model.h5"), *options])


def evaluated(lfw: Path, capsys: Capture, *options: str) -> dict[str, object]:
    capsys.readouterr()
    assert evaluate(lfw, *options, "--json") == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_failures_are_told_apart_and_count_as_errors(lfw: Path, capsys: Capture) -> None:
    assert evaluated(lfw, capsys, "--detect", "mtcnn")["failures_to_detect"] == {
        "pictures": 0, "of": 12, "pairs": 0
    }  # fmt: skip
    darken(lfw, ("P0", 2), ("P5", 1))
    told = evaluated(lfw, capsys, "--detect", "mtcnn", "--calibrate", "0.8")
    assert told["failures_to_detect"] == {"pictures": 2, "of": 12, "pairs": 4}
    assert (told["genuine_pairs"], told["impostor_pairs"]) == (8, 8)
    folds = read_pairs(lfw / "pairs.txt")
    model = npfacenet.load(lfw / "model.h5")
    pairs = measure_pairs(model, lfw / "images", folds, detect=Fake())
    calibrated = told["thresholds"]["calibrated"]  # type: ignore[index]  # a table
    wrong = {"false_match": 0, "false_non_match": 0}
    for fold, distances, genuine in zip(folds, pairs.distances, genuine_flags(folds), strict=True):
        for pair, distance, same in zip(fold, distances, genuine, strict=True):
            failed = {pair.a, pair.b} & {("P0", 2), ("P5", 1)}
            error = bool(failed) or (distance <= calibrated["threshold"]) != same
            wrong["false_non_match" if same else "false_match"] += error
    for kind, errors in wrong.items():
        assert calibrated[kind]["errors"] == errors
        assert calibrated[kind]["trials"] == 8
    capsys.readouterr()
    assert evaluate(lfw, "--detect", "mtcnn") == 0
    out = capsys.readouterr().out
    assert "preparation         mtcnn, margin-32\n" in out
    assert "failures to detect  2 of 12 pictures, 4 pairs, which count as errors\n" in out


def test_without_a_detector_there_is_nothing_to_detect(lfw: Path, capsys: Capture) -> None:
    for options, used in (([], "central square"), (["--crop", "90"], "centre crop of 90 pixels")):
        told = evaluated(lfw, capsys, *options)
        assert told["failures_to_detect"] is None
        assert told["preparation"] == used
        assert evaluate(lfw, *options) == 0
        out = capsys.readouterr().out
        assert f"preparation         {used}\n" in out
        assert "failures" not in out


def test_what_was_used_has_its_own_fingerprint(lfw: Path, capsys: Capture) -> None:
    model = npfacenet.load(lfw / "model.h5")
    for options, preparation in (
        ((), CENTRAL_SQUARE),
        (("--no-detect",), CENTRAL_SQUARE),
        (("--crop", "90"), Preparation(crop=90)),
        (("--detect", "mtcnn"), FOUND),
        (("--detect", "mtcnn", "--choose", "largest"), FOUND),
    ):
        told = evaluated(lfw, capsys, *options)
        assert told["preparation"] == str(preparation)
        assert told["model"]["fingerprint"] == model.fingerprint_of(preparation)  # type: ignore[index]  # a table


def test_a_threshold_for_other_pictures_is_not_used(lfw: Path, capsys: Capture) -> None:
    assert "card" in evaluated(lfw, capsys)["thresholds"]  # type: ignore[operator]  # a table
    assert evaluate(lfw, "--detect", "mtcnn", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["thresholds"] == {}
    assert "no threshold for pictures prepared so (mtcnn, margin-32)" in captured.err
    assert "no threshold for pictures prepared so" not in captured.out


def test_the_card_that_is_saved_prepares_pictures_as_they_were(lfw: Path, capsys: Capture) -> None:
    saved = lfw / "saved.h5"
    told = evaluated(
        lfw, capsys, "--detect", "mtcnn", "--calibrate", "0.8", "--save", str(saved)
    )  # fmt: skip
    model = npfacenet.load(saved)
    card, threshold = model.card, model.card.threshold
    assert threshold is not None
    assert card.preparation == FOUND
    assert threshold.value == told["thresholds"]["calibrated"]["threshold"]  # type: ignore[index]  # a table
    assert threshold.evidence.startswith("chosen on the pairs of pairs.txt themselves: false match")
    assert card.other_thresholds == (Measured(CENTRAL_SQUARE, CROP),)
    assert model.fingerprint == told["model"]["fingerprint"]  # type: ignore[index]  # a table
    (lfw / "model.h5").write_bytes(saved.read_bytes())
    again = evaluated(lfw, capsys)  # now without an option
    assert again["preparation"] == str(FOUND)
    assert again["thresholds"]["card"] == told["thresholds"]["calibrated"]  # type: ignore[index]  # tables
    darken(lfw, ("P0", 2), ("P5", 1))
    evaluated(lfw, capsys, "--calibrate", "0.8", "--save", str(saved))
    other = npfacenet.load(saved).card
    assert other.threshold is not None
    assert "2 of 12 pictures, in which no face was found, make 4 pairs" in other.threshold.evidence
    assert other.other_thresholds == card.other_thresholds


def test_a_detector_that_has_no_name_does_not_become_the_cards(lfw: Path, capsys: Capture) -> None:
    saved = lfw / "saved.h5"
    options = ["--detect", "other.onnx", "--calibrate", "0.8", "--save", str(saved)]
    assert evaluate(lfw, *options) == 0
    assert "so name them (--detect PATH)" in capsys.readouterr().err
    card = npfacenet.load(saved).card
    assert (card.preparation, card.threshold) == (CENTRAL_SQUARE, CROP)
    (other,) = card.other_thresholds
    assert other.preparation == Preparation(Other(setting=1).identity, "margin-32")
    (lfw / "model.h5").write_bytes(saved.read_bytes())
    told = evaluated(lfw, capsys, "--detect", "other.onnx")
    assert told["thresholds"]["card"]["threshold"] == other.threshold.value  # type: ignore[index]  # a table


def test_figures_leave_them_out_and_say_so(lfw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = pytest.importorskip("matplotlib.axes").Axes
    titles: list[str] = []
    monkeypatch.setattr(axes, "set_title", lambda self, text: titles.append(text))
    plot = str(lfw / "curves.png")
    assert evaluate(lfw, "--detect", "mtcnn", "--plot", plot) == 0
    assert titles[-1] == "distances"
    darken(lfw, ("P0", 2), ("P5", 1))
    assert evaluate(lfw, "--detect", "mtcnn", "--plot", plot) == 0
    assert titles[-1] == "distances (without 4 pairs: no face found)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--choose", "all"], "--choose takes one of central, largest, only here, not 'all'"),
        (["--crop", "90", "--detect", "mtcnn"], "--detect and --crop exclude each other"),
        (["--no-detect", "--detect", "mtcnn"], "--detect and --no-detect exclude each other"),
        (["--crop", "90", "--choose", "largest"], "choose is for faces that a detector finds"),
    ],
)
def test_what_contradicts_is_refused(
    lfw: Path, capsys: Capture, options: list[str], said: str
) -> None:
    assert evaluate(lfw, *options) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
