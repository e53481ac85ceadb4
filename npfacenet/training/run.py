"""A training run under way: step after step, what is noted, saved and kept."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Protocol

import numpy as np

from npfacenet import __version__
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.checkpoints.state_files import read_record, write_record
from npfacenet.errors import ArgumentError, TrainingError, WeightsError, quoted
from npfacenet.models import Model
from npfacenet.networks import NetworkParameters
from npfacenet.recipes import Recipe
from npfacenet.training.checks import require_whole
from npfacenet.training.collapse import CollapseDetector, decline
from npfacenet.training.configuration import Configuration
from npfacenet.training.learner import Batch, Learner, StepResult
from npfacenet.training.objectives import triplet_margin
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import StepReport, Trained, Watch
from npfacenet.training.validation import Split, Validation
from npfacenet.training.validation_history import ValidationHistory, history_from_json

_log = logging.getLogger(__name__)


class Batches(Protocol):
    """What a run learns from."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches with these numbers; each always the same."""


class Measure(Protocol):
    """What says how good a network is."""

    def measure(self, parameters: NetworkParameters) -> tuple[Validation | None, Model]:
        """The rates with these parameters, and a model of them whose card says so."""

    def look(self, model: Model) -> Validation | None:
        """Rates on people who are learnt from, where nobody is held out."""

    @property
    def pairs(self) -> int:
        """How many genuine pairs of held-out people there are."""


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
        self.standing = ValidationHistory()

    @property
    def configuration(self) -> Configuration:
        """What was asked for."""
        return self.learner.configuration

    def made(
        self,
        record: Mapping[str, object],
        *,
        resume: bool,
        watch: Watch | None,
        split: Split | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> Trained:
        """Make the run from its beginning, where `record` is written down, or go on with it.

        `ready` is called before the first step, once it is known that the run can be made.
        """
        with closing(self.learner):
            if resume:
                self.folder.require_begun()
                with self.folder.locked():
                    self.folder.require_same(record)
                    self._restore()
                    ready()
                    return self._go(watch)
            self.folder.require_new()
            ready()
            self.folder.make()
            with self.folder.locked():
                self.folder.require_new()
                self.folder.begin(record)
                if split is not None:
                    people = {"learnt": split.learnt, "held_out": split.held_out}
                    self.folder.write({"step": 0, "people": people, "pairs": split.pairs})
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
                    raise self._collapse(said)
                settled = self.learner.done
                if self._is_due(choices.save):
                    self._save()
                if said := self.standing.lasting(settled):
                    raise self._collapse(said)
                if self._has_stalled():
                    ended = f"{choices.patience} validations brought nothing better"
                    break
        except (KeyboardInterrupt, SystemExit):
            # In the midst of an update or a validation the last checkpoint is the better place.
            if self.learner.consistent and self.learner.done == settled:
                self._save()
            raise
        self._save()
        if said := self.standing.ruin:
            raise self._collapse(said)
        return self._finish(ended)

    def _collapse(self, said: str) -> TrainingError:
        """What is raised when the network has collapsed."""
        step = self.standing.best_step
        best = "the best weights, those" if self.standing.best else "the weights"
        kept = f"{best} of step {step}" if step else "the weights that it began with"
        return TrainingError(
            f"step {self.learner.done}: {said}; {self.folder.best} keeps {kept}: begin a new run "
            "with a smaller learning rate, more identities in a batch, or semi-hard triplets"
        )

    def _is_due(self, every: int) -> bool:
        done = self.learner.done
        return done % every == 0 or done == self.configuration.steps

    def _has_stalled(self) -> bool:
        patience = self.configuration.patience * self.configuration.validate
        return bool(patience) and self.learner.done - self.standing.best_step >= patience

    def _note(self, result: StepResult, speed: float, watch: Watch | None) -> None:
        done = self.learner.done
        entry = {"step": done, "loss": result.loss, **result.measures}
        entry |= {"gradient_norm": result.gradient_norm, "learning_rate": result.learning_rate}
        entry |= {"images_per_second": round(speed, 1), "saved_bytes": result.saved_bytes}
        self.folder.write(entry)
        found = self._validate() if self._is_due(self.configuration.validate) else None
        if watch is not None:
            steps = self.configuration.steps
            watch(StepReport(done, steps, result.loss, result.measures, speed, found))

    def _validate(self) -> Validation | None:
        """Measure on held-out people; what is best so far is written at once.

        Ruined weights are not kept. Where nobody is held out, all others are.
        """
        done, standing = self.learner.done, self.standing
        try:
            found, seen, model = self._measured()
        except WeightsError as error:
            if done:
                raise self._collapse(str(error)) from error
            raise
        standing.see(done, seen)
        if found is not None:
            self.folder.write({"step": done, "validation": asdict(found)})
        better = standing.best is None or (found is not None and found.area > standing.best.area)
        if better and standing.ruin is None:
            standing.best, standing.best_step = found, done
            write_native(self.folder.best, model.parameters, model.card)
        return found

    def _measured(self) -> tuple[Validation | None, Validation | None, Model]:
        """The rates on held-out people; those that a collapse shows in; and the model."""
        found, model = self.held_out.measure(self.learner.best_parameters())
        try:
            return found, self.held_out.look(model) if found is None else found, model
        except WeightsError:
            if self.learner.done:
                raise
            return None, None, model  # what it begins with may still become a network

    def _save(self) -> None:
        record: dict[str, object] = {
            "done": self.learner.done,
            "standing": self.standing.as_json(),
            "at_a_point": self.detector.at_a_point,
            "at_the_margin": self.detector.at_the_margin,
            "configuration": self.configuration.as_json(),
        }
        write_record(self.folder.checkpoint, self.learner.rows(), record)

    def _restore(self) -> None:
        """Restore the last checkpoint, and make sure that the best weights can be read."""
        rows, record = read_record(self.folder.checkpoint)
        self._require_same_choices(record.get("configuration"))
        try:
            done = require_whole("done", record.get("done"), 0, self.configuration.steps)
            point, margin = (
                require_whole(name, record.get(name), 0, done)
                for name in ("at_a_point", "at_the_margin")
            )
            standing = history_from_json(record.get("standing"), done)
            if (standing.best is None) != (self.held_out.pairs == 0):
                raise ArgumentError("it was validated on other people")
        except ArgumentError as error:
            raise TrainingError(
                f"{self.folder.checkpoint} has a malformed record: {error}; put the file back that "
                "the run wrote, or begin a new run"
            ) from error
        self.learner.restore(rows, done)
        self.standing = standing
        self.detector.at_a_point, self.detector.at_the_margin = point, margin
        self._best()
        self.folder.rewind(done)

    def _require_same_choices(self, before: object) -> None:
        """Raise TrainingError if the file of choices was changed since the checkpoint."""
        choices = json.loads(json.dumps(self.configuration.as_json()))
        if not isinstance(before, dict):
            return  # older checkpoints do not say
        for name in {**before, **choices}:
            if before.get(name) != choices.get(name):
                raise TrainingError(
                    f"{self.folder.configuration} was changed since the run began: {name} is "
                    f"{quoted(choices.get(name))} there, and was {quoted(before.get(name))}; put "
                    "the file back that the run wrote, or begin a new run"
                )

    def _best(self) -> Model:
        """The best model, as its file holds it."""
        card, network = self.model.card, self.model.network
        recipe = Recipe(card.architecture, card.variant, card.outputs, lambda: network)
        try:
            checkpoint = read_checkpoint(self.folder.best, (recipe,))
        except WeightsError as error:
            raise TrainingError(
                f"the best weights of the run cannot be used: {error}; put {self.folder.best} "
                "back, or begin a new run in another folder"
            ) from error
        return Model(network, checkpoint.parameters, checkpoint.card or card)

    def _finish(self, ended: str) -> Trained:
        standing = self.standing
        first, last = standing.first, standing.last
        remarks = []
        if standing.best is not None and not standing.best_step and self.learner.done:
            remarks.append(
                "no validation was better than the first: the weights that training "
                "began with are kept"
            )
        if first is not None and last is not None and (said := decline(first, last)):
            remarks.append(said if standing.best else f"{said}, on people who are learnt from")
        for remark in remarks:
            _log.warning("%s: %s", self.folder.path, remark)
        return Trained(
            self._best(), standing.best_step, standing.best, ended, first, last, tuple(remarks)
        )


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
