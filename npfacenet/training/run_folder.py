"""The folder of a training run: what was asked for, what happened, and what came out.

- `configuration.json`: the choices, and what it began with
- `log.jsonl`: a line for each step and each validation
- `checkpoint.h5`: where the run stands, to go on from
- `best.h5`: the best weights so far, a weight file for `npfacenet.load`
- `curves.png`: what the log says, drawn (matplotlib)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from npfacenet.checkpoints.placing import atomic_file, writing_in
from npfacenet.errors import OutputError, TrainingError

LARGEST_FILE = 1 << 28


class RunFolder:
    """Paths in a run's folder, and its log."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder)
        self.configuration = self.path / "configuration.json"
        self.log = self.path / "log.jsonl"
        self.checkpoint = self.path / "checkpoint.h5"
        self.best = self.path / "best.h5"
        self.curves = self.path / "curves.png"

    def begin(self, record: Mapping[str, object]) -> None:
        """Make the folder and write down what was asked for.

        Raises OutputError for a folder that already holds a run, or cannot be written. A run
        that ended before its first checkpoint is begun anew.
        """
        if self.checkpoint.exists():
            raise OutputError(
                f"{self.path} already holds a training run: resume it, or choose another folder"
            )
        with writing_in(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with writing_in(self.path), atomic_file(self.configuration) as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")

    def record(self) -> dict[str, object]:
        """What was asked for; TrainingError where there is no run, or it is damaged."""
        try:
            if self.configuration.stat().st_size > LARGEST_FILE:
                raise ValueError("too large")
            record = json.loads(self.configuration.read_text("utf-8"))
        except FileNotFoundError as error:
            raise TrainingError(f"{self.path} holds no training run to resume") from error
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.configuration} cannot be read: {error}") from error
        if not isinstance(record, dict):
            raise TrainingError(f"{self.configuration} is no JSON object")
        return record

    def require_same(self, record: Mapping[str, object]) -> None:
        """Raise TrainingError, naming what differs, unless the run began with this record."""
        before, now = self.record(), json.loads(json.dumps(record))
        if not self.checkpoint.exists():
            raise TrainingError(f"{self.path} ended before its first checkpoint: begin it anew")
        for key, what in (
            ("fingerprint", "another model"),
            ("teacher", "another teacher"),
            ("pictures", "other people or pictures"),
        ):
            if before.get(key) != now[key]:
                raise TrainingError(f"{self.path} began with {what}, so it cannot be resumed")
        old, new = before.get("configuration"), now["configuration"]
        if not isinstance(old, dict):
            raise TrainingError(f"{self.configuration} holds no configuration")
        if changed := [key for key in {**old, **new} if old.get(key) != new.get(key)]:
            raise TrainingError(
                f"{self.path} began with {changed[0]} {old.get(changed[0])!r}, not "
                f"{new.get(changed[0])!r}"
            )

    def write(self, entry: Mapping[str, object]) -> None:
        """Add a line to the log."""
        with writing_in(self.path), self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, object]]:
        """The lines of the log; one that was cut off by a kill is passed over."""
        if not self.log.is_file():
            return
        with self.log.open(encoding="utf-8") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry

    def rewind(self, step: int) -> None:
        """Drop what the log says of steps after this one: they are done again."""
        kept = [entry for entry in self.entries() if _step(entry) <= step]
        with writing_in(self.path), atomic_file(self.log) as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in kept).encode())


def _step(entry: Mapping[str, object]) -> float:
    step = entry.get("step")
    return step if isinstance(step, (int, float)) else float("inf")
