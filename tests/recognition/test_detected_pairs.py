"""Pairs of photographs with real detectors: a few of LFW's pictures, one of them without a face."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from conftest import shared

import npfacenet
from npfacenet.commands.main import main
from npfacenet.faces import Detector
from npfacenet.faces.alignment import aligned
from npfacenet.images import read
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import Preparation
from npfacenet.recognition.lfw import picture_path, read_pairs
from npfacenet.recognition.pair_distances import measure_pairs

EACH = 2


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of two pairs of each kind, the first picture of which is a plain gradient."""
    lfw, folder = shared("lfw"), tmp_path_factory.mktemp("few")
    lines = [f"2 {EACH}"]
    for fold in read_pairs(lfw / "pairs_dev.txt")[:2]:
        for pair in [*fold[:EACH], *fold[300 : 300 + EACH]]:
            lines.append(" ".join(map(str, (*pair.a, *pair.b))))
            for picture in (pair.a, pair.b):
                target = picture_path(folder, picture)
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(picture_path(lfw / "images", picture), target)
    (folder / "pairs.txt").write_text("\n".join(lines) + "\n")
    gradient = np.arange(250, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    empty = picture_path(folder, read_pairs(folder / "pairs.txt")[0][0].a)
    PIL.Image.fromarray(np.broadcast_to(gradient, (250, 250, 3)).copy()).save(empty, quality=95)
    return folder


def by_hand(
    model: npfacenet.Model, detector: Detector, alignment: str, path: Path
) -> npt.NDArray[np.float32]:
    """Embed the central face of a picture, step by step."""
    faces = detector.detect(path)
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    nearest = int(np.square(centres - 125).sum(axis=1).argmin())
    picture = read(path, "rgb", 0)
    box, landmarks = faces.boxes[nearest], faces.landmarks[nearest]
    crop = aligned(picture, box, landmarks, ALIGNMENTS[alignment], model.card.input_size)
    values: npt.NDArray[np.float32] = model.embed(crop, detect=False).values[0]
    return values


@pytest.mark.parametrize("name", ["mtcnn", "yunet"])
def test_a_picture_without_a_face_fails(
    few: Path, nn4_file: Path, name: str, request: pytest.FixtureRequest
) -> None:
    detector: Detector = request.getfixturevalue(name)
    model = npfacenet.load(nn4_file, variant="openface")
    folds = read_pairs(few / "pairs.txt")
    empty = folds[0][0].a
    found = measure_pairs(model, few, folds, detect=detector)
    assert [skipped.source for skipped in found.skipped] == [str(picture_path(few, empty))]
    alignment = str(found.preparation.alignment)
    assert found.preparation == Preparation(name, alignment)
    for fold, distances, failed in zip(folds, found.distances, found.failed, strict=True):
        for pair, distance, without in zip(fold, distances, failed, strict=True):
            assert without == (empty in (pair.a, pair.b))
            if not without:
                a, b = (
                    by_hand(model, detector, alignment, picture_path(few, picture))
                    for picture in (pair.a, pair.b)
                )
                assert distance == pytest.approx(np.linalg.norm(a - b), abs=1e-4)


def test_the_command_finds_faces_as_the_card_says(
    few: Path,
    nn4_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shared("weights/mtcnn")
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(shared("weights")))
    where = ["--images", str(few), "--pairs", str(few / "pairs.txt"), "--model", str(nn4_file)]
    model = npfacenet.load(nn4_file, variant="openface")
    for options, used in (
        (["--variant", "openface"], model.card.preparation),
        (["--variant", "openface", "--detect", "mtcnn"], model.card.found_by("mtcnn")),
        (["--variant", "openface", "--detect", "yunet"], model.card.found_by("yunet")),
    ):
        assert main(["evaluate", "lfw", *where, *options, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["failures_to_detect"] == {"pictures": 1, "of": 13, "pairs": 1}
        assert told["preparation"] == str(used)
        assert told["model"]["fingerprint"] == model.fingerprint_of(used)
        assert told["thresholds"]["card"]["threshold"] == model.card.threshold_for(used).value  # type: ignore[union-attr]  # it has one
