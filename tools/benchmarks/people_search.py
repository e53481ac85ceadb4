"""Exact searches side by side: `bench.py search`.

The five nearest of many people, for 1 and for 64 probes, by npfacenet and by the exact searches of
faiss, usearch and scikit-learn, beside reading the embeddings once and a large matrix product; and
a gallery's file, from opening to the first answer. Like `turns.py`, this module must not import
NumPy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO

from machine import machine
from measurement import quartiles
from pip_environments import Packages, python_with
from turns import PROCESS, PRODUCT, Answering, Turns, answering, in_turn

OURS = "npfacenet"
READING = "reading"  # no search: the greatest of all numbers, which reads each of them once
YARDSTICKS = (READING, PRODUCT)
ENVIRONMENTS = {
    "faiss": Packages(("faiss-cpu==1.15.1", "numpy==2.4.6")),
    "usearch": Packages(("usearch==2.26.6", "numpy==2.4.6")),
    "scikit-learn": Packages(("scikit-learn==1.9.1", "numpy==2.4.6")),
}
ENGINES = (OURS, *ENVIRONMENTS)
NUMBERS = 128  # of an embedding
NEAREST = 5
PROBES = (1, 64)
THREADS = (1, 2)
OPENINGS = 5
PRODUCT_ORDER = 2048
PRODUCT_GFLOP = 2 * PRODUCT_ORDER**3 / 1e9


@dataclass(frozen=True)
class SearchMeasurement:
    """Medians over the rounds, for one engine with some probes.

    `ratio` is this engine's time divided by npfacenet's in the same round: above 1, npfacenet is
    faster. `readings` says how many times as long it takes as reading all embeddings once, `share`
    is its rate of operations divided by that of a large matrix product. `different` counts probes
    for which it found other people, or in another order, than float64 distances tell.
    """

    probes: int
    threads: int
    engine: str
    version: str
    ms: float
    quartiles: tuple[float, float]
    ratio: float | None
    readings: float | None
    share: float | None
    peak_megabytes: int
    different: int


@dataclass(frozen=True)
class Opening:
    """A gallery's file: seconds of enrolling everybody, and milliseconds until the first answer.

    `open_ms`, `read_ms` and `search_ms` are parts of `whole_ms`: opening, reading the embeddings,
    and the answer. They are medians over processes that begin anew.
    """

    people: int
    enrolling_seconds: float
    file_megabytes: int
    open_ms: float
    read_ms: float
    search_ms: float
    whole_ms: float
    peak_megabytes: int


def search(
    count: int, environments: Path | None, engines: Sequence[str], rounds: int, *, as_json: bool
) -> None:
    """Measure all engines that can be had, and a gallery; print a table or JSON."""
    measured: list[SearchMeasurement] = []
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        kept = folder / "environments" if environments is None else environments
        pythons = dict.fromkeys((*YARDSTICKS, OURS), sys.executable)
        for engine in (one for one in engines if one in ENVIRONMENTS):
            if python := python_with(ENVIRONMENTS[engine], engine, kept.absolute()):
                pythons[engine] = python
        described = machine(*json.loads(finished("search-files", home, str(count))))
        if not as_json:
            print(f"{described['cpu']}, {described['cores']} cores, {rounds} rounds", flush=True)
        for threads in THREADS:
            measured += compare(pythons, folder, count, threads, rounds)
            if not as_json:
                print_table([one for one in measured if one.threads == threads], count)
        opening = open_gallery(folder, count)
    if as_json:
        results = {"results": [asdict(one) for one in measured], "gallery": asdict(opening)}
        about = {"machine": described, "count": count, "rounds": rounds}
        print(json.dumps({**about, **results}, indent=2))
    else:
        print_opening(opening)


def finished(*options: str) -> str:
    """Return what a process prints before it ends; exit if it fails, which it has explained."""
    process = subprocess.run(
        [sys.executable, str(PROCESS), *options], stdout=subprocess.PIPE, text=True
    )
    if process.returncode:
        sys.exit("a process of the benchmark failed")
    return process.stdout


def start(
    python: str, engine: str, folder: Path, threads: int, errors: IO[str]
) -> subprocess.Popen[str]:
    """Start the process of an engine."""
    environment = dict(os.environ)
    if engine != OURS:  # npfacenet controls its threads itself
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    return subprocess.Popen(
        [python, str(PROCESS), "search", engine, str(folder), str(threads)], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
    )  # fmt: skip


def compare(
    pythons: Mapping[str, str], folder: Path, count: int, threads: int, rounds: int
) -> list[SearchMeasurement]:
    """Have the engines take turns, with one probe and then with more."""
    starts = {
        engine: partial(start, python, engine, folder, threads)
        for engine, python in pythons.items()
    }
    measured = []
    with answering(starts, f"search, {threads} threads") as warm:
        processes = {engine: one.process for engine, one in warm.items()}
        for probes in PROBES:
            turns = in_turn(processes, rounds, f"{probes} probes", request=str(probes))
            measured += summaries(probes, threads, count, warm, turns)
    return measured


def summaries(
    probes: int, threads: int, count: int, warm: Mapping[str, Answering], turns: Turns
) -> list[SearchMeasurement]:
    """Return the medians of each engine's turns; those of the yardsticks last."""
    gflop = 2 * NUMBERS * probes * count / 1e9
    measured = []
    for engine in (*(one for one in turns if one not in YARDSTICKS), *YARDSTICKS):
        seconds = [taken for taken, _ in turns[engine]]
        rates = [PRODUCT_GFLOP / taken for taken, _ in turns[PRODUCT]]
        search = engine not in YARDSTICKS
        low, middle, high = quartiles(seconds)
        version, different = json.loads(warm[engine].answer)
        measured.append(
            SearchMeasurement(
                probes, threads, engine, version,
                ms=round(1000 * middle, 2),
                quartiles=(round(1000 * low, 2), round(1000 * high, 2)),
                ratio=ratio(seconds, turns.get(OURS)) if search else None,
                readings=ratio(seconds, turns[READING]) if search else None,
                share=round(
                    statistics.median(
                        gflop / taken / rate for taken, rate in zip(seconds, rates, strict=True)
                    ),
                    3,
                ) if search else None,
                peak_megabytes=round(max(peak for _, peak in turns[engine])),
                different=different.get(str(probes), 0),
            )
        )  # fmt: skip
    return measured


def ratio(seconds: Sequence[float], others: Sequence[tuple[float, float]] | None) -> float | None:
    """Return the median of the ratios in each round to another engine's times; None without."""
    if not others:
        return None
    ratios = [its / other for its, (other, _) in zip(seconds, others, strict=True)]
    return round(statistics.median(ratios), 2)


def open_gallery(folder: Path, count: int) -> Opening:
    """Enrol everybody in a gallery's file, and open it in one process after the other."""
    enrolling, megabytes = json.loads(finished("search-gallery-file", str(folder)))
    opened = [
        json.loads(finished("search-gallery", str(folder), str(count))) for _ in range(OPENINGS)
    ]
    parts = [round(1000 * statistics.median(part), 1) for part in zip(*opened, strict=True)]
    whole = round(1000 * statistics.median(sum(one[:3]) for one in opened), 1)
    return Opening(
        count, round(enrolling, 1), round(megabytes), parts[0], parts[1], parts[2], whole,
        round(max(peak for *_, peak in opened)),
    )  # fmt: skip


def print_table(measured: Sequence[SearchMeasurement], count: int) -> None:
    """Print a line for each engine, below a line for each number of probes and threads."""
    said = None
    for one in measured:
        plural = "s"[: one.probes > 1], "s"[: one.threads > 1]
        head = f"{count:,} people, {one.probes} probe{plural[0]}, {one.threads} thread{plural[1]}"
        if head != said:
            print(
                f"{head:40}{'ms':>9}{'quartiles':>20}{'ratio':>7}{'readings':>9}{'share':>7}"
                f"{'MB':>7}{'differ':>7}"
            )
            said = head
        between = f"{one.quartiles[0]:.2f} to {one.quartiles[1]:.2f}"
        ratio, readings, share = (
            "" if each is None else f"{each:.2f}" for each in (one.ratio, one.readings, one.share)
        )
        print(
            f"  {one.engine + ' ' + one.version:38}{one.ms:9.2f}{between:>20}{ratio:>7}"
            f"{readings:>9}{share:>7}{one.peak_megabytes:7}{one.different:7}",
            flush=True,
        )


def print_opening(one: Opening) -> None:
    """Print what became of the gallery."""
    print(
        f"a gallery of {one.people:,} people: enrolled in {one.enrolling_seconds:.1f} s, "
        f"{one.file_megabytes} MB; to the first answer {one.whole_ms:.1f} ms (open "
        f"{one.open_ms:.1f}, read {one.read_ms:.1f}, search {one.search_ms:.1f}), "
        f"{one.peak_megabytes} MB"
    )
