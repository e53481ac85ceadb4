"""Start the engines of `inference.py`, each in a process of its own, and time them in turn.

Idle threads of an engine in the same process would slow the others. A process's peak of memory
begins with that of the process that started it, which is why this one must stay small and imports
neither NumPy nor npfacenet.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

PROCESS = Path(__file__).resolve().with_name("process.py")
PRODUCT = "matrix product"  # no network: how fast NumPy multiplies two large matrices
ORDER = 1024  # of those matrices
AGAINST = "another checkout"
PAUSE = 0.2  # seconds; idle threads of OpenBLAS spin for up to 0.11 before they sleep

Turns: TypeAlias = dict[str, list[tuple[float, float]]]  # seconds of a call, peak megabytes


def say(sentence: str) -> None:
    """Print a sentence to the user on stderr, apart from the results."""
    print(sentence, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Engines:
    """Processes of engines, with the folder of their files and their number of threads.

    `against` is the checkout of another version of npfacenet.
    """

    folder: str
    threads: int
    against: str | None = None

    def start(
        self, what: str, engine: str, network: str, batch: int, errors: IO[str]
    ) -> subprocess.Popen[str]:
        """Start a process that serves turns, or one that computes a first output."""
        options = [what, engine, self.folder, network, str(batch), str(self.threads)]
        environment = dict(os.environ)
        if engine == AGAINST and self.against is not None:
            environment["PYTHONPATH"] = self.against
        return subprocess.Popen(
            [sys.executable, str(PROCESS), *options], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip

    @contextmanager
    def serving(
        self, names: Sequence[str], network: str, batch: int
    ) -> Iterator[dict[str, subprocess.Popen[str]]]:
        """Start the engines and yield those that are warm; say on stderr why others are not."""
        starts = {name: partial(self.start, "serve", name, network, batch) for name in names}
        with answering(starts, f"{network}, batch {batch}") as warm:
            yield {name: one.process for name, one in warm.items()}

    def take_turns(self, names: Sequence[str], network: str, batch: int, rounds: int) -> Turns:
        """Return the times of each engine in each round."""
        with self.serving([PRODUCT, *names], network, batch) as processes:
            return in_turn(processes, rounds, f"{network}, batch {batch}")

    def cold_starts(
        self, names: Sequence[str], network: str, batch: int, rounds: int
    ) -> dict[str, float]:
        """Return median seconds from the start of a process to its first output."""
        taken: dict[str, list[float]] = {engine: [] for engine in names}
        for _ in range(rounds):
            for engine, all_seconds in taken.items():
                with tempfile.TemporaryFile("w+") as errors:
                    start = time.perf_counter()
                    process = self.start("first", engine, network, batch, errors)
                    done = line(process) == "done"
                    seconds = time.perf_counter() - start
                    process.communicate()
                    if done:
                        all_seconds.append(seconds)
        return {engine: statistics.median(s) for engine, s in taken.items() if s}


@dataclass(frozen=True)
class Answering:
    """A process, and the line that it printed when it was ready."""

    process: subprocess.Popen[str]
    answer: str


@contextmanager
def answering(
    starts: Mapping[str, Callable[[IO[str]], subprocess.Popen[str]]], what: str
) -> Iterator[dict[str, Answering]]:
    """Start processes and yield those that get ready; say on stderr why others do not.

    Each is started with a file for its errors. `what` names what they are to do.
    """
    warm, started = {}, []
    try:
        for name, start in starts.items():
            with tempfile.TemporaryFile("w+") as errors:
                process = start(errors)
                started.append(process)
                if answer := line(process):
                    warm[name] = Answering(process, answer)
                else:
                    errors.seek(0)
                    last = (errors.read().strip() or "no reason given").splitlines()[-1]
                    say(f"{name} is left out ({what}): {last}")
        yield warm
    finally:
        for process in started:
            process.kill()
            process.communicate()


def in_turn(
    processes: Mapping[str, subprocess.Popen[str]], rounds: int, what: str, request: str = "go"
) -> Turns:
    """Return seconds and peak megabytes of each process in each round; another begins each."""
    turns: Turns = {name: [] for name in processes}
    order = list(processes.items())
    for _ in range(rounds):
        for name, process in order:
            time.sleep(PAUSE)
            if not (answer := line(process, request)):
                sys.exit(f"{name} stopped ({what})")
            seconds, peak = json.loads(answer)
            turns[name].append((seconds, peak))
        order = order[1:] + order[:1]
    return turns


def line(process: subprocess.Popen[str], request: str | None = None) -> str:
    """Send the request, if there is one, and return the next line that the process prints."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    if request is not None:
        process.stdin.write(f"{request}\n")
        process.stdin.flush()
    return process.stdout.readline().strip()
