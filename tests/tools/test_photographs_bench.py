"""The benchmark of photographs: its statistics, its pictures, and the parts of the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import shared
from PIL import Image
from tool_modules import tool

import npfacenet
from npfacenet.faces import Yunet

photographs = tool("photographs")
jobs = tool("photograph_jobs")
TURNS = [(0.4, 0.1, 0.2, 0.05), (0.2, 0.3, 0.1, 0.04), (0.3, 0.2, 0.3, 0.06)]


def test_a_photograph_is_told_by_medians() -> None:
    one = photographs.summary("nn4.small2", "mtcnn", 2, TURNS, 250.4)
    assert (one.ms, one.quartiles, one.peak_megabytes) == (300.0, (250.0, 350.0), 250)
    assert one.parts == {"decoding": 200.0, "detecting": 200.0, "embedding": 50.0}


def test_versions_are_compared_within_a_round() -> None:
    pair = photographs.comparison("crops", [(0.1, 0.2), (0.4, 0.4), (0.4, 0.1)])
    assert (pair.ms, pair.other_ms, pair.ratio) == (400.0, 200.0, 1.0)  # of 0.5, 1 and 4


def test_without_pictures_it_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--shared"):
        photographs.photographs(tmp_path, 1, 1, as_json=False)


def test_photographs_are_of_many_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "DISTINCT", 6)
    monkeypatch.setattr(jobs, "WIDTHS", (120, 90))
    group = tmp_path / "group.jpg"
    Image.fromarray(np.zeros((63, 120, 3), np.uint8)).save(group)
    jobs.make_files(str(group), str(tmp_path), "3")
    assert json.loads(capsys.readouterr().out).keys() == {"cores", "blas"}
    files = sorted((tmp_path / "mixed").iterdir())
    sizes, kinds, orientations = set(), set(), set()
    for file in files:
        with Image.open(file) as image:
            sizes.add(image.size)
            kinds.add(image.format)
            orientations.add(image.getexif().get(0x0112, 1))
    assert len(sizes) == 6
    assert (kinds, orientations) == ({"JPEG", "PNG", "WEBP"}, {1, 6})
    assert len(list((tmp_path / "crops").iterdir())) == 3


def test_memory_is_noted_at_the_marks() -> None:
    watch = jobs.Watch((2,))
    for done in (1, 2, 3):
        watch.report("embedding", done, 3)
    assert list(watch.memory) == [2]
    assert watch.memory[2] > 20
    assert 0 <= watch.pause < 60


def test_the_parts_are_those_of_the_way(yunet: Yunet) -> None:
    way = jobs.Way(npfacenet.load(), yunet, 1)
    photograph = shared("pictures/multiface.jpg")
    way.whole(photograph)
    assert len(way.parts(photograph)) == len(photographs.PARTS)
    assert min(way.parts(photograph)) > 0


def test_the_way_of_the_default_model_ends_with_a_decision(
    drawn_finder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = jobs.Way.load(*photographs.DEFAULT, 1)
    decided: list[object] = []
    verify = npfacenet.verify
    monkeypatch.setattr(npfacenet, "verify", lambda *a, **b: decided.append(verify(*a, **b)))
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    known = way.model.embed(noise, detect=way.detector)
    way.whole(noise)
    assert decided == []
    way.whole(noise, known)
    assert len(decided) == 1


def test_tables_name_every_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    one = photographs.summary("nn4.small2", "mtcnn", 2, TURNS, 250.4)
    parts = {"decoding": 1.0, "detecting": 2.0, "embedding": 3.0}
    many = photographs.Photographs(10, 2, 3.5, parts, 1.9, {"1": 90, "10": 91}, 95, 0.5)
    photographs.print_tables([one], [many], [photographs.comparison("crops", [(0.1, 0.2)])])
    told = capsys.readouterr().out
    assert told.startswith("12 megapixels, JPEG")
    assert "nn4.small2, mtcnn" in told
    assert "90 MB after 1, 91 MB after 10, peak 95 MB" in told
    assert "crops: 100.0 ms, the other version 200.0 ms (ratio 0.500)" in told
