"""Photographs on the command line, with the detectors whose weights lie in ../shared."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from conftest import shared

from npfacenet.commands.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photographs, with weights of both detectors that are found by name."""
    for name in ("mtcnn", "yunet_n.onnx"):
        shared(f"weights/{name}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NPFACENET_WEIGHTS", str(shared("weights")))
    return shared("pictures")


def test_a_phones_photograph_is_turned(real: Path, run: Run) -> None:
    stored = real / "rotated_exif6.jpg"
    with PIL.Image.open(stored) as image:
        image.transpose(PIL.Image.Transpose.ROTATE_270).save("upright.png")
    words = ("verify", stored, "upright.png", "--detect", "mtcnn", "--threshold", 0.01, "--json")
    code, out, _ = run(*words)
    assert code == 0
    first, second = json.loads(out)["faces"]
    assert first["box"] == pytest.approx(second["box"], abs=1)
    assert first["box"][3] > 1800  # in pixels of the upright picture


@pytest.mark.parametrize("detector", ["mtcnn", "yunet"])
def test_people_are_found_in_a_group(detector: str, real: Path, run: Run) -> None:
    Path("people").mkdir()
    for name in ("angelina_jolie", "kate_siegel"):
        Path(f"people/{name}.jpg").write_bytes((real / f"{name}.jpg").read_bytes())
    find = ("--gallery", "people", "--detect", detector, "--choose", "all", "--threshold", 0.1)
    code, out, err = run("identify", real / "two-faces.jpg", real / "multiface.jpg", *find)
    assert (code, err) == (1, "")
    assert [line.count(" of 2 at ") for line in out.splitlines()] == [1, 1, *[0] * 7]
    assert out.count(" of 6 at ") == 6


@pytest.mark.parametrize("detector", ["mtcnn", "yunet"])
def test_nobody_is_found_in_a_landscape(detector: str, real: Path, run: Run) -> None:
    with zipfile.ZipFile(shared("backgrounds.zip")) as archive:
        names = archive.namelist()[:4]
        archive.extractall(".", names)
    steps = np.kron(np.eye(12, dtype=np.uint8), np.full((30, 30), 200, np.uint8))
    PIL.Image.fromarray(steps).save("chart.png")
    for name in [*names, "chart.png"]:
        code, out, err = run("embed", name, "-o", "out.npz", "--detect", detector)
        assert (code, out) == (2, ""), name
        assert f"shows no face of 20 pixels or more (detector {detector}" in err
        assert err.count("\n") == 1
