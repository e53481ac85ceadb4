"""A training run under way: step after step, what is noted, saved and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Protocol, TypeAlias

import numpy as np

from npfacenet import __version__
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.checkpoints.records import read_record, write_record
from npfacenet.errors import TrainingError
from npfacenet.models import Model
from npfacenet.networks import NetworkParameters
from npfacenet.recipes import Recipe
from npfacenet.training.collapse import CollapseDetector
from npfacenet.training.configuration import Configuration
from npfacenet.training.learner import Batch, Learner, StepResult
from npfacenet.training.objectives import triplet_margin
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.validation import Validation


@dataclass(frozen=True)
class Progress:
    """What is told of a step, for whoever watches."""

    step: int
    steps: int
    loss: float
    measures: Mapping[str, float]
    images_per_second: float
    validation: Validation | None


Watch: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Trained:
    """How a run ended: the best model, at which step it was, and why the run ended."""

    model: Model
    step: int
    validation: Validation | None
    ended: str


class Batches(Protocol):
    """What a run learns from."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches with these numbers; each always the same."""


class Measure(Protocol):
    """What says how good a network is."""

    def measure(self, parameters: NetworkParameters) -> tuple[Validation | None, Model]:
        """The rates with these parameters, and a model of them whose card says so."""


class Run:
    """A run: a learner, what it learns from, what says how good it is, and its folder."""

    def __init__(
        self,
        model: Model,
        learner: Learner,
        feed: Batches,
        held_out: Measure,
        folder: RunFolder,
    ) -> None:
        self.model, self.learner, self.feed = model, learner, feed
        self.held_out, self.folder = held_out, folder
        self.detector = CollapseDetector(triplet_margin(learner.objectives))
        self.best: Validation | None = None
        self.best_step = 0

    @property
    def configuration(self) -> Configuration:
        """What was asked for."""
        return self.learner.configuration

    def made(self, record: Mapping[str, object], *, resume: bool, watch: Watch | None) -> Trained:
        """Make the run from its beginning, where `record` is written down, or go on with it."""
        with closing(self.learner):
            if resume:
                self._restore()
            else:
                self.folder.begin(record)
                self._validate()
                self._save()
            return self._go(watch)

    def _go(self, watch: Watch | None) -> Trained:
        """Step after step."""
        choices = self.configuration
        ended = f"all {choices.steps} steps were made"
        settled = self.learner.done
        try:
            before = time.perf_counter()
            for batch in self.feed.batches(self.learner.done, choices.steps):
                result = self.learner.step(batch)
                now = time.perf_counter()  # with the wait for the batch, which may be what is slow
                self._note(result, len(batch.images) / (now - before), watch)
                before = time.perf_counter()
                if said := self.detector.see(result.embeddings, result.loss):
                    raise TrainingError(
                        f"step {self.learner.done}: {said}; the best weights stay in "
                        f"{self.folder.path}: begin a new run with a smaller learning rate, more "
                        "identities in a batch, or semi-hard triplets"
                    )
                settled = self.learner.done
                if self._is_due(choices.save):
                    self._save()
                if self._has_stalled():
                    ended = f"{choices.patience} validations brought nothing better"
                    break
        except (KeyboardInterrupt, SystemExit):
            # In the midst of an update or a validation the last checkpoint is the better place.
            if self.learner.consistent and self.learner.done == settled:
                self._save()
            raise
        self._save()
        return self._finish(ended)

    def _is_due(self, every: int) -> bool:
        done = self.learner.done
        return done % every == 0 or done == self.configuration.steps

    def _has_stalled(self) -> bool:
        patience = self.configuration.patience * self.configuration.validate
        return bool(patience) and self.learner.done - self.best_step >= patience

    def _note(self, result: StepResult, speed: float, watch: Watch | None) -> None:
        done = self.learner.done
        entry = {"step": done, "loss": result.loss, **result.measures}
        entry |= {"gradient_norm": result.gradient_norm, "learning_rate": result.learning_rate}
        entry |= {"images_per_second": round(speed, 1), "saved_bytes": result.saved_bytes}
        self.folder.write(entry)
        found = self._validate() if self._is_due(self.configuration.validate) else None
        if watch is not None:
            steps = self.configuration.steps
            watch(Progress(done, steps, result.loss, result.measures, speed, found))

    def _validate(self) -> Validation | None:
        """Measure on held-out people; what is best so far is written at once."""
        found, model = self.held_out.measure(self.learner.best_parameters())
        if found is not None:
            self.folder.write({"step": self.learner.done, "validation": asdict(found)})
        if found is None or self.best is None or found.area > self.best.area:
            self.best, self.best_step = found, self.learner.done
            write_native(self.folder.best, model.parameters, model.card)
        return found

    def _save(self) -> None:
        record: dict[str, object] = {
            "done": self.learner.done,
            "best": None if self.best is None else asdict(self.best),
            "best_step": self.best_step,
            "at_a_point": self.detector.at_a_point,
            "at_the_margin": self.detector.at_the_margin,
        }
        write_record(self.folder.checkpoint, self.learner.rows(), record)

    def _restore(self) -> None:
        rows, record = read_record(self.folder.checkpoint)
        match record:
            case {
                "done": int(done),
                "best": best,
                "best_step": int(best_step),
                "at_a_point": int(at_a_point),
                "at_the_margin": int(at_the_margin),
            }:
                self.learner.restore(rows, done)
                self.best = Validation(**best) if isinstance(best, dict) else None
                self.best_step = best_step
                self.detector.at_a_point, self.detector.at_the_margin = at_a_point, at_the_margin
            case _:
                raise TrainingError(f"{self.folder.checkpoint} has a malformed record")
        self.folder.rewind(done)

    def _finish(self, ended: str) -> Trained:
        """The best model, as its file holds it."""
        card, network = self.model.card, self.model.network
        recipe = Recipe(card.architecture, card.variant, card.outputs, lambda: network)
        checkpoint = read_checkpoint(self.folder.best, (recipe,))
        best = Model(network, checkpoint.parameters, checkpoint.card or card)
        return Trained(best, self.best_step, self.best, ended)


def run_record(
    model: Model, choices: Configuration, about: Mapping[str, object]
) -> dict[str, object]:
    """What is written down of a run before it begins."""
    return {
        "fingerprint": model.fingerprint,
        "configuration": choices.as_json(),
        "about": dict(about),
        "npfacenet": __version__,
        "numpy": np.__version__,
    }
