"""`npfacenet detect --crops`: what is written is what a model sees, and nothing is overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from conftest import shared
from drawn_detector import Drawn, Known, faces_in, pasted

import npfacenet
from npfacenet import faces
from npfacenet.commands.main import main
from npfacenet.commands.new_files import NewFiles
from npfacenet.commands.photo_search import cropper_for
from npfacenet.errors import OutputError
from npfacenet.faces import Faces
from npfacenet.images import read
from npfacenet.recipes.preparation import Preparation

Run = Callable[..., tuple[int, str, str]]
BOXES = ((20.0, 30.0, 116.0, 126.0), (180.0, 150.0, 300.0, 270.0))


class Scene(Drawn):
    """Finds two faces in pictures that are bright enough, else none."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        return faces_in(*BOXES) if picture.mean() > 60 else Faces()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(faces, "load", lambda name: Scene())
    monkeypatch.chdir(tmp_path)
    for name, angle in (("a.png", None), ("turned.jpg", 6), ("other/A.png", None)):
        Path(name).parent.mkdir(exist_ok=True)
        image, exif = PIL.Image.fromarray(pasted(320, (20, 30), (192, 162))), PIL.Image.Exif()
        if angle is not None:
            exif[274] = angle
            image = image.transpose(PIL.Image.Transpose.ROTATE_90)
        image.save(name, exif=exif)
    PIL.Image.new("RGB", (50, 50)).save("dark.png")

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["detect", *map(str, words), "--detector", "drawn"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_crops_are_what_is_embedded(run: Run) -> None:
    code, out, _ = run("a.png", "turned.jpg", "--crops", "crops", "--json")
    assert code == 0
    written = [json.loads(line)["crops"] for line in out.splitlines()]
    assert written == [
        [str(Path("crops", name)) for name in (f"{stem}.png", f"{stem}-2.png")]
        for stem in ("a", "turned")
    ]
    model = npfacenet.load()
    cropper = cropper_for(model.card, Scene(), None)
    for photo, crops in zip(("a.png", "turned.jpg"), written, strict=True):
        seen = cropper.crops(read(photo), model.card.input_size, photo)
        for crop, path in zip(seen, crops, strict=True):
            assert np.array_equal(read(path), crop.pixels)
        expected = model.embed(photo, detect=Scene(), choose="all")
        again = model.embed(crops, detect=False)
        np.testing.assert_allclose(again.values, expected.values, atol=1e-6)


@pytest.mark.parametrize("alignment", ["openface-similarity", "margin-32"])
def test_crops_are_what_a_model_that_finds_faces_embeds(
    alignment: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KnownScene(Known, Scene):
        """In place of the detector that the card names."""

    for module in ("faces", "faces.loading"):
        monkeypatch.setattr(f"npfacenet.{module}.load", lambda name: KnownScene())
    default = npfacenet.load()
    card = default.card.with_preparation(Preparation(Known.name, alignment))
    npfacenet.Model(default.network, default.parameters, card).save("finding.h5")
    words = ("--crops", "crops", "--model", "finding.h5", "--json")
    code, out, _ = run("a.png", "turned.jpg", *words)
    assert code == 0
    model = npfacenet.load("finding.h5")
    for photo, line in zip(("a.png", "turned.jpg"), out.splitlines(), strict=True):
        crops = model.embed(json.loads(line)["crops"], detect=False)
        every, largest = model.embed(photo, choose="all"), model.embed(photo)
        np.testing.assert_allclose(crops.values, every.values, atol=1e-5)
        np.testing.assert_allclose(crops.values[1:], largest.values, atol=1e-5)
        assert not np.allclose(every.values, default.embed(photo, detect=False).values, atol=0.01)


def test_each_face_is_told_with_its_crop(run: Run) -> None:
    code, out, err = run("dark.png", "a.png", "--crops", "crops", "--most-faces", 1)
    assert (code, err) == (
        1,
        "note: cut as npfacenet-small sees faces found with drawn (npfacenet); --model names "
        "another\n",
    )
    assert out.splitlines() == [
        "dark.png: no face",
        "a.png: 1 face",
        f"  0.900  box 20 30 116 126  {Path('crops', 'a.png')}",
    ]
    assert os.listdir("crops") == ["a.png"]


def test_the_model_says_how_faces_are_cut(run: Run, drawn_file: Path) -> None:
    run("a.png", "--crops", "drawn", "--model", drawn_file)
    run("a.png", "--crops", "default")
    drawn, default = (read(Path(name, "a.png")) for name in ("drawn", "default"))
    assert drawn.shape == default.shape == (96, 96, 3)
    assert not np.array_equal(drawn, default)  # each is aligned to a template of its own
    code, out, err = run("a.png", "--model", drawn_file)
    assert (code, out) == (2, "")
    assert "--model says for which model to cut out faces: --crops FOLDER" in err
    assert run("a.png", "--crops", "none", "--model", "nowhere.h5")[0] == 2


def test_copies_and_crops_come_from_one_reading(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def counted(photo: str) -> npt.NDArray[np.uint8]:
        asked.append(photo)
        return read(photo)

    for module in ("photo_search", "detect_files"):
        monkeypatch.setattr(f"npfacenet.commands.{module}.read", counted)
    code, out, _ = run("a.png", "turned.jpg", "--crops", "crops", "--draw", "drawn", "--json")
    assert code == 0
    assert sorted(map(str, asked)) == ["a.png", "turned.jpg"]
    assert [json.loads(line)["drawn"] for line in out.splitlines()] == [
        str(Path("drawn", name)) for name in ("a.png", "turned.jpg")
    ]
    assert read("drawn/turned.jpg").shape == (320, 320, 3)


def test_no_crop_is_overwritten(run: Run) -> None:
    code, out, _ = run("a.png", "other/A.png", "--crops", "crops", "--json")
    assert code == 0
    names = [Path(path).name for line in out.splitlines() for path in json.loads(line)["crops"]]
    assert names == ["a.png", "a-2.png", "A-3.png", "A-4.png"]
    before = {path: path.read_bytes() for path in Path("crops").iterdir()}
    for kept in ("a.png", "a-2.png"):
        for path in before:
            if path.name != kept:
                path.unlink(missing_ok=True)
        Path("crops", kept).write_bytes(b"mine")
        code, out, err = run("a.png", "--crops", "crops")
        assert (code, out) == (2, "")
        assert f"{kept}' exists already, and is not overwritten; name another folder" in err
        assert "with --crops" in err
        assert os.listdir("crops") == [kept]
        Path("crops", kept).unlink()
    Path("crops/b.png").write_bytes(b"of another photograph")
    assert run("a.png", "--crops", "crops")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--crops", ""], "--crops names no folder"),
        (["--crops", "a.png"], "a file is in its place"),
        (["--crops", "x", "--draw", "./x"], "--draw and --crops name one folder"),
        (["--crops", "x", "--smallest-face", "3"], "smallest_face is a number"),
        (["--crops", "x", "--least-score", "inf"], "least_score is a number"),
        (["--crops", "x", "--threads", "0"], "threads"),
    ],
)
def test_options_that_cannot_be(words: list[str], said: str, run: Run) -> None:
    code, out, err = run("a.png", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_damaged_pictures_stop_it_or_are_skipped(run: Run) -> None:
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    code, out, err = run("broken.jpg", "a.png", "--crops", "one")
    assert (code, out) == (2, "")
    assert "broken.jpg" in err
    code, out, err = run("broken.jpg", "a.png", "--crops", "two", "--draw", "x", "--skip-errors")
    assert code == 0
    assert out.startswith("a.png: 2 faces\n")
    assert err.startswith("note: skipped: ")
    assert sorted(os.listdir("two")) == ["a-2.png", "a.png"]


def test_a_file_that_appears_meanwhile_is_kept(run: Run) -> None:
    files = NewFiles.made("crops", "--crops")
    path = files.path("a", ".png")
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        files.require_new(path)


@pytest.mark.parametrize("detector", ["mtcnn", "yunet_n.onnx"])
def test_crops_of_real_detectors_are_what_is_embedded(
    detector: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one thread: sums in another order move landmarks by rounding, and with them a pixel."""
    weights = shared(f"weights/{detector}")
    photos = [shared(f"pictures/{name}.jpg") for name in ("two-faces", "rotated_exif6")]
    words = ["detect", *map(str, photos), "--detector", str(weights), "--threads", "1"]
    assert main([*words, "--crops", str(tmp_path / "crops"), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    model = npfacenet.load()
    for photo, told in zip(photos, found, strict=True):
        expected = model.embed(photo, detect=weights, choose="all", threads=1)
        assert [face["box"] for face in told["faces"]] == [
            face.as_json()["box"] for face in expected.faces
        ]
        again = model.embed(told["crops"], detect=False)
        np.testing.assert_allclose(again.values, expected.values, atol=1e-6)
