"""A short run that checks the training of the default network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from npfacenet.errors import TrainingError
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.training.run_folder import RunFolder

VIEWS, PEOPLE, STEPS = 2000, 60, 100
RATE = 0.0002  # of learning; at the rate of the run, rounding grows to 5 % of a loss in 100 steps
ALLOWED = 0.02  # of a loss; another BLAS or machine rounds differently


def require_new(run: Path) -> None:
    """Raise TrainingError if the run exists: it would be compared with itself."""
    if run.exists():
        raise TrainingError(f"{run} holds a short run already: remove it to make another")


def compare(run: RunFolder, file: Path, *, write: bool) -> None:
    """Print the losses of a run, and how far they are from those of the file.

    Raises TrainingError if one differs by more than 2 %, or the file does not hold such losses.
    """
    entries = list(run.entries())
    losses = np.array([loss for one in entries if isinstance(loss := one.get("loss"), float)])
    for start in range(0, len(losses), 10):
        some = losses[start : start + 10]
        print(f"steps {start + 1} to {start + len(some)}: mean loss {some.mean():.4f}")
    if write:
        with writing_in(file.parent), atomic_file(file) as target:
            target.write(json.dumps(losses.tolist()).encode() + b"\n")
        print(f"{file} is written")
        return
    try:
        before = np.array(json.loads(file.read_text("utf-8")), np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{file} holds no losses to compare with: {error}") from error
    if before.shape != losses.shape:
        raise TrainingError(f"{file} holds {before.size} losses, the run {losses.size}")
    difference = float(np.abs(losses / before - 1).max())
    if not difference <= ALLOWED:
        raise TrainingError(
            f"a loss differs from {file} by {difference:.2%}, more than {ALLOWED:.0%}"
        )
    print(f"no loss differs from {file} by more than {difference:.2%}")
