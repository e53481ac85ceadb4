"""The table of `finding.py`: which detectors, which parts, and what the teachers saw before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from finder_answers import TEACHERS
from finding_conditions import of_conditions
from finding_rates import held_out, of_backgrounds, of_photographs, of_reference
from finding_table import Row, table
from finding_tone import of_tones
from finding_truth import Teachers, photographs
from remembered_faces import Remembered

from npfacenet import faces
from npfacenet.faces import Detector

CHANGED = 500  # pictures of LFW under each condition
CROPS = 3000  # of UTKFace


@dataclass(frozen=True)
class Plan:
    """What to measure: the command line.

    `most` is the number of pictures of a kind to try it out on, None for all.
    """

    shared: Path
    names: tuple[str, ...]
    parts: tuple[str, ...]
    every_picture: bool = False
    most: int | None = None
    kept: Path | None = None
    threads: int = 1

    def at_most(self, count: int) -> int:
        """Return the number of pictures, limited."""
        return count if self.most is None else min(count, self.most)


@dataclass
class Measurement:
    """The detectors of a plan, and the teachers, who look at a picture once only."""

    plan: Plan
    detectors: dict[str, Detector] = field(default_factory=dict)
    taught: dict[str, Remembered] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> Measurement:
        """Load all detectors.

        Raises WeightsError and WeightsNotFoundError for weights that cannot be used.
        """
        found = cls(plan)
        for name, path in TEACHERS.items():
            found.taught[name] = Remembered(faces.load(plan.shared / path))
            if plan.kept is not None:
                found.taught[name].recall(plan.kept / f"{name}.npz")
        for name in plan.names:
            known = found.taught.get(name)
            found.detectors[label(name, found.detectors)] = known or faces.load(name)
        return found

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all parts."""
        plan, detectors = self.plan, self.detectors
        teachers = Teachers(self.taught["mtcnn"], self.taught["yunet"], plan.threads)
        if "reference" in plan.parts:
            yield from of_reference(detectors, plan.shared, plan.most, plan.threads)
        if "backgrounds" in plan.parts:
            # Without memory, which does not know the best score of a picture.
            own = {
                name: each.inner if isinstance(each, Remembered) else each
                for name, each in detectors.items()
            }
            yield from of_backgrounds(own, held_out(plan.shared)[: plan.most], plan.threads)
        if "lfw" in plan.parts:
            paths = photographs(plan.shared, every=plan.every_picture, most=plan.most)
            yield from of_photographs(detectors, paths, teachers)
        self.keep()
        if "conditions" in plan.parts:
            paths = photographs(plan.shared, every=False, most=plan.at_most(CHANGED))
            yield from of_conditions(detectors, paths, teachers)
            self.keep()
        if "tone" in plan.parts:
            yield from of_tones(detectors, plan.shared, plan.at_most(CROPS), teachers)
            self.keep()

    def keep(self) -> None:
        """Write what the teachers saw."""
        if self.plan.kept is None:
            return
        self.plan.kept.mkdir(parents=True, exist_ok=True)
        for name, teacher in self.taught.items():
            if teacher.known:
                teacher.save(self.plan.kept / f"{name}.npz")


def label(name: str, others: Mapping[str, object]) -> str:
    """Return the column's title: a detector's name, or the end of a path that tells it apart.

    >>> label("runs/a/weights.h5", {})
    'weights'
    >>> label("runs/b/weights.h5", {"weights": 1})
    'b/weights'
    """
    parts = Path(name).with_suffix("").parts
    return next(
        (
            short
            for count in range(1, len(parts) + 1)
            if (short := "/".join(parts[-count:])) not in others
        ),
        name,
    )


def report(plan: Plan) -> None:
    """Print the table, each row when it is measured.

    Raises an NpfacenetError for files that cannot be used, OSError for missing ones.
    """
    measurement = Measurement.of(plan)
    for line in table(measurement.rows(), list(measurement.detectors)):
        print(line, flush=True)
