"""One step of training: forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, ParameterName, Tape
from npfacenet.networks.flat_parameters import Vector
from npfacenet.threads.blas import single_threaded
from npfacenet.training.checks import require_kind, require_whole
from npfacenet.training.configuration import Configuration
from npfacenet.training.objectives import Objective
from npfacenet.training.optimizers import blend, clip
from npfacenet.training.parameter_vector import ParameterVector


@dataclass(frozen=True)
class Batch:
    """Prepared pictures (N, S, S, 3) and what is to be learnt from them.

    `identities` (N,) are numbers; `teacher` (N, D) are another model's embeddings of the same
    views, where they are needed.
    """

    images: npt.NDArray[np.float32]
    identities: npt.NDArray[np.intp]
    teacher: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class StepResult:
    """What a step came to: the loss and what it is made of, before the update."""

    loss: float
    measures: Mapping[str, float]
    gradient_norm: float
    learning_rate: float
    embeddings: Array
    saved_bytes: int


class Learner:
    """A network's numbers while it learns: `vector`, `fixed`, the optimizer's `slots`, `average`.

    `fixed` holds what no gradient moves: frozen parameters, and the moving statistics, which
    steps replace. Each step works on `shards` parts of the batch, in as many threads as there
    are up to `threads`, while NumPy's matrix products are kept to one thread each.
    """

    def __init__(
        self,
        network: Network,
        parameters: NetworkParameters,
        objectives: Sequence[Objective],
        configuration: Configuration,
        *,
        threads: int = 1,
    ) -> None:
        require_kind("the network", network, Network)
        require_kind("the parameters", parameters, Mapping)
        require_kind("the configuration", configuration, Configuration)
        require_whole("threads", threads, 1, 10_000)
        if not isinstance(objectives, (tuple, list)) or not objectives:
            raise ArgumentError(
                f"what is learnt is at least one objective, not {quoted(objectives)}"
            )
        for term in objectives:
            require_kind("what is learnt", term, Objective)
        network.require(parameters)
        self.network, self.objectives, self.configuration = network, objectives, configuration
        self.optimizer = configuration.build_optimizer()
        self.schedule = configuration.build_schedule()
        self.done = 0
        self.consistent = True  # False while an update is under way
        self.learning = learning_from(network, configuration.learn_from)
        specs = network.parameter_specs()
        # In the order of the network: that of a set differs from process to process.
        learnt = {n: spec for n, spec in specs.items() if n in self.learning}
        values = dict(parameters)
        for term in objectives:
            if term.head is not None:
                learnt |= term.head.parameter_specs()
                values |= term.head.initialise(configuration.seed)
        self.vector = ParameterVector(learnt, values)
        self.fixed = {n: np.array(parameters[n]) for n in specs if n not in self.learning}
        size = len(self.vector.numbers)
        self.slots = [np.zeros(size, np.float32) for _ in range(self.optimizer.slots)]
        self.average = self.vector.numbers.copy() if configuration.average else None
        self._gradient: Vector = np.empty(size, np.float32)
        self._pool = ThreadPoolExecutor(min(threads, configuration.shards), "npfacenet-shard")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    @property
    def parameters(self) -> dict[ParameterName, Array]:
        """The network's parameters as they are: views, which the next step changes."""
        return {**self.fixed, **self.vector.views}

    def best_parameters(self) -> dict[ParameterName, Array]:
        """Copies of the parameters to be used: the average where there is one."""
        learnt = self.vector.split(self.vector.numbers if self.average is None else self.average)
        every = {**self.fixed, **learnt}
        return {name: np.array(every[name]) for name in self.network.parameter_specs()}

    def step(self, batch: Batch) -> StepResult:
        """Learn from one batch.

        Raises TrainingError, before anything is changed, for a loss or gradient that is not
        finite; ArgumentError for a batch that a loss finds nothing in.
        """
        parameters = self.parameters
        with single_threaded(), np.errstate(all="ignore"):  # what overflows is refused below
            count = min(self.configuration.shards, len(batch.images))
            parts = np.array_split(batch.images, count)
            forward = partial(self._forward, parameters)
            taped = list(self._pool.map(forward, range(count), parts))
            embeddings = np.concatenate([output for output, _ in taped])
            tapes = [tape for _, tape in taped]
            saved = sum(tape.nbytes for tape in tapes)
            value, upstream, gradients, measures = self._loss(parameters, embeddings, batch)
            ends = np.cumsum([len(part) for part in parts])[:-1]
            backward = partial(self._backward, parameters)
            found = list(self._pool.map(backward, tapes, np.split(upstream, ends)))
            statistics = [tape.statistics for tape in tapes]
            self._gather([*found, gradients])
            most = self.configuration.clip
            norm = clip(self._gradient, most if most > 0 else float("inf"))
        steady = all(np.isfinite(v).all() for shard in statistics for v in shard.values())
        if not (np.isfinite(value) and np.isfinite(norm) and steady):
            raise TrainingError(
                f"step {self.done + 1}: the loss is {value:g}, the gradient's norm {norm:g}; "
                "the weights from before this step are kept: begin a new run from them with a "
                "smaller learning rate, or clip"
            )
        self.consistent = False
        rate = self._update()
        self._replace_statistics(statistics)
        self.consistent = True
        return StepResult(value, measures, norm, rate, embeddings, saved)

    def rows(self) -> dict[str, Vector]:
        """All that a checkpoint needs, as rows of numbers; but for `fixed` the learner's own."""
        rows = {"numbers": self.vector.numbers}
        rows |= {f"slot{i}": slot for i, slot in enumerate(self.slots)}
        if self.average is not None:
            rows["average"] = self.average
        fixed = [np.zeros(0, np.float32), *(array.reshape(-1) for array in self.fixed.values())]
        return rows | {"fixed": np.concatenate(fixed, dtype=np.float32)}

    def restore(self, rows: Mapping[str, Vector], done: int) -> None:
        """Restore the state that `rows` gave after `done` steps.

        Raises TrainingError for rows of another network or configuration.
        """
        own = self.rows()
        if {n: r.shape for n, r in own.items()} != {n: r.shape for n, r in rows.items()}:
            raise TrainingError("the checkpoint is of another network or configuration")
        self.optimizer.require_slots([rows[f"slot{i}"] for i in range(len(self.slots))])
        for name, row in own.items():
            row[:] = rows[name]
        start = 0
        for parameter, values in self.fixed.items():
            self.fixed[parameter] = own["fixed"][start : start + values.size].reshape(values.shape)
            start += values.size
        self.done = done

    def _forward(
        self, parameters: NetworkParameters, shard: int, images: Array
    ) -> tuple[Array, Tape]:
        with np.errstate(all="ignore"):  # what overflows is refused with the loss
            return self.network.forward_saving(
                parameters,
                images,
                training=self.configuration.statistics == "batch",
                learning=self.learning,
                seed=(self.configuration.seed, self.done, shard),
            )

    def _backward(
        self, parameters: NetworkParameters, tape: Tape, upstream: Array
    ) -> dict[ParameterName, Array]:
        with np.errstate(all="ignore"):
            return self.network.backward(parameters, tape, upstream)[1]

    def _loss(
        self, parameters: NetworkParameters, embeddings: Array, batch: Batch
    ) -> tuple[float, Array, dict[ParameterName, Array], dict[str, float]]:
        """The sum of all terms, its gradients by the embeddings and by the heads' parameters."""
        total, upstream = 0.0, np.zeros_like(embeddings)
        gradients: dict[ParameterName, Array] = {}
        measures: dict[str, float] = {}
        for term in self.objectives:
            outputs, tape = embeddings, None
            if term.head is not None:
                outputs, tape = term.head.forward_saving(parameters, embeddings, to_image=True)
            targets = batch.identities if term.targets == "identities" else batch.teacher
            if targets is None:
                raise ArgumentError(f"{term.name} needs a teacher's embeddings in each batch")
            if not np.isfinite(outputs).all():
                return float("nan"), upstream, gradients, measures
            result = term.loss.value_and_gradient(outputs, targets)
            total += term.weight * result.value
            gradient: Array | None = np.asarray(term.weight * result.gradient, embeddings.dtype)
            if term.head is not None and tape is not None and gradient is not None:
                gradient, to_head = term.head.backward(parameters, tape, gradient)
                gradients |= to_head
            upstream = upstream if gradient is None else upstream + gradient
            for name, value in result.measures.items():
                measures[f"{term.name} {name}" if name in measures else name] = value
        return total, upstream, gradients, measures

    def _gather(self, found: Sequence[Mapping[ParameterName, Array]]) -> None:
        """Add up gradients, shard after shard so that sums repeat, into the row."""
        self._gradient[:] = 0
        views = self.vector.split(self._gradient)
        for gradients in found:
            for name, gradient in gradients.items():
                views[name] += gradient

    def _update(self) -> float:
        rate = self.configuration.learning_rate * self.schedule.factor(self.done)
        self.done += 1
        numbers = self.vector.numbers
        self.optimizer.update(
            numbers, self._gradient, self.slots,
            step=self.done, rate=rate, decaying=self.vector.decaying,
        )  # fmt: skip
        if self.average is not None:
            # A young average would be of the first weights for long.
            decay = min(self.configuration.average, self.done / (self.done + 10))
            blend(self.average, numbers, decay)
        return rate

    def _replace_statistics(self, shards: Sequence[Mapping[ParameterName, Array]]) -> None:
        for name in shards[0]:
            self.fixed[name] = np.mean([statistics[name] for statistics in shards], axis=0)


def learning_from(network: Network, first: str | None) -> frozenset[ParameterName]:
    """The trainable parameters of a layer or block and of all that comes after it.

    Raises ArgumentError for a name that the network does not have.
    """
    require_kind("the network", network, Network)
    names = [node.name for node in network.nodes]
    blocks = [node.block for node in network.nodes]
    if first is None:
        start = 0
    elif not isinstance(first, str):
        raise ArgumentError(f"learning begins at a layer or a block, not at {quoted(first)}")
    elif first and first in blocks:
        start = blocks.index(first)
    elif first in names:
        start = names.index(first)
    else:
        there = ", ".join(
            dict.fromkeys(block or name for name, block in zip(names, blocks, strict=True))
        )
        raise ArgumentError(
            f"{network.name} has no layer or block {quoted(first)}; there are {there}"
        )
    learning = frozenset(
        (node.name, name)
        for node in network.nodes[start:]
        for name, spec in node.parameters.items()
        if spec.trainable
    )
    if not learning:
        raise ArgumentError(f"nothing in {network.name} learns from {quoted(first)} on")
    return learning
