"""Detectors side by side: `bench.py detection`.

npfacenet's finder and its YuNet against OpenCV's FaceDetectorYN, which runs YuNet, and its MTCNN
against facenet-pytorch and faceie, on a photograph of a group at its own size, on 640x480 pixels,
and from the bytes of a JPEG file of 12 megapixels. Like `turns.py`, this module must not import
NumPy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from detection_environments import ENVIRONMENTS, python_of
from turns import PROCESS, answering, in_turn

OURS = {"opencv": "yunet", "facenet-pytorch": "mtcnn", "faceie": "mtcnn"}
"""Which of npfacenet's detectors each of the others is compared with."""
FINDER = "finder"
ENGINES = (FINDER, "yunet", "mtcnn", *ENVIRONMENTS)
QUICK = (FINDER, "yunet", "mtcnn", "opencv")
"""The detectors that look at the largest picture: the others take half a minute."""
CASES = {
    "group, 1200x630": ("group.npy", (1, 2), ENGINES),
    "640x480": ("640x480.npy", (1, 2), ENGINES),
    "12 megapixels, JPEG": ("12-megapixels.jpg", (1,), QUICK),
}
"""The file of each picture, the numbers of threads, and the detectors that look at it."""
GROUP = "pictures/multiface.jpg"


@dataclass(frozen=True)
class DetectionMeasurement:
    """Medians over the rounds, for one detector with one picture.

    `ratio` is the time of npfacenet's detector of the same kind (`OURS`) divided by this one's in
    the same round, `finder_ratio` that of the finder; below 1, npfacenet is faster. `first_ms` is
    the time of the first call with a picture of this size.
    """

    picture: str
    threads: int
    engine: str
    faces: int
    ms: float
    quartiles: tuple[float, float]
    ratio: float | None
    first_ms: float
    peak_megabytes: int
    finder_ratio: float | None = None


@dataclass(frozen=True)
class Serving:
    """The process of a detector that has found this many faces; its first call took `first`."""

    process: subprocess.Popen[str]
    faces: int
    first: float


def detection(
    shared: Path, environments: Path | None, engines: Sequence[str], rounds: int, *, as_json: bool
) -> None:
    """Measure all detectors that can be had; print a table or JSON."""
    if not (shared / GROUP).is_file():
        sys.exit(f"there is no {shared / GROUP}; name the folder that holds it with --shared")
    measured: list[DetectionMeasurement] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "environments") if environments is None else environments
        pythons = {
            engine: python
            for engine in engines
            if (python := python_of(engine, home.absolute())) is not None
        }
        made = [sys.executable, str(PROCESS), "detection-files", str(shared / GROUP), folder]
        subprocess.run(made, check=True)
        for case, (file, numbers, looking) in CASES.items():
            some = {engine: pythons[engine] for engine in pythons if engine in looking}
            for threads in numbers:
                with serving(some, shared / "weights", Path(folder, file), threads) as warm:
                    measured += measure(case, threads, warm, rounds)
    if as_json:
        print(json.dumps({"rounds": rounds, "results": [asdict(x) for x in measured]}, indent=2))
    else:
        print_table(measured)


@contextmanager
def serving(
    pythons: dict[str, str], weights: Path, picture: Path, threads: int
) -> Iterator[dict[str, Serving]]:
    """Start the detectors and yield those that work; say on stderr why others do not."""
    starts = {
        engine: partial(start, python, engine, weights, picture, threads)
        for engine, python in pythons.items()
    }
    with answering(starts, picture.name) as warm:
        yield {
            engine: Serving(one.process, *json.loads(one.answer)) for engine, one in warm.items()
        }


def start(
    python: str, engine: str, weights: Path, picture: Path, threads: int, errors: IO[str]
) -> subprocess.Popen[str]:
    """Start the process of a detector."""
    environment = dict(os.environ)
    if engine in ENVIRONMENTS:  # npfacenet controls its threads itself
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    warm = picture.with_name(f"warm{picture.suffix}")
    options = [engine, str(weights), str(picture), str(warm), str(threads)]
    return subprocess.Popen(
        [python, str(PROCESS), "detection", *options], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
    )  # fmt: skip


def measure(
    case: str, threads: int, warm: dict[str, Serving], rounds: int
) -> list[DetectionMeasurement]:
    """Have the detectors take turns; another one begins each round."""
    turns = in_turn({engine: one.process for engine, one in warm.items()}, rounds, case)
    return [
        replace(
            summary(case, threads, engine, one, turns[engine], turns.get(OURS.get(engine, ""), [])),
            finder_ratio=None if engine == FINDER else ratio(turns.get(FINDER, []), turns[engine]),
        )
        for engine, one in warm.items()
    ]


def summary(
    case: str,
    threads: int,
    engine: str,
    one: Serving,
    turns: Sequence[tuple[float, float]],
    ours: Sequence[tuple[float, float]],
) -> DetectionMeasurement:
    """Return the medians of a detector's turns; `ours` are those of the one to compare with."""
    taken = sorted(seconds for seconds, _ in turns)
    return DetectionMeasurement(
        case,
        threads,
        engine,
        one.faces,
        ms=round(1000 * statistics.median(taken), 1),
        quartiles=(
            round(1000 * taken[len(taken) // 4], 1),
            round(1000 * taken[-1 - len(taken) // 4], 1),
        ),
        ratio=ratio(ours, turns),
        first_ms=round(1000 * one.first, 1),
        peak_megabytes=round(max(peak for _, peak in turns)),
    )


def ratio(
    ours: Sequence[tuple[float, float]], theirs: Sequence[tuple[float, float]]
) -> float | None:
    """Return the median of the ratios of the times in each round; None without rounds."""
    ratios = [our / its for (our, _), (its, _) in zip(ours, theirs, strict=False)]
    return round(statistics.median(ratios), 2) if ratios else None


def print_table(measured: Sequence[DetectionMeasurement]) -> None:
    """Print a line for each detector, below a line for each picture and number of threads."""
    said = None
    for one in measured:
        head = f"{one.picture}, {one.threads} thread{'s'[: one.threads > 1]}"
        if head != said:
            print(
                f"{head:32}{'ms':>8}{'quartiles':>18}{'ours':>6}{'finder':>8}{'first':>8}{'MB':>6}"
                f"{'faces':>6}"
            )
            said = head
        own, finders = (
            "" if each is None else f"{each:.2f}" for each in (one.ratio, one.finder_ratio)
        )
        between = f"{one.quartiles[0]:.1f} to {one.quartiles[1]:.1f}"
        print(
            f"  {one.engine:30}{one.ms:8.1f}{between:>18}{own:>6}{finders:>8}{one.first_ms:8.1f}"
            f"{one.peak_megabytes:6}{one.faces:6}"
        )
