"""The folder of a training run: its configuration, log, checkpoint and result.

- `configuration.json`: the choices, and what the run began with
- `log.jsonl`: the numbers of people, then a line for each step and each validation
- `checkpoint.h5`: the state of the run, to resume from
- `best.h5`: the best weights so far, a weight file for `npfacenet.load`
- `curves.png`: the curves of the log (matplotlib)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from npfacenet.errors import ArgumentError, OutputError, TrainingError, listed, quoted
from npfacenet.files import open_regular, read_text
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.files.paths import checked_path
from npfacenet.recipes.preparation import CENTRAL_SQUARE, Preparation
from npfacenet.training.configuration import changed_fields
from npfacenet.training.folder_lock import locked, require_free

LARGEST_LOG = 1 << 32
LONGEST_LINE = 1 << 16
DOING = "training"


class RunFolder:
    """The paths in a run's folder, and its log.

    Raises ArgumentError for anything but the path of a folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = checked_path(folder, "the folder of a run", ArgumentError)
        self.configuration = self.path / "configuration.json"
        self.log = self.path / "log.jsonl"
        self.checkpoint = self.path / "checkpoint.h5"
        self.best = self.path / "best.h5"
        self.curves = self.path / "curves.png"

    def locked(self) -> AbstractContextManager[None]:
        """Lock the folder, which must exist; raise TrainingError if another process holds it."""
        return locked(self.path, DOING)

    def require_free(self) -> None:
        """Raise TrainingError if another process holds the folder's lock."""
        require_free(self.path, DOING)

    def make(self) -> None:
        """Make the folder if it does not exist; raise OutputError if that fails."""
        with writing_in(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def require_new(self) -> None:
        """Raise OutputError if the folder holds a run, so that none can begin here.

        The files of a run that was killed before its first checkpoint will be overwritten; those
        of a run that has lost its checkpoint count as a run. Raises TrainingError for a damaged
        log.
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
        """Raise TrainingError unless there is a run to resume."""
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
        raise TrainingError(f"{self.path} ended before its first checkpoint: begin it again")

    def _files(self) -> list[str]:
        files = (self.configuration, self.log, self.best, self.curves)
        return [file.name for file in files if os.path.lexists(file)]

    def _lost(self) -> str:
        """Return the files of a run whose checkpoint is missing, or "" if none was written yet.

        Before its first checkpoint, a run writes the configuration, the log up to step 0, and the
        initial weights, in this order.
        """
        there = self._files()
        order = (self.configuration.name, self.log.name, self.best.name)
        began = there == list(order[: len(there)])
        if began and all(entry["step"] == 0 for entry in self.entries()):
            return ""
        return listed(there)

    def begin(self, record: Mapping[str, object]) -> None:
        """Write the record of the run, and an empty log.

        Raises OutputError for a folder that cannot be written.
        """
        with writing_in(self.path), atomic_file(self.configuration) as file:
            file.write(json.dumps(record, indent=2).encode() + b"\n")
        with writing_in(self.path), atomic_file(self.log):
            pass

    def record(self) -> dict[str, object]:
        """Return the record of the run; raise TrainingError without a run or a readable record."""
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
        """Raise TrainingError, naming the difference, unless the run began with this record."""
        before, now = self.record(), json.loads(json.dumps(record))
        if "network" in before and before["network"] != now.get("network"):  # old records lack it
            raise TrainingError(f"{self.path} began with another network, so it cannot be resumed")
        old, new = before.get("configuration"), now["configuration"]
        if not isinstance(old, dict):
            raise TrainingError(f"{self.configuration} holds no configuration")
        if "preparation" in now:
            cut = before.get("preparation", _older_preparation(old))
            if cut != now["preparation"]:
                raise TrainingError(
                    f"{self.path} began with another preparation of pictures ({quoted(cut)}, not "
                    f"{quoted(now['preparation'])}), so it cannot be resumed"
                )
        if changed := changed_fields(old, new):
            raise TrainingError(
                f"{self.path} began with {changed[0]} {quoted(old.get(changed[0]))}, not "
                f"{quoted(new.get(changed[0]))}"
            )
        for key, what in (
            ("fingerprint", "another model"),
            ("teacher", "another teacher"),
            ("pictures", "other people or pictures"),
            ("held_out", "other people held out (or an older npfacenet did)"),
        ):
            if key not in before or before[key] != now[key]:
                raise TrainingError(f"{self.path} began with {what}, so it cannot be resumed")

    def write(self, entry: Mapping[str, object]) -> None:
        """Append a line to the log."""
        with writing_in(self.path), self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, object]]:
        """Return the lines of the log, except a last one that was cut off by a kill.

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
        """Remove the steps after this one from the log: they will be done again."""
        kept = [entry for entry in self.entries() if _step(entry) <= step]
        with writing_in(self.path), atomic_file(self.log) as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in kept).encode())


def _older_preparation(configuration: Mapping[str, object]) -> str:
    """Return the preparation of a run that older versions began, which had no detector."""
    crop = configuration.get("crop")
    return str(Preparation(crop=crop) if type(crop) is int and crop > 0 else CENTRAL_SQUARE)


def _entry(line: bytes) -> dict[str, object] | None:
    """Return a line of a log, an object of a step and numbers; None for anything else."""
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
