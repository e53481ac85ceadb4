"""The benchmark of detectors: its statistics, and environments that cannot be made."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tool_modules import tool

from npfacenet.samples import scene

detection = tool("face_detection")
engines = tool("detection_engines")
environments = tool("detection_environments")
pip_environments = tool("pip_environments")


def test_ratios_are_those_of_the_same_round() -> None:
    process = SimpleNamespace()
    one = detection.Serving(process, 6, 0.5)
    ours = [(0.01, 80.0), (0.04, 80.0), (0.01, 81.0)]
    theirs = [(0.02, 100.0), (0.04, 101.0), (0.04, 100.0)]
    found = detection.summary("group", 2, "opencv", one, theirs, ours)
    assert found.ratio == 0.5  # of 0.5, 1 and 0.25
    assert (found.ms, found.first_ms, found.peak_megabytes) == (40.0, 500.0, 101)
    assert detection.summary("group", 2, "yunet", one, ours, []).ratio is None
    assert detection.ratio(ours, theirs) == 0.5
    assert detection.ratio([], theirs) is None


def test_every_engine_can_be_started() -> None:
    assert set(detection.ENGINES) == set(engines.DETECTORS)
    assert set(detection.OURS) | set(detection.OURS.values()) | {"finder"} == set(detection.ENGINES)


def test_the_table_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    one = detection.DetectionMeasurement(
        "640x480", 2, "opencv", 5, 10.0, (9.0, 11.0), 0.8, 50.0, 90, 0.6
    )
    detection.print_table([one])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[-5:] == ["ours", "finder", "first", "MB", "faces"]
    assert line.split()[-5:] == ["0.80", "0.60", "50.0", "90", "5"]
    assert len(head) == len(line)


def test_the_finder_counts_faces_in_arrays_and_in_files() -> None:
    drawn = scene(4, width=320, height=240, people=(7, 8), posters=(), smallest_face=50)
    file = io.BytesIO()
    Image.fromarray(drawn.picture).save(file, "PNG")
    find = engines.DETECTORS["finder"](Path(), 1)
    assert find(drawn.picture) == find(file.getvalue()) == 2


def test_what_cannot_be_installed_is_left_out_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faceie").write_text("a file where the environment should be")
    assert environments.python_of("faceie", tmp_path) is None
    assert "faceie is left out" in capsys.readouterr().err


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    packages = environments.ENVIRONMENTS["faceie"]
    (tmp_path / "faceie").mkdir()
    (tmp_path / "faceie" / pip_environments.STAMP).write_text("\n".join(packages.whole), "utf-8")
    assert str(environments.python_of("faceie", tmp_path)).startswith(str(tmp_path / "faceie"))


def test_pictures_have_the_sizes_that_are_named(tmp_path: Path) -> None:
    photograph = tmp_path / "group.jpg"
    Image.fromarray(np.zeros((63, 120, 3), np.uint8)).save(photograph)
    engines.make_pictures(str(photograph), str(tmp_path))
    with Image.open(tmp_path / "12-megapixels.jpg") as large:
        assert large.size == (4000, 3000)
    assert np.load(tmp_path / "640x480.npy").shape == (480, 640, 3)
    with Image.open(tmp_path / "640x480.jpg") as small:
        assert (small.size, small.format) == ((640, 480), "JPEG")
    assert {file for file, *_ in detection.CASES.values()} <= {f.name for f in tmp_path.iterdir()}
