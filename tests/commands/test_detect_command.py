"""`npfacenet detect`: what it prints, how it ends, what it draws, and what it never overwrites.

A stand-in finds one face in a bright picture and none in a dark one; real detectors are asked where
their weights lie in ../shared.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from finder_files import install

from npfacenet import faces
from npfacenet.commands import detect, detect_files
from npfacenet.commands.main import main
from npfacenet.commands.signals import finishing
from npfacenet.faces import Detector, Faces
from npfacenet.images import read

Capture = pytest.CaptureFixture[str]
POINTS = [[22.0, 30], [38, 30], [30, 38], [24, 48], [36, 48]]


@dataclass(frozen=True, eq=False)
class Brightness(Detector):
    """Finds two faces in a bright picture, none in a dark one."""

    def find(
        self, picture: npt.NDArray[np.uint8], smallest_face: float, threads: int | None = None
    ) -> Faces:
        if picture.mean() < 128:
            return Faces()
        boxes = [[10, 12, 50, 62], [-5.25, 0, 20, 30.126]]
        return Faces(np.array(boxes), np.array([POINTS, POINTS]), np.array([0.9876, 0.7]))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(faces, "load", lambda name: Brightness())
    monkeypatch.setattr(faces, "default_name", lambda: "brightness")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt this process and its children, also where it is ignored (nohup)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def photograph(path: str | Path, *, bright: bool, turned: bool = False) -> Path:
    """A file of 64x80 pixels; with `turned` it is stored on its side."""
    colour = (200, 210, 220) if bright else (20, 20, 20)
    exif = PIL.Image.Exif()
    exif[274] = 6 if turned else 1
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (80, 64), colour).save(path, exif=exif)
    return Path(path)


def run(capsys: Capture, *words: object) -> tuple[int, str, str]:
    try:
        code = main(["detect", *map(str, words)])
    except SystemExit as left:
        code = int(left.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_line_for_each_picture_and_face(capsys: Capture) -> None:
    photograph("a.png", bright=True)
    code, out, err = run(capsys, "a.png")
    assert code == 0
    assert out == "a.png: 2 faces\n  0.988  box 10 12 50 62\n  0.700  box -5 0 20 30\n"
    assert err == "note: detector: brightness; --detector names another\n"
    photograph("b.jpg", bright=False)
    code, out, err = run(capsys, "b.jpg", "a.png", "--most-faces", 1, "--detector", "any")
    assert code == 1
    assert out == "b.jpg: no face\na.png: 1 face\n  0.988  box 10 12 50 62\n"
    assert err == ""


def test_a_json_object_for_each_picture(capsys: Capture) -> None:
    photograph("a.png", bright=True)
    photograph("b.png", bright=False)
    code, out, _ = run(capsys, "a.png", "b.png", "--json", "--least-score", 0.9)
    assert code == 1
    first, second = map(json.loads, out.splitlines())
    face = {"box": [10, 12, 50, 62], "score": 0.9876, "landmarks": POINTS}
    assert first == {"source": "a.png", "faces": [face]}
    assert second == {"source": "b.png", "faces": []}
    code, out, _ = run(capsys, "a.png", "--json", "--draw", "drawn")
    assert code == 0
    assert json.loads(out)["drawn"] == str(Path("drawn", "a.png"))


def test_results_are_in_order_however_many(capsys: Capture) -> None:
    count = 2 * detect.TOGETHER + 3
    names = [str(photograph(f"{i}.png", bright=i % 3 == 0)) for i in range(count)]
    code, out, _ = run(capsys, *names, "--json", "--threads", 2)
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [one["source"] for one in told] == names
    assert [bool(one["faces"]) for one in told] == [i % 3 == 0 for i in range(count)]


def test_pictures_that_cannot_be_read(capsys: Capture) -> None:
    photograph("a.png", bright=True)
    Path("broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    code, _, err = run(capsys, "a.png", "broken.jpg")
    assert code == 2
    assert "broken.jpg" in err
    code, out, err = run(capsys, "broken.jpg", "a.png", "--skip-errors", "--draw", "drawn")
    assert code == 0
    assert out.startswith("a.png: 2 faces\n")
    assert "note: skipped: " in err
    assert "broken.jpg" in err
    assert os.listdir("drawn") == ["a.png"]
    code, out, _ = run(capsys, "broken.jpg", "a.png", "--skip-errors", "--json")
    skipped, _ = map(json.loads, out.splitlines())
    assert (code, skipped["faces"]) == (0, [])
    assert "broken.jpg" in skipped["skipped"]
    code, _, err = run(capsys, *["broken.jpg"] * 5, "a.png", "--skip-errors")
    assert code == 0
    assert err.count("note: skipped: ") == 3
    assert "use one of" not in err
    assert "note: 2 more skipped\n" in err
    code, _, err = run(capsys, "broken.jpg", "--skip-errors")
    assert code == 2
    assert "none of the pictures could be read" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--smallest-face", "3"], "smallest_face is a number of pixels, at least 10"),
        (["--smallest-face", "nan"], "smallest_face"),
        (["--least-score", "inf"], "least_score"),
        (["--most-faces", "0"], "most_faces"),
        (["--threads", "0"], "threads"),
        (["--most-faces", "some"], "invalid int value"),
        (["--draw", ""], "--draw names no folder"),
        (["--draw", "a.png"], "a file is in its place"),
    ],
)
def test_options_that_cannot_be(words: list[str], said: str, capsys: Capture) -> None:
    photograph("a.png", bright=True)
    code, out, err = run(capsys, "a.png", *words)
    assert (code, out) == (2, "")
    assert said in err


# Drawing.


def test_copies_are_upright_and_bear_the_faces(capsys: Capture) -> None:
    for name in ("a.png", "b.JPG", "c.webp"):
        photograph(name, bright=True, turned=name == "b.JPG")
    photograph("d.jpeg", bright=False)
    code, _, _ = run(capsys, "a.png", "b.JPG", "c.webp", "d.jpeg", "--draw", "new/drawn")
    assert code == 1
    drawn = Path("new/drawn")
    assert sorted(os.listdir(drawn)) == ["a.png", "b.JPG", "c.png", "d.jpeg"]
    kinds = {path.name: PIL.Image.open(path) for path in drawn.iterdir()}
    assert [kinds[name].format for name in sorted(kinds)] == ["PNG", "JPEG", "PNG", "JPEG"]
    assert kinds["b.JPG"].size == (64, 80)
    assert kinds["b.JPG"].getexif().get(274, 1) == 1
    for name in ("a.png", "c.png"):
        assert read(drawn / name)[62 - 1, 30].tolist() == [40, 255, 90]
    assert np.abs(read(drawn / "d.jpeg").astype(int) - read("d.jpeg")).max() <= 2


def test_nothing_is_overwritten(capsys: Capture) -> None:
    photograph("x/a.png", bright=True)
    photograph("y/a.png", bright=False)
    photograph("y/A.png", bright=False)
    before = Path("x/a.png").read_bytes()
    code, out, err = run(capsys, "x/a.png", "--draw", "x")
    assert (code, out) == (2, "")
    assert "exists already, and is not overwritten" in err
    assert Path("x/a.png").read_bytes() == before
    assert os.listdir("x") == ["a.png"]
    code, out, _ = run(capsys, "x/a.png", "y/a.png", "y/A.png", "--draw", "drawn", "--json")
    assert code == 1
    drawn = [json.loads(line)["drawn"] for line in out.splitlines()]
    assert drawn == [str(Path("drawn", name)) for name in ("a.png", "a-2.png", "A-3.png")]
    code, out, _ = run(capsys, "x/a.png", "y/a.png", "y/A.png", "--draw", "drawn")
    assert (code, out) == (2, "")


@pytest.mark.skipif(os.name != "posix", reason="names as POSIX allows them")
@pytest.mark.parametrize(
    "name",
    ["a b.png", "two\nlines.png", "\x1b[31m.png", "-dash.png", "ü.png", "%s.png", ".hidden.png",
     "a.b.c.png", "no_suffix", "…" * 80 + ".png", "'quoted'.png", os.fsdecode(b"\xff\xfe.png")],
    ids=ascii,
)  # fmt: skip
def test_odd_names(name: str, capsys: Capture) -> None:
    photograph("plain.png", bright=True).rename(name)
    code, out, err = run(capsys, "--draw", "drawn", "--detector", "any", "--", name)
    assert (code, err) == (0, "")
    assert out.count("\n") == 3
    assert out.replace("\n", "").isprintable()
    expected = name if name.endswith(".png") else f"{name}.png"
    assert [os.fsencode(one) for one in os.listdir("drawn")] == [os.fsencode(expected)]
    code, out, _ = run(capsys, "--json", "--", name)
    assert json.loads(out)["source"] == name


def test_a_picture_that_cannot_be_written_leaves_nothing(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(picture: object, file: object) -> None:
        raise KeyboardInterrupt

    photograph("a.png", bright=True)
    photograph("b.jpg", bright=True)
    monkeypatch.setattr(detect_files, "write_jpeg", interrupted)
    code, out, err = run(capsys, "a.png", "b.jpg", "--draw", "drawn", "--detector", "any")
    assert code == 130
    assert err == "npfacenet: interrupted\n"
    assert out.startswith("a.png: 2 faces\n")
    assert os.listdir("drawn") == ["a.png"]


def test_a_signal_waits_until_a_copy_is_in_place(interruptible: None) -> None:
    done = []

    def write() -> None:
        with finishing():
            signal.raise_signal(signal.SIGINT)
            done.append("written")
        done.append("gone on")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
    with finishing():
        done.append("again")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# Real detectors.


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, photographs: Path, tmp_path: Path) -> Path:
    """A folder of weights that is looked in; nothing else is."""
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(photographs / "weights"))
    return photographs


@pytest.mark.parametrize("detector", ["mtcnn", "yunet"])
def test_real_detectors_find_real_faces(detector: str, real: Path, capsys: Capture) -> None:
    group, course = real / "pictures/two-faces.jpg", real / "course/camera_0.jpg"
    code, out, _ = run(capsys, group, course, "--detector", detector, "--json", "--draw", "drawn")
    assert code == 0
    assert [len(json.loads(line)["faces"]) for line in out.splitlines()] == [2, 1]
    assert sorted(os.listdir("drawn")) == ["camera_0.jpg", "two-faces.jpg"]


def test_the_default_comes_with_the_package(
    real: Path, finder_file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(finder_file, monkeypatch)
    code, _, err = run(capsys, real / "course/camera_0.jpg")
    assert code in (0, 1)  # the weights are drawn
    assert "detector: finder;" in err


def test_without_it_the_default_is_what_has_weights_here(
    real: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("npfacenet.zoo.lookup.data_folders", lambda: ())
    picture = real / "course/camera_0.jpg"
    assert "detector: mtcnn;" in run(capsys, picture)[2]
    monkeypatch.setenv("NPFACENET_WEIGHTS", "")
    code, out, err = run(capsys, picture)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "finder comes with npfacenet: the installation is incomplete, reinstall it" in err
    assert main(["weights", "add", str(real / "weights/yunet_n.onnx")]) == 0
    capsys.readouterr()
    code, _, err = run(capsys, picture)
    assert code == 0
    assert "detector: yunet;" in err
    code, _, err = run(capsys, picture, "--detector", "retinaface")
    assert code == 2
    assert "there are finder, mtcnn, yunet" in err


@pytest.mark.skipif(os.name != "posix", reason="a signal of POSIX")
def test_an_interrupt_leaves_whole_copies_only(
    real: Path, tmp_path: Path, interruptible: None
) -> None:
    pictures = sorted((real / "lfw/images").glob("A*/*.jpg"))[:400]
    command = [sys.executable, "-m", "npfacenet", "detect", *map(str, pictures)]
    child = subprocess.Popen(
        [*command, "--draw", "drawn", "--json", "--detector", "yunet"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("drawn/*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err == "npfacenet: interrupted\n"
    drawn = os.listdir("drawn")
    assert 0 < len(drawn) < len(pictures)
    for name in drawn:
        assert read(Path("drawn", name)).shape == (250, 250, 3)
    assert all(json.loads(line)["drawn"] for line in out.splitlines())
