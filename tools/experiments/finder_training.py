"""The training of the finder, step by step: the work of `train_finder.py`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
from finder_learner import THREADS, FinderLearner, Step
from finder_pool import EACH, Batch, NotMadeYetError, Pool

from npfacenet.checkpoints.state_files import read_state, write_state
from npfacenet.errors import TrainingError
from npfacenet.faces.finder import Finder
from npfacenet.faces.ready_network import ReadyNetwork
from npfacenet.layers import Array
from npfacenet.networks import ParameterName
from npfacenet.recipes.finder import STRIDES, npfacenet_finder
from npfacenet.training.batch import prefetched
from npfacenet.training.descent import Rule
from npfacenet.training.optimizers import Adam
from npfacenet.training.schedules import Cosine, WarmUp

RARE = -4.0  # the logit of a face at the beginning
PATIENCE = 0.5  # seconds between two looks for pictures that another process is making
EVERY = 100  # steps of a line in the log


@dataclass(frozen=True)
class Choices:
    """What determines a run, beside its pictures.

    A batch has `pictures` of the pool and `hard` of another one, of hard negatives. `first` files
    of the pool are used from the beginning, another one every `grow` steps. `landmarks` is the
    weight of their loss. `begin_from` is the checkpoint of another run, whose average is learnt
    from. Raises TrainingError for numbers with which there is nothing to learn.
    """

    steps: int = 24_000
    pictures: int = 16
    hard: int = 0
    files: int = 80
    hard_files: int = 0
    hard_folder: str = "hard"
    first: int = 8
    grow: int = 40
    learning_rate: float = 3e-3
    warm_up: int = 300
    weight_decay: float = 0.01
    clip: float = 10.0
    average: float = 0.998
    landmarks: float = 2.0
    seed: int = 36
    begin_from: str | None = None

    def __post_init__(self) -> None:
        least = {"pictures": THREADS, "hard": 0, "files": 1, "first": 1, "grow": 1}
        if self.hard:
            least["hard_files"] = 1
        for name, low in least.items():
            if getattr(self, name) < low:
                raise TrainingError(f"{name} is at least {low}, not {getattr(self, name)}")

    def rule(self) -> Rule:
        """Return how gradients change the parameters."""
        schedule = WarmUp(self.warm_up, Cosine(self.steps - self.warm_up, 0.005))
        return Rule(Adam(self.weight_decay), schedule, self.learning_rate, self.clip, self.average)


@dataclass(frozen=True)
class Batches:
    """Batch i follows from the seed and i alone."""

    pool: Pool
    hard: Pool
    choices: Choices

    def batch(self, number: int) -> Batch:
        """Draw a batch; NotMadeYetError if some of its pictures are still being made."""
        choices = self.choices
        rng = np.random.default_rng([choices.seed, number])
        files = min(choices.files, choices.first + number // choices.grow)
        parts = [self._some(self.pool, files, choices.pictures, rng)]
        if choices.hard:
            parts.append(self._some(self.hard, choices.hard_files, choices.hard, rng))
        order = rng.permutation(choices.pictures + choices.hard)
        labels = [each for part in parts for each in part.labels]
        pictures = np.concatenate([part.pictures for part in parts])
        return Batch(pictures[order], tuple(labels[i] for i in order))

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Return batches, read while those before them are learnt from; wait for their pictures."""
        told = False
        while start < stop:
            try:
                for batch in prefetched(self.batch, start, stop):
                    yield batch
                    start += 1
            except NotMadeYetError as missing:
                if not told:
                    print(f"waiting: {missing} (train_finder.py pictures, mine)", file=sys.stderr)
                told = True
                time.sleep(PATIENCE)  # here, where Ctrl-C ends it, and not in the reading thread

    @staticmethod
    def _some(pool: Pool, files: int, count: int, rng: np.random.Generator) -> Batch:
        return pool.batch(rng.integers(0, files * EACH, count), rng.random(count) < 0.5)


def beginning(seed: int) -> dict[ParameterName, Array]:
    """Return fresh parameters with which hardly any cell is a face, as hardly any is.

    Lin et al. 2017, "Focal Loss for Dense Object Detection", section 4.1.
    """
    parameters = npfacenet_finder().initialise(seed)
    for stride in STRIDES:
        parameters[f"cls_{stride}_logits", "bias"][:] = RARE
    return parameters


@dataclass
class Log:
    """Means over the steps since the last line; every hundredth step writes one, as JSON.

    A measure that a step lacks, because its batch has no face, does not count for it.
    """

    stream: TextIO
    seen: dict[str, list[float]] = field(default_factory=dict)
    steps: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, step: Step, done: int, pictures: int) -> None:
        """Add step number `done`, whose batch had so many pictures."""
        self.steps += 1
        for key, value in {"loss": step.loss, "norm": step.gradient_norm, **step.measures}.items():
            self.seen.setdefault(key, []).append(value)
        if done % EVERY:
            return
        speed = self.steps * pictures / (time.perf_counter() - self.started)
        means = {key: round(sum(some) / len(some), 4) for key, some in self.seen.items()}
        line = {"step": done, **means, "pictures_per_second": round(speed, 1)}
        print(json.dumps(line), file=self.stream, flush=True)
        self.seen, self.steps, self.started = {}, 0, time.perf_counter()


def train(run: Path, choices: Choices, name: str = "finder", save: int = 500) -> None:
    """Train, or continue the run; the log is `NAME.jsonl`, the checkpoint `NAME.h5`.

    Raises TrainingError for a checkpoint of other choices, and for a loss that is not finite.
    """
    checkpoint = run / f"{name}.h5"
    batches = Batches(Pool(run / "pictures"), Pool(run / choices.hard_folder), choices)
    fresh = beginning(choices.seed)
    with closing(FinderLearner(fresh, choices.rule(), choices.landmarks)) as learner:
        if checkpoint.exists():
            _restore(checkpoint, learner, choices)
        elif choices.begin_from is not None:
            _begin_from(run / choices.begin_from, learner)
        with (run / f"{name}.jsonl").open("a", encoding="utf-8") as stream:
            log = Log(stream)
            for batch in batches.batches(learner.done, choices.steps):
                step = learner.step(batch)
                log.add(step, learner.done, len(batch.labels))
                if learner.done % save == 0 or learner.done == choices.steps:
                    record = {"done": learner.done, "choices": asdict(choices)}
                    write_state(checkpoint, learner.state(), record)


def parameters_of(run: Path, name: str) -> dict[ParameterName, Array]:
    """Return the averaged parameters of a run's last checkpoint; TrainingError for another file."""
    rows, record = read_state(run / f"{name}.h5")
    if type(done := record.get("done")) is not int:
        raise TrainingError(f"{run / name}.h5 has a malformed record")
    with closing(FinderLearner(beginning(0), Choices().rule())) as learner:
        learner.restore(rows, done)
        return {key: np.array(value) for key, value in learner.averaged().items()}


def finder_of(run: Path, name: str) -> Finder:
    """Return the detector with those parameters."""
    return Finder(ReadyNetwork(npfacenet_finder(), parameters_of(run, name)))


def _begin_from(checkpoint: Path, learner: FinderLearner) -> None:
    """Learn from the averaged parameters of another run, with a new memory and average."""
    rows, _ = read_state(checkpoint)
    learner.vector.numbers[:] = rows["average"]
    learner.restore({**learner.state(), "fixed": rows["fixed"]}, 0)
    learner.average = learner.vector.numbers.copy()


def _restore(checkpoint: Path, learner: FinderLearner, choices: Choices) -> None:
    rows, record = read_state(checkpoint)
    if record.get("choices") != asdict(choices) or type(done := record.get("done")) is not int:
        raise TrainingError(f"{checkpoint} is of a run with other choices: give it another name")
    learner.restore(rows, done)
