"""Training from the first step to the last, or from where it was left off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np

from npfacenet import __version__
from npfacenet.checkpoints.native import write_native
from npfacenet.checkpoints.placing import Report
from npfacenet.checkpoints.reading import read_checkpoint
from npfacenet.checkpoints.records import read_record, write_record
from npfacenet.errors import ArgumentError, TrainingError
from npfacenet.images import preprocessing
from npfacenet.inference.blas import threads as threads_to_use
from npfacenet.losses import OnlineTripletLoss
from npfacenet.models import Model
from npfacenet.recipes import Recipe
from npfacenet.training.collapse import CollapseDetector
from npfacenet.training.configuration import Configuration
from npfacenet.training.feed import Feed
from npfacenet.training.held_out import HeldOut
from npfacenet.training.learner import Learner, StepResult
from npfacenet.training.objectives import MININGS, Objective, objectives, parse, triplet_margin
from npfacenet.training.pictures import IdentityFolder, PictureStore
from npfacenet.training.run_folder import RunFolder
from npfacenet.training.sampling import IdentitySampler
from npfacenet.training.validation import Validation, hold_out


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


def train(
    model: Model,
    pictures: str | os.PathLike[str] | IdentityFolder,
    run_folder: str | os.PathLike[str],
    configuration: Configuration | None = None,
    *,
    teacher: Model | None = None,
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    threads: int | None = None,
    watch: Watch | None = None,
    reading: Report | None = None,
) -> Trained:
    """Train a model on a folder of identities; what happens is written to `run_folder`.

    `model` is what training begins with: a loaded one, or one with fresh parameters.
    `pictures` is a folder that holds NAME/*.jpg. With `resume` a run goes on from its last
    checkpoint, with the same model, pictures and configuration: on one machine, NumPy and BLAS
    it comes to the same bits as a run that was never interrupted. `teacher` is for
    distillation. `about` is written down with the configuration. `threads` (default: the cores,
    or NPFACENET_THREADS) says how many shards are worked on at a time. While a step runs,
    NumPy's matrix products are kept to one thread each in the whole process. `watch` is told
    of every step, `reading` of the reading of pictures.

    Returns the best model by validation, or the last where nobody is held out. An interrupt
    writes a checkpoint first. Raises TrainingError for pictures that nothing can be learnt
    from, for a loss that is not finite and for a collapse; ArgumentError for choices that do
    not fit; OutputError for a folder that cannot be written. The last checkpoint and the best
    weights stay.
    """
    run = _Run(model, pictures, RunFolder(run_folder), configuration or Configuration(), teacher)
    run.prepare(resume, about or {}, reading, threads_to_use(threads))
    try:
        return run.go(watch)
    finally:
        run.learner.close()


class _Run:
    """A run under way."""

    def __init__(
        self,
        model: Model,
        pictures: str | os.PathLike[str] | IdentityFolder,
        folder: RunFolder,
        configuration: Configuration,
        teacher: Model | None,
    ) -> None:
        self.model, self.folder, self.configuration = model, folder, configuration
        self.teacher = teacher
        whole = pictures if isinstance(pictures, IdentityFolder) else IdentityFolder.of(pictures)
        if {parse(text)[0] for text in configuration.loss} <= set(MININGS):
            whole = whole.with_at_least(2)  # others would be read for nothing
        learn, held = hold_out(whole.labels, configuration.held_out, configuration.seed)
        if configuration.patience and not held:
            raise ArgumentError(
                "patience needs people to validate on: hold out a larger share, of more people"
            )
        self.people = whole.subset(learn)
        self.pictures = whole.digest
        self.held_out = HeldOut(model, whole.subset(held), self.people, configuration)
        self.best: Validation | None = None
        self.best_step = 0

    def prepare(
        self, resume: bool, about: Mapping[str, object], reading: Report | None, threads: int
    ) -> None:
        """Check everything that can be wrong, before the first step."""
        choices, card = self.configuration, self.model.card
        terms = objectives(choices.loss, choices.margin, card.outputs, len(self.people.names))
        sampler = self._sampler(terms)
        self.learner = Learner(
            self.model.network, self.model.parameters, terms, choices, threads=threads
        )
        self.detector = CollapseDetector(triplet_margin(terms))
        largest = max(card.input_size, self.teacher.card.input_size if self.teacher else 0)
        store = PictureStore(self.people.paths, choices.crop, largest)
        self.feed = Feed(
            store, sampler, choices.augmentation, card.input_size,
            preprocessing(card.preprocessing), choices.seed, self.teacher,
        )  # fmt: skip
        record: dict[str, object] = {
            "fingerprint": self.model.fingerprint,
            "configuration": choices.as_json(),
            "pictures": self.pictures,
            "teacher": None if self.teacher is None else self.teacher.fingerprint,
            "about": dict(about),
            "npfacenet": __version__,
            "numpy": np.__version__,
        }
        if resume:
            self.folder.require_same(record)
        store.read_all(reading)
        self.held_out.store.read_all(reading)
        if resume:
            self._restore()
        else:
            self.folder.begin(record)
            self._validate()
            self._save()

    def _sampler(self, terms: Sequence[Objective]) -> IdentitySampler:
        choices = self.configuration
        if any(term.targets == "teacher" for term in terms) != (self.teacher is not None):
            raise ArgumentError("distillation needs a teacher, and only distillation takes one")
        mines = any(isinstance(term.loss, OnlineTripletLoss) for term in terms)
        if mines and choices.pictures < 2:
            raise ArgumentError("triplets need 2 pictures of each identity or more, not 1")
        return IdentitySampler(
            self.people.labels, choices.identities, choices.pictures, 2 if mines else 1,
            choices.seed,
        )  # fmt: skip

    def go(self, watch: Watch | None) -> Trained:
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
