"""What a run reports: to callbacks while it goes on, and as its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from npfacenet.errors import ArgumentError, quoted
from npfacenet.models import Model
from npfacenet.models.embeddings import Skipped
from npfacenet.progress import Progress
from npfacenet.training.validation import Split, Validation


@dataclass(frozen=True)
class StepReport:
    """The results of a training step.

    `step` counts from 1 up to `steps`; `measures` are those of the losses, such as an accuracy;
    `validation` is None unless this step was followed by one.
    """

    step: int
    steps: int
    loss: float
    measures: Mapping[str, float]
    images_per_second: float
    validation: Validation | None


Watch: TypeAlias = Callable[[StepReport], None]


@dataclass(frozen=True)
class Callbacks:
    """Functions that a run calls; each is optional.

    - watch: after each step, with a StepReport
    - progress: while pictures are read, as `progress(what, done, total)`
    - begins: before the first step, with the Split

    Raises ArgumentError for anything that cannot be called.
    """

    watch: Watch | None = None
    progress: Progress | None = None
    begins: Callable[[Split], None] | None = None

    def __post_init__(self) -> None:
        for name, call in vars(self).items():
            if call is not None and not callable(call):
                raise ArgumentError(f"{name} is a function that a run calls, not {quoted(call)}")


@dataclass(frozen=True)
class Trained:
    """The result of a run: the best model, its step, and why the run ended.

    `validation` is that of the best model (None if nobody was held out). `start` and `end` are
    the rates at the beginning and at the end, of held-out people or else of some who were learnt
    from. `remarks` list what is wrong with how the run went. `split` says how many people were
    learnt from and held out; `skipped` lists pictures that could not be read.
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
