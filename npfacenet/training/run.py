"""A training run: its steps, validations, checkpoints and result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from typing import Protocol

from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.errors import TrainingError, WeightsError
from npfacenet.models import Model
from npfacenet.networks import NetworkParameters
from npfacenet.recipes.preparation import Preparation
from npfacenet.training.batch import Batches
from npfacenet.training.collapse import CollapseDetector, decline
from npfacenet.training.configuration import Configuration
from npfacenet.training.learner import Learner, StepResult
from npfacenet.training.objectives import triplet_margin
from npfacenet.training.run_checkpoint import restore_checkpoint, save_checkpoint
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.run_reports import StepReport, Trained, Watch
from npfacenet.training.validation import Split, Validation
from npfacenet.training.validation_history import ValidationHistory

_log = logging.getLogger(__name__)


class Measure(Protocol):
    """A measure of how good a network is; `HeldOut` is one."""

    def measure(self, parameters: NetworkParameters) -> tuple[Validation | None, Model]:
        """Return the rates with these parameters, and a model whose card states them."""

    def look(self, model: Model) -> Validation | None:
        """Return rates on people who are learnt from, for when nobody is held out."""

    @property
    def pairs(self) -> int:
        """The number of genuine pairs of held-out people."""

    @property
    def preparation(self) -> Preparation:
        """The preparation of pictures that the card of a trained model states."""


class Run:
    """A training run: a learner, its batches, a measure of success, and the run's folder.

    `model` is the model that training begins with.
    """

    def __init__(
        self,
        model: Model,
        learner: Learner,
        batches: Batches,
        held_out: Measure,
        folder: RunFolder,
    ) -> None:
        self.model, self.learner, self.batches = model, learner, batches
        self.held_out, self.folder = held_out, folder
        self.detector = CollapseDetector(triplet_margin(learner.objectives))
        self.history = ValidationHistory()

    @property
    def configuration(self) -> Configuration:
        """The choices that the run was begun with."""
        return self.learner.configuration

    def train(
        self,
        record: Mapping[str, object],
        *,
        resume: bool,
        watch: Watch | None,
        split: Split | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> Trained:
        """Begin the run and write down `record`, or resume it; return the result.

        `ready` is called before the first step, after every check that the run can be made. Raises
        TrainingError and OutputError as `npfacenet.training.train`.
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
        """Train until the last step, or until validations stop improving."""
        choices = self.configuration
        ended = f"all {choices.steps} steps were made"
        settled = self.learner.done
        try:
            before = time.perf_counter()
            for batch in self.batches.batches(self.learner.done, choices.steps):
                result = self.learner.step(batch)
                now = (
                    time.perf_counter()
                )  # includes the wait for the batch, which may be the slow part
                self._note(result, len(batch.images) / (now - before), watch)
                before = time.perf_counter()
                if said := self.detector.see(result.embeddings, result.loss):
                    raise self._collapse(said)
                settled = self.learner.done
                if self._is_due(choices.save):
                    self._save()
                if said := self.history.lasting(settled):
                    raise self._collapse(said)
                if self._has_stalled():
                    ended = f"{choices.patience} validations brought nothing better"
                    break
        except (KeyboardInterrupt, SystemExit):
            # During an update or a validation, the last checkpoint is the one to resume from.
            if self.learner.consistent and self.learner.done == settled:
                self._save()
            raise
        self._save()
        if said := self.history.ruin:
            raise self._collapse(said)
        return self._finish(ended)

    def _collapse(self, said: str) -> TrainingError:
        """Return the error for a network that has collapsed."""
        step = self.history.best_step
        best = "the best weights, those" if self.history.best else "the weights"
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
        return bool(patience) and self.learner.done - self.history.best_step >= patience

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
        """Validate on held-out people, and write the weights if they are the best so far.

        If nobody is held out, the weights are always written. Ruined weights never are.
        """
        done, history = self.learner.done, self.history
        try:
            found, seen, model = self._measured()
        except WeightsError as error:
            if done:
                raise self._collapse(str(error)) from error
            raise
        history.see(done, seen)
        if found is not None:
            self.folder.write({"step": done, "validation": asdict(found)})
        better = history.best is None or (found is not None and found.area > history.best.area)
        if better and history.ruin is None:
            history.best, history.best_step = found, done
            write_native(self.folder.best, model.network, model.parameters, model.card)
        return found

    def _measured(self) -> tuple[Validation | None, Validation | None, Model]:
        """Return the rates on held-out people, those that would show a collapse, and the model."""
        found, model = self.held_out.measure(self.learner.best_parameters())
        try:
            return found, self.held_out.look(model) if found is None else found, model
        except WeightsError:
            if self.learner.done:
                raise
            return None, None, model  # an untrained network may still learn

    def _save(self) -> None:
        save_checkpoint(self.folder, self.learner, self.history, self.detector)

    def _restore(self) -> None:
        """Restore the last checkpoint, and make sure that the best weights can be read."""
        self.history = restore_checkpoint(
            self.folder, self.learner, self.detector, held_out=self.held_out.pairs > 0
        )
        best, preparation = self._best(), self.held_out.preparation
        if best.card.preparation != preparation:  # older versions did not state a crop
            card = replace(best.card, preparation=preparation)
            write_native(self.folder.best, best.network, best.parameters, card)
        self.folder.rewind(self.learner.done)

    def _best(self) -> Model:
        """Read the best model from its file."""
        card, network = self.model.card, self.model.network
        recipe = card.recipe_of(network)
        try:
            checkpoint = read_checkpoint(self.folder.best, (recipe,))
        except WeightsError as error:
            raise TrainingError(
                f"the best weights of the run cannot be used: {error}; put {self.folder.best} "
                "back, or begin a new run in another folder"
            ) from error
        return Model(
            network, checkpoint.parameters, checkpoint.card if checkpoint.own_card else card
        )

    def _finish(self, ended: str) -> Trained:
        history = self.history
        first, last = history.first, history.last
        remarks = []
        if history.best is not None and not history.best_step and self.learner.done:
            remarks.append(
                "no validation was better than the first: the weights that training "
                "began with are kept"
            )
        if first is not None and last is not None and (said := decline(first, last)):
            remarks.append(said if history.best else f"{said}, on people who are learnt from")
        for remark in remarks:
            _log.warning("%s: %s", self.folder.path, remark)
        return Trained(
            self._best(), history.best_step, history.best, ended, first, last, tuple(remarks)
        )
