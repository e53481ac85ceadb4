"""From photographs to embeddings: `bench.py photographs`.

A JPEG of 12 megapixels, and one of 640x480 pixels with the default model and detector, to a
decision, whole and in parts; photographs of mixed sizes, kinds and orientations, with the memory
after some of them; and with `--against CHECKOUT` crops without a detector, and a cold start, which
another version of npfacenet does in turn with this one. Like `turns.py`, this module must not
import NumPy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from face_detection import GROUP
from machine import machine
from measurement import quartiles
from turns import PAUSE, PROCESS, line

WAYS = (("nn4.small2", "mtcnn"), ("nn4.small2", "yunet"), ("inception-resnet-v1", "mtcnn"))
"""Networks with detectors; the first pair embeds the mixed photographs."""
DEFAULT = ("npfacenet-small", "finder")
SINGLE = {
    "12 megapixels": ("12-megapixels.jpg", WAYS),
    "640x480": ("640x480.jpg", (DEFAULT,)),
}
"""The file of each picture that is embedded alone, and the networks and detectors for it."""
THREADS = (1, 2)
CROPS = 600
PARTS = ("decoding", "detecting", "embedding")
FIRST = "import npfacenet, sys; npfacenet.load('npfacenet-small').embed(sys.argv[1])"
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Photograph:
    """Medians over the rounds for one photograph, from a JPEG's bytes to a decision.

    `embedding` includes aligning. Parts are measured one by one, outside of `embed`.
    `peak_megabytes` is that of the process when it had embedded the photograph twice.
    """

    network: str
    detector: str
    threads: int
    ms: float
    quartiles: tuple[float, float]
    parts: dict[str, float]
    peak_megabytes: int
    picture: str = next(iter(SINGLE))


@dataclass(frozen=True)
class Photographs:
    """Many photographs: `per_second` in one call of `embed`, on this number of threads.

    `parts` are milliseconds for a photograph on one core, and `overlap` says how many times as long
    they take one after the other: at best the number of cores. `memory` holds megabytes after this
    many photographs, `longest_pause` the seconds between two reports of progress.
    """

    count: int
    threads: int
    per_second: float
    parts: dict[str, float]
    overlap: float
    memory: dict[str, int]
    peak_megabytes: int
    longest_pause: float


@dataclass(frozen=True)
class Comparison:
    """Medians of this version and of another; `ratio` is that of the same rounds, this to other."""

    what: str
    ms: float
    other_ms: float
    ratio: float


def photographs(
    shared: Path, count: int, rounds: int, *, as_json: bool, against: Path | None = None
) -> None:
    """Measure all of it, and print tables or JSON."""
    if not (shared / GROUP).is_file():
        sys.exit(f"there is no {shared / GROUP}; name the folder that holds it with --shared")
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        crops = CROPS if against is not None else 0
        made = job("photograph-files", str(shared / GROUP), home, str(crops), weights=shared)
        facts = json.loads(finished(made))
        described = machine(facts["cores"], facts["blas"])
        if not as_json:
            print(f"{described['cpu']}, {facts['cores']} cores, {rounds} rounds", flush=True)
        single = [
            whole_way(picture, *way, threads, folder, shared, rounds)
            for picture, (_, ways) in SINGLE.items()
            for way in ways
            for threads in THREADS
        ]
        several = [mixed(count, threads, folder, shared) for threads in THREADS]
        compared = [] if against is None else compare(against.resolve(), folder, rounds)
    if as_json:
        results = {
            name: [asdict(one) for one in measured]
            for name, measured in (("one", single), ("many", several), ("against", compared))
        }
        print(json.dumps({"machine": described, "rounds": rounds, **results}, indent=2))
    else:
        print_tables(single, several, compared)


def job(*options: str, weights: Path, checkout: Path | None = None) -> subprocess.Popen[str]:
    """Start a process of `process.py`, with the weights of a shared folder."""
    environment = dict(os.environ) | {"NPFACENET_WEIGHTS": str(weights / "weights")}
    if checkout is not None:
        environment["PYTHONPATH"] = str(checkout)
    return subprocess.Popen(
        [sys.executable, str(PROCESS), *options], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> str:
    """Return what a process prints before it ends; exit if it fails, which it has explained."""
    told, _ = process.communicate()
    if process.returncode:
        sys.exit("a process of the benchmark failed")
    return told


def answered(process: subprocess.Popen[str], request: str | None = None) -> list[float]:
    """Return the numbers in the next line of a process; exit if it has stopped."""
    if not (answer := line(process, request)):
        sys.exit("a process of the benchmark stopped")
    told = json.loads(answer)
    return told if isinstance(told, list) else [told]


def whole_way(
    picture: str,
    network: str,
    detector: str,
    threads: int,
    folder: Path,
    shared: Path,
    rounds: int,
) -> Photograph:
    """Measure the way of a picture of `SINGLE`."""
    file, warm = str(folder / SINGLE[picture][0]), str(folder / "warm.jpg")
    process = job("photograph", network, detector, file, warm, str(threads), weights=shared)
    try:
        (peak,) = answered(process)
        turns = []
        for _ in range(rounds):
            time.sleep(PAUSE)
            turns.append(answered(process, "go"))
    finally:
        process.kill()
        process.communicate()
    return replace(summary(network, detector, threads, turns, peak), picture=picture)


def summary(
    network: str, detector: str, threads: int, turns: Sequence[Sequence[float]], peak: float
) -> Photograph:
    """Return the medians of turns, each of which holds the whole time and that of each part."""
    low, middle, high = quartiles([whole for whole, *_ in turns])
    parts = [statistics.median(turn[1 + i] for turn in turns) for i in range(len(PARTS))]
    return Photograph(
        network,
        detector,
        threads,
        ms=round(1000 * middle, 1),
        quartiles=(round(1000 * low, 1), round(1000 * high, 1)),
        parts={name: round(1000 * part, 1) for name, part in zip(PARTS, parts, strict=True)},
        peak_megabytes=round(peak),
    )


def mixed(count: int, threads: int, folder: Path, shared: Path) -> Photographs:
    """Measure photographs of mixed sizes."""
    options = [*WAYS[0], str(folder / "mixed"), str(count), str(threads)]
    taken, parts, memory, pause, peak = json.loads(
        finished(job("photographs", *options, weights=shared))
    )
    return Photographs(
        count,
        threads,
        per_second=round(count / taken, 2),
        parts={name: round(1000 * part, 1) for name, part in zip(PARTS, parts, strict=True)},
        overlap=round(sum(parts) * count / taken, 2),
        memory=memory,
        peak_megabytes=round(peak),
        longest_pause=round(pause, 2),
    )


def compare(against: Path, folder: Path, rounds: int) -> list[Comparison]:
    """Have this version and another embed crops in turn, and start in turn."""
    checkouts = (CHECKOUT, against)
    processes = [
        job("crops", str(folder / "crops"), weights=folder, checkout=one) for one in checkouts
    ]
    try:
        counts = [int(answered(process)[0]) for process in processes]
        turns = []
        for _ in range(rounds):
            time.sleep(PAUSE)
            turns.append([answered(process, "go")[0] for process in processes])
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    crop = sorted((folder / "crops").iterdir())[0]
    starts = [[started(one, crop, folder) for one in checkouts] for _ in range(1 + 3 * rounds)]
    return [
        comparison(f"{counts[0]} crops, npfacenet-small", turns),
        comparison("process start to the first embedding", starts[1:]),
    ]


def comparison(what: str, pairs: Sequence[Sequence[float]]) -> Comparison:
    """Return the medians of pairs of seconds, and of their ratios."""
    ours, others = zip(*pairs, strict=True)
    return Comparison(
        what,
        round(1000 * statistics.median(ours), 1),
        round(1000 * statistics.median(others), 1),
        round(statistics.median(our / other for our, other in pairs), 3),
    )


def started(checkout: Path, crop: Path, folder: Path) -> float:
    """Return seconds of a process that embeds a crop; each version has bytecode of its own."""
    environment = dict(os.environ) | {
        "PYTHONPATH": str(checkout),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", FIRST, str(crop)], env=environment, cwd=folder, check=True
    )
    return time.perf_counter() - start


def print_tables(
    single: Sequence[Photograph], several: Sequence[Photographs], compared: Sequence[Comparison]
) -> None:
    """Print a line for each measurement."""
    head = "".join(f"{part:>10}" for part in PARTS)
    said = None
    for one in single:
        if one.picture != said:
            said = one.picture
            print(f"{said + ', JPEG':32}{'threads':>8}{'ms':>8}{'quartiles':>18}{head}{'MB':>6}")
        between = f"{one.quartiles[0]:.1f} to {one.quartiles[1]:.1f}"
        parts = "".join(f"{ms:10.1f}" for ms in one.parts.values())
        way = f"{one.network}, {one.detector}"
        print(f"{way:32}{one.threads:8}{one.ms:8.1f}{between:>18}{parts}{one.peak_megabytes:6}")
    for many in several:
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in many.parts.items())
        memory = ", ".join(f"{mb} MB after {done}" for done, mb in many.memory.items())
        print(
            f"{many.count} photographs, {', '.join(WAYS[0])}, {many.threads} threads: "
            f"{many.per_second:.2f} a second; in parts on one core {parts} ms each, "
            f"{many.overlap:.2f} times as long\n  {memory}, peak {many.peak_megabytes} MB; "
            f"at most {many.longest_pause:.2f} s between two reports of progress"
        )
    for pair in compared:
        print(
            f"{pair.what}: {pair.ms:.1f} ms, the other version {pair.other_ms:.1f} ms "
            f"(ratio {pair.ratio:.3f})"
        )
