"""The folder of a training run: what was asked for, what happened, and what came out.

- `configuration.json`: the choices, and what it began with
- `log.jsonl`: who is learnt from, then a line for each step and each validation
- `checkpoint.h5`: where the run stands, to go on from
- `best.h5`: the best weights so far, a weight file for `npfacenet.load`
- `curves.png`: what the log says, drawn (matplotlib)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from npfacenet.errors import ArgumentError, OutputError, TrainingError, listed, quoted
from npfacenet.files import open_regular, read_text
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.recognition.paths import checked_path
from npfacenet.training.folder_lock import locked, require_free

LARGEST_LOG = 1 << 32
LONGEST_LINE = 1 << 16
DOING = "training"


class RunFolder:
    """Paths in a run's folder, and its log.

    Raises ArgumentError for what is not the path of a folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = checked_path(folder, "the folder of a run", ArgumentError)
        self.configuration = self.path / "configuration.json"
        self.log = self.path / "log.jsonl"
        self.checkpoint = self.path / "checkpoint.h5"
        self.best = self.path / "best.h5"
        self.curves = self.path / "curves.png"

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder, which exists, against other processes; TrainingError if one has it."""
        return locked(self.path, DOING)

    def require_free(self) -> None:
        """Raise TrainingError where another process holds the folder."""
        require_free(self.path, DOING)

    def make(self) -> None:
        """Make the folder if need be; OutputError where that cannot be done."""
        with writing_in(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def require_new(self) -> None:
        """Raise unless a run can begin here: OutputError for a folder that holds one.

        What a run left that was killed before its first checkpoint is written over; files of one
        that lost its checkpoint are not. Raises TrainingError for a log that is damaged.
        """
        if os.path.lexists(self.checkpoint):
            raise OutputError(
                f"{self.path} already holds a training run: resume it, or choose another folder"
            )
        if lost := self._lost():
            raise OutputError(
                f"{self.path} holds {lost} of a training run, but not its {self.checkpoint.name}: "
                "put that back and resume, or choose another folder"
            )

    def require_begun(self) -> None:
        """Raise TrainingError unless there is a run to go on with."""
        if not os.path.lexists(self.configuration):
            missing = " without its configuration.json" if self._files() else ""
            raise TrainingError(f"{self.path} holds no training run to resume{missing}")
        if os.path.lexists(self.checkpoint):
            return
        if lost := self._lost():
            raise TrainingError(
                f"{self.path} holds {lost}, but not the {self.checkpoint.name} to go on from: put "
                "it back, or begin a new run in another folder"
            )
        raise TrainingError(f"{self.path} ended before its first checkpoint: begin it anew")

    def _files(self) -> list[str]:
        files = (self.configuration, self.log, self.best, self.curves)
        return [file.name for file in files if os.path.lexists(file)]

    def _lost(self) -> str:
        """The files of a run whose checkpoint is gone, or "".

        Before its first checkpoint a run writes the configuration, the log up to step 0, and
        the weights that it begins with, in this order.
        """
        there = self._files()
        order = (self.configuration.name, self.log.name, self.best.name)
        began = there == list(order[: len(there)])
        if began and all(entry["step"] == 0 for entry in self.entries()):
            return ""
        return listed(there)

    def begin(self, record: Mapping[str, object]) -> None:
        """Write down what was asked for, and begin an empty log.

        Raises OutputError for a folder that cannot be written.
        """
        with writing_in(self.path), atomic_file(self.configuration) as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")
        with writing_in(self.path), atomic_file(self.log):
            pass

    def record(self) -> dict[str, object]:
        """What was asked for; TrainingError where no run is, or its record is damaged."""
        self.require_begun()
        text = read_text(self.configuration, what="the record of a run", error=TrainingError)
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise TrainingError(
                f"{self.configuration} cannot be read: {error}; put the file back that the run "
                "wrote, or begin a new run"
            ) from error
        if not isinstance(record, dict):
            raise TrainingError(f"{self.configuration} is not a JSON object")
        return record

    def require_same(self, record: Mapping[str, object]) -> None:
        """Raise TrainingError, naming what differs, unless the run began with this record."""
        before, now = self.record(), json.loads(json.dumps(record))
        if "network" in before and before["network"] != now.get("network"):  # old records lack it
            raise TrainingError(f"{self.path} began with another network, so it cannot be resumed")
        for key, what in (
            ("fingerprint", "another model"),
            ("teacher", "another teacher"),
            ("pictures", "other people or pictures"),
            ("held_out", "other people held out (or an older npfacenet did)"),
        ):
            if key not in before or before[key] != now[key]:
                raise TrainingError(f"{self.path} began with {what}, so it cannot be resumed")
        old, new = before.get("configuration"), now["configuration"]
        if not isinstance(old, dict):
            raise TrainingError(f"{self.configuration} holds no configuration")
        if changed := [key for key in {**old, **new} if old.get(key) != new.get(key)]:
            raise TrainingError(
                f"{self.path} began with {changed[0]} {quoted(old.get(changed[0]))}, not "
                f"{quoted(new.get(changed[0]))}"
            )

    def write(self, entry: Mapping[str, object]) -> None:
        """Add a line to the log."""
        with writing_in(self.path), self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, object]]:
        """The lines of the log; a last one that was cut off by a kill is passed over.

        Raises TrainingError for any other line that a run does not write.
        """
        if not os.path.lexists(self.log) or (self.log.is_file() and not self.log.stat().st_size):
            return
        what = "the log of a run"
        with open_regular(self.log, what=what, largest=LARGEST_LOG, error=TrainingError) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                entry = _entry(line)
                if entry is None and (line.endswith(b"\n") or len(line) == LONGEST_LINE):
                    raise TrainingError(
                        f"{self.log} is damaged in line {number}: put the file back, or remove it "
                        "and lose the curves so far"
                    )
                if entry is not None:
                    yield entry

    def rewind(self, step: int) -> None:
        """Drop what the log says of steps after this one: they are done again."""
        kept = [entry for entry in self.entries() if _step(entry) <= step]
        with writing_in(self.path), atomic_file(self.log) as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in kept).encode())


def _entry(line: bytes) -> dict[str, object] | None:
    """What a line of a log says: an object of a step and numbers."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or type(entry.get("step")) is not int or entry["step"] < 0:
        return None
    numbers = [v for value in entry.values() for v in _values(value)]
    return entry if all(type(value) is float or type(value) is int for value in numbers) else None


def _values(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else [value]


def _step(entry: Mapping[str, object]) -> int:
    step = entry["step"]
    return step if isinstance(step, int) else 0
