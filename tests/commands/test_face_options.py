"""Photographs on the command line: which face is used, what is said of it, and what is refused.

A drawn detector stands for real ones (`test_real_photographs.py`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from conftest import shared
from drawn_detector import Drawn, faces_in, pasted
from drawn_embeddings import assert_same

import npfacenet
from npfacenet.commands import options
from npfacenet.commands.main import main
from npfacenet.commands.progress_bar import ProgressBar
from npfacenet.faces import Detector, Faces, Finder, Mtcnn, Yunet
from npfacenet.recipes.preparation import CENTRAL_SQUARE

Capture = pytest.CaptureFixture[str]
BOXES = ((20.0, 30.0, 116.0, 126.0), (195.0, 195.0, 315.0, 315.0))  # central and largest


class Scene(Drawn):
    """Finds two faces in the large picture, one in the portraits, none in what is grey."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        if picture.std() < 5:
            return Faces(best_score=0.12)
        side = float(len(picture))
        return faces_in(*BOXES) if side > 200 else faces_in((8, 8, side - 8, side - 8))


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, of a group, two portraits and a chart; the detector "drawn"."""

    def load(name: object) -> Detector:
        return Scene()

    monkeypatch.setattr("npfacenet.faces.loading.load", load)
    monkeypatch.chdir(tmp_path)
    save("group.png", pasted(320, (20, 30), (207, 207)))
    (tmp_path / "people").mkdir()
    save("people/anna.png", pasted(128, (8, 8), seed=0))
    save("people/bert.png", pasted(128, (8, 8), seed=5))
    chart = np.full((240, 320, 3), 255, np.uint8)
    chart[::40] = 250
    save("chart.png", chart)
    return tmp_path


def save(name: str, pixels: npt.NDArray[np.uint8]) -> None:
    PIL.Image.fromarray(pixels).save(name)


@pytest.fixture
def run(capsys: Capture) -> Callable[..., tuple[int, str, str]]:
    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Run = Callable[..., tuple[int, str, str]]
FOUND = ("--detect", "drawn", "--threshold", "1.9")


def test_the_remark_on_crops_is_for_crops(photos: Path, run: Run) -> None:
    anna = "people/anna.png"
    assert "no detector is used" not in run("verify", anna, anna, *FOUND)[2]
    assert run("verify", anna, anna, "--no-detect")[2] == (
        "note: no detector is used: every picture counts as a face that is cropped already "
        "(central square); for photographs: --detect finder\n"
    )
    _, _, err = run("verify", anna, anna, "--crop", 100, "--threshold", 1)
    assert "cropped already (centre crop of 100 pixels)" in err


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        ([], "group.png shows 2 faces; the largest, 120 pixels, is used"),
        (["--choose", "central"], "group.png shows 2 faces; the most central, 96 pixels, is used"),
    ],
)
def test_which_of_several_faces_is_used_is_said(
    choose: list[str], said: str, photos: Path, run: Run
) -> None:
    code, _, err = run("verify", "group.png", "people/anna.png", *FOUND, *choose)
    assert code in (0, 1)
    assert err == f"note: {said}\n"


def test_many_pictures_with_several_faces_get_few_remarks(photos: Path, run: Run) -> None:
    code, _, err = run("embed", *["group.png"] * 6, "-o", "out.npz", "--detect", "drawn")
    assert code == 0
    assert len(err.splitlines()) == 4
    assert err.endswith("note: 3 more pictures show several\n")


def test_json_states_faces_and_preparation(photos: Path, run: Run) -> None:
    _, out, _ = run("verify", "group.png", "people/anna.png", *FOUND, "--json")
    result = json.loads(out)
    model = npfacenet.load()
    used = model.embed("group.png", detect=Scene())
    assert result["faces"][0] == used.faces[0].as_json()
    assert [face["count"] for face in result["faces"]] == [2, 1]
    assert result["preparation"] == str(used.preparation) == "drawn, npfacenet"
    assert result["model"]["fingerprint"] == used.fingerprint != model.fingerprint
    _, out, _ = run("verify", "people/anna.png", "people/anna.png", "--no-detect", "--json")
    result = json.loads(out)
    assert (result["faces"], result["preparation"]) == ([None, None], "central square")
    cropped = model.fingerprint_of(CENTRAL_SQUARE)
    assert result["model"]["fingerprint"] == cropped != used.fingerprint


def test_help_states_the_least_score_of_each_detector() -> None:
    parser = argparse.ArgumentParser()
    options.add_faces(parser)
    said = " ".join(parser.format_help().split())
    for kind in (Finder, Mtcnn, Yunet):
        assert f"{kind.sure_score:g} for {kind.name}" in said


def test_a_threshold_that_was_not_measured_is_not_used(photos: Path, run: Run) -> None:
    measured = npfacenet.load().card.measured
    assert len(measured) > 1
    for words in (
        ("verify", "group.png", "people/anna.png"),
        ("identify", "group.png", "--gallery", "people"),
    ):
        code, out, err = run(*words, "--detect", "drawn")
        assert (code, out) == (2, "")
        assert "no threshold for pictures prepared as drawn, npfacenet (known are: " in err
        for known in measured:
            assert f"{known.threshold.value:g} for {known.preparation}" in err
        assert err.count("\n") == 1


def test_every_face_is_looked_for(photos: Path, run: Run) -> None:
    words = ("identify", "group.png", "--gallery", "people", "--choose", "all", *FOUND)
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    first, second, _ = out.splitlines()
    assert first.startswith("group.png, face 1 of 2 at 20,30: match: ")
    assert second.startswith("group.png, face 2 of 2 at 195,195: match: ")
    each = json.loads(run(*words, "--json")[1])
    assert [(one["probe"], one["face"]["index"]) for one in each] == [
        ("group.png", 0), ("group.png", 1)
    ]  # fmt: skip
    # One face or several: a list, because the command asks for all.
    (only,) = json.loads(run("identify", "people/anna.png", *words[2:], "--json")[1])
    assert only["face"]["count"] == 1


def test_the_gallery_uses_the_largest_face_where_all_probes_count(photos: Path, run: Run) -> None:
    save("people/group.png", pasted(320, (20, 30), (207, 207)))
    words = ("identify", "people/anna.png", "--gallery", "people", "--choose", "all", *FOUND)
    code, out, err = run(*words, "--json")
    assert code == 0
    assert len(json.loads(out)[0]["candidates"]) == 3
    assert "group.png shows 2 faces; the largest, 120 pixels, is used" in err


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "people/anna.png", "chart.png", *FOUND),
        ("identify", "chart.png", "--gallery", "people", *FOUND),
        ("embed", "people/anna.png", "chart.png", "-o", "out.npz", "--detect", "drawn"),
        ("identify", "people/anna.png", "--gallery", ".", *FOUND),
    ],
)
def test_a_photograph_without_a_face_is_one_sentence(
    words: tuple[str, ...], photos: Path, run: Run
) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "chart.png' shows no face of 20 pixels or more (detector drawn; best score seen" in err
    assert not Path("out.npz").exists()


def test_a_photograph_without_a_face_is_skipped(photos: Path, run: Run) -> None:
    find = ("--detect", "drawn", "--skip-errors")
    code, out, err = run("embed", "chart.png", "people/anna.png", "-o", "out.npz", *find, "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["count"], result["skipped"][0]["no_face"]) == (1, True)
    assert "note: skipped: " in err
    with np.load("out.npz") as written:
        assert written["positions"].tolist() == [1]
    code, out, err = run("embed", "chart.png", "-o", "no.npz", *find)
    assert (code, out) == (2, "")
    assert "none of the pictures could be used" in err
    threshold = ("--threshold", "1.9")
    save("people/chart.png", np.full((99, 99, 3), 200, np.uint8))
    words = ("identify", "chart.png", "people/anna.png", "--gallery", "people", *threshold, *find)
    code, out, err = run(*words)
    assert code == 0
    assert out.startswith("people/anna.png: match: anna")
    assert err.count("note: skipped: ") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--detect", "drawn", "--no-detect"], "--detect and --no-detect exclude each other"),
        (["--crop", "9", "--no-detect"], "--no-detect and --crop exclude each other"),
        (["--detect", "drawn", "--crop", "9"], "--detect and --crop exclude each other"),
        (["--choose", "all", "--detect", "drawn"], "--choose takes one of largest, central, only"),
        (["--choose", "best", "--detect", "drawn"], "--choose takes one of"),
        (["--choose", "only", "--no-detect"], "choose is for faces that a detector finds"),
        (["--smallest-face", "40", "--no-detect"], "smallest_face is for faces"),
        (["--smallest-face", "3", "--detect", "drawn"], "smallest_face is a number of pixels"),
        (["--crop", "0"], "crop is a whole number"),
        (["--crop", "4000"], "cannot be cut out"),
        (["--choose", "only", *FOUND], "group.png' shows 2 faces, and one is expected"),
    ],
)
def test_what_contradicts_is_refused(words: list[str], said: str, photos: Path, run: Run) -> None:
    code, out, err = run("verify", "group.png", "people/anna.png", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_file_of_vectors_says_where_each_is_from(photos: Path, run: Run) -> None:
    words = ("people/anna.png", "group.png", "-o", "out.npz")
    code, out, _ = run("embed", *words, "--detect", "drawn", "--choose", "all")
    assert (code, out) == (0, "3 faces of 2 pictures, 128 numbers each, written to out.npz\n")
    expected = npfacenet.load().embed(list(words[:2]), detect=Scene(), choose="all")
    with np.load("out.npz") as written:
        assert set(written) == {
            "embeddings", "sources", "positions", "fingerprint", "preparation", "boxes", "scores",
            "landmarks", "face_indices", "face_counts", "facts",
        }  # fmt: skip
        assert written["positions"].tolist() == [0, 1, 1]
        assert written["boxes"].tolist() == [list(face.box) for face in expected.faces]
        assert written["scores"].tolist() == [face.score for face in expected.faces]
        assert str(written["preparation"]) == "drawn, npfacenet"
        assert str(written["fingerprint"]) == expected.fingerprint
        np.testing.assert_array_equal(written["embeddings"], expected.values)
    assert_same(npfacenet.Embeddings.load("out.npz"), expected)
    assert run("embed", *words, "--no-detect")[1].startswith("2 pictures, 128 numbers each")
    with np.load("out.npz") as written:
        assert set(written) == {
            "embeddings", "sources", "positions", "fingerprint", "preparation", "facts"
        }  # fmt: skip


def test_progress_counts_photographs(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int | None]] = []

    class Recorder(ProgressBar):
        def __call__(self, what: str, done: int, total: int | None) -> None:
            told.append((what, done, total))

    for module in ("identify", "galleries", "verify"):
        monkeypatch.setattr(f"npfacenet.commands.{module}.ProgressBar", Recorder)
    run("identify", "group.png", "--gallery", "people", "--choose", "all", *FOUND)
    assert told == [("embedding", 1, 1), ("enrolling", 1, 2), ("enrolling", 2, 2)]
    told.clear()
    run("verify", "group.png", "people/anna.png", *FOUND)
    assert told == [("embedding", 1, 2), ("embedding", 2, 2)]


# The demo.


@pytest.fixture
def demo_folder(photos: Path) -> Path:
    for name, seed in (("anna", 0), ("bert", 5), ("carl", 9)):
        (photos / "demo" / name).mkdir(parents=True)
        for number in (1, 2):
            canvas = pasted(320, (20, 30), (207, 207), seed=seed)
            save(f"demo/{name}/{number}.png", canvas)
    return photos / "demo"


def test_the_demo_on_photographs(demo_folder: Path, run: Run) -> None:
    faces = ("--detect", "drawn", "--choose", "central")
    code, out, err = run("demo", "--images", demo_folder, "-o", "sheet.png", *faces)
    assert (code, out) == (2, "")
    assert "no threshold for pictures prepared as drawn" in err
    assert "state one with --threshold" in err

    stated = (*faces, "--threshold", "0.9")
    code, out, err = run("demo", "--images", demo_folder, "-o", "sheet.png", *stated)
    assert code == 0
    assert "1:1, 0.9: stated on the command line" in out
    assert "shows 2 faces; the most central" in err
    (verify, *_) = out.split("now type\n")[1].splitlines()
    words = verify.split()[1:]
    assert {*stated} <= {*words}
    assert run(*words)[0] == 0


def test_drawn_pictures_are_crops_without_a_detector(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option, said in (("--crop", "on drawn ones a detector"), ("--threshold", "drawn pictures")):
        code, out, err = run("demo", option, 1)
        assert (code, out) == (2, "")
        assert f"{option} is for photographs (--images FOLDER): {said}" in err
    code, _, err = run("demo", "--no-detect", "--choose", "central")
    assert code == 2
    assert "is for faces that a detector finds" in err
    model = shared("weights/nn4_small2_v1.h5")
    monkeypatch.setattr("npfacenet.commands.demo_strangers.STRANGERS", 30)
    code, out, _ = run("demo", "--model", model, "--variant", "openface", "--no-detect")
    assert code == 0
    verify, identify, *_ = out.split("now type\n")[1].splitlines()
    for line in (verify, identify):
        assert "--no-detect" in line
        assert run(*line.split()[1:])[0] in (0, 1)
