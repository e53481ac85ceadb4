"""What is told of a run: of each step to whoever watches, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from npfacenet.models import Model
from npfacenet.models.embeddings import Skipped
from npfacenet.training.validation import Split, Validation


@dataclass(frozen=True)
class StepReport:
    """What is told of a step, for whoever watches."""

    step: int
    steps: int
    loss: float
    measures: Mapping[str, float]
    images_per_second: float
    validation: Validation | None


Watch: TypeAlias = Callable[[StepReport], None]


@dataclass(frozen=True)
class Trained:
    """How a run ended: the best model, at which step it was, and why the run ended.

    `validation` is that of the best model, None where nobody was held out. `start` and `end` are
    the rates at the beginning and at the end, of held-out people or else of some who were learnt
    from. `remarks` say what is wrong with how it went. `split` says how many people were learnt
    from and held out, and `skipped` lists pictures that could not be read.
    """

    model: Model
    step: int
    validation: Validation | None
    ended: str
    start: Validation | None = None
    end: Validation | None = None
    remarks: tuple[str, ...] = ()
    split: Split | None = None
    skipped: tuple[Skipped, ...] = ()
