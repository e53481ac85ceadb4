"""The benchmark of searches: its statistics, its people and probes, and that all find the same."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from tool_modules import tool

bench = tool("bench")
people_search = tool("people_search")
engines = tool("search_engines")
gallery = tool("search_gallery")
turns = tool("turns")
COUNT = 5000
Vectors = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("search")
    engines.make_files(str(made), str(COUNT))
    return made


def test_a_row_holds_medians_over_the_rounds() -> None:
    warm = {
        name: turns.Answering(SimpleNamespace(), json.dumps(["1.2", {"64": 3}]))
        for name in (turns.PRODUCT, people_search.READING, "npfacenet", "faiss")
    }
    seconds = people_search.PRODUCT_GFLOP / 100  # of a product at 100 GFLOP/s
    rounds = {
        turns.PRODUCT: [(seconds, 30.0), (seconds / 2, 30.0), (seconds, 30.0)],
        people_search.READING: [(0.01, 40.0), (0.01, 40.0), (0.02, 41.0)],
        "npfacenet": [(0.02, 80.0), (0.02, 80.4), (0.1, 80.0)],
        "faiss": [(0.04, 90.0), (0.2, 90.0), (0.1, 90.0)],
    }
    ours, faiss, reading, product = people_search.summaries(64, 2, 10**5, warm, rounds)
    assert [one.engine for one in (ours, faiss)] == ["npfacenet", "faiss"]
    assert (ours.ms, ours.quartiles, ours.version) == (20.0, (20.0, 60.0), "1.2")
    assert (ours.ratio, faiss.ratio) == (1.0, 2.0)  # of 2, 10 and 1: not of the medians, 5
    assert ours.readings == 2.0  # of 2, 2 and 5
    gflop = 2 * 128 * 64 * 10**5 / 1e9
    assert ours.share == round(gflop / 0.02 / 200, 3)  # of 100, 200 and 100 GFLOP/s
    assert (ours.peak_megabytes, ours.different) == (80, 3)
    assert {one.share for one in (reading, product)} == {None}
    assert people_search.summaries(1, 2, 9, warm, rounds)[0].different == 0
    del rounds["npfacenet"]
    assert people_search.summaries(1, 2, 9, warm, rounds)[0].ratio is None


def test_half_of_the_probes_are_near_to_somebody(folder: Path) -> None:
    vectors, probes, answers = (
        np.load(folder / name) for name in (engines.VECTORS, engines.QUESTIONS, engines.ANSWERS)
    )
    assert vectors.shape == (COUNT, people_search.NUMBERS)
    assert vectors.dtype == probes.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert answers.shape == (max(people_search.PROBES), people_search.NEAREST)
    apart = np.linalg.norm(probes[:, None] - vectors[answers], axis=2)
    assert (np.diff(apart, axis=1) >= 0).all()
    assert (apart[0::2, 0] < 0.6).all()
    assert (apart[1::2, 0] > 0.6).all()
    every = np.linalg.norm(probes[3] - vectors, axis=1)
    np.testing.assert_array_equal(answers[3], np.argsort(every)[: people_search.NEAREST])


def test_every_engine_can_be_started() -> None:
    assert set(engines.SEARCHES) == {*people_search.ENGINES, *people_search.YARDSTICKS}


@pytest.mark.parametrize("engine", [people_search.OURS, *people_search.YARDSTICKS])
def test_a_process_answers_and_takes_turns(
    engine: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "PRODUCT_ORDER", 64)
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n64\n64\n"))
    engines.serve(engine, str(folder), "2")
    (_, different), *told = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(different.values()) <= {0}
    assert len(told) == 3
    assert all(seconds > 0 and peak > 20 for seconds, peak in told)


def test_who_finds_others_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, find = engines.SEARCHES[people_search.OURS]

    def wrong(vectors: Vectors, threads: int) -> Callable[[Vectors], object]:
        right = find(vectors, threads)
        return lambda probes: [rows[::-1] for rows in right(probes)]

    monkeypatch.setattr(engines, "SEARCHES", {people_search.OURS: ("numpy", wrong)})
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    engines.serve(people_search.OURS, str(folder), "1")
    assert json.loads(capsys.readouterr().out) == [np.__version__, {"1": 1, "64": 64}]


def test_without_the_others_it_measures_npfacenet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(people_search, "THREADS", (2,))
    monkeypatch.setattr(people_search, "OPENINGS", 1)
    bench.main(["search", "--json", "--count", "300", "--rounds", "1", "--engines", "npfacenet"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["count"] == 300
    assert [(one["probes"], one["engine"]) for one in printed["results"]] == [
        (probes, engine)
        for probes in people_search.PROBES
        for engine in (people_search.OURS, *people_search.YARDSTICKS)
    ]
    assert printed["results"][0]["ratio"] == 1.0
    opened = printed["gallery"]
    assert opened["people"] == 300
    parts = opened["open_ms"] + opened["read_ms"] + opened["search_ms"]
    assert opened["whole_ms"] == pytest.approx(parts, abs=0.2)


def test_what_cannot_be_installed_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faiss").write_text("a file where the environment should be")
    python = tool("pip_environments").python_with(
        people_search.ENVIRONMENTS["faiss"], "faiss", tmp_path
    )
    assert python is None
    assert "faiss is left out" in capsys.readouterr().err


def test_what_does_not_start_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_search, "PROBES", (1,))
    pythons = dict.fromkeys((*people_search.YARDSTICKS, "unknown"), sys.executable)
    found = people_search.compare(pythons, folder, COUNT, 1, rounds=1)
    assert [one.engine for one in found] == list(people_search.YARDSTICKS)
    assert "unknown is left out (search, 1 threads): KeyError" in capsys.readouterr().err


def test_another_answer_of_a_gallery_is_not_timed(tmp_path: Path, folder: Path) -> None:
    for name in (engines.VECTORS, engines.QUESTIONS):
        np.save(tmp_path / name, np.load(folder / name)[:200])
    np.save(tmp_path / engines.ANSWERS, np.zeros((1, people_search.NEAREST), np.int64))
    gallery.make_file(str(tmp_path))
    with pytest.raises(SystemExit, match="the gallery finds"):
        gallery.open_file(str(tmp_path), "200")


def test_tables_name_every_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    one = people_search.SearchMeasurement(
        64, 2, "faiss", "1.2.3", 250.0, (240.0, 260.0), 5.0, 12.0, 0.12, 1050, 2
    )
    people_search.print_table([one], 10**6)
    people_search.print_opening(people_search.Opening(9, 0.5, 3, 1.5, 2.0, 3.25, 6.75, 40))
    head, row, opened = capsys.readouterr().out.splitlines()
    assert head.startswith("1,000,000 people, 64 probes, 2 threads ")
    assert len(head) == len(row)
    assert row.split() == [
        "faiss", "1.2.3", "250.00", "240.00", "to", "260.00", "5.00", "12.00", "0.12", "1050", "2",
    ]  # fmt: skip
    assert "enrolled in 0.5 s, 3 MB; to the first answer 6.8 ms (open 1.5" in opened


def test_an_engine_of_another_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(["search", "--engines", "mtcnn"])
    assert "mtcnn is not one of search's: npfacenet, faiss" in capsys.readouterr().err
