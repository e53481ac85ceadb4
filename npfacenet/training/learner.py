"""One step of training: forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName, Tape, sole
from npfacenet.networks.flat_parameters import Vector
from npfacenet.threads.blas import single_threaded
from npfacenet.training.batch import Batch
from npfacenet.training.checks import require_kind, require_whole
from npfacenet.training.configuration import Configuration
from npfacenet.training.learning_parameters import learning_from
from npfacenet.training.objectives import Objective, combined_loss
from npfacenet.training.optimizers import blend, clip
from npfacenet.training.parameter_vector import ParameterVector


@dataclass(frozen=True)
class StepResult:
    """The results of a training step, computed before its update of the parameters.

    `measures` are those of the losses, such as an accuracy; `embeddings` (N, D) are the network's
    outputs; `saved_bytes` is the memory that was held for the backward pass.
    """

    loss: float
    measures: Mapping[str, float]
    gradient_norm: float
    learning_rate: float
    embeddings: Array
    saved_bytes: int


class Learner:
    """The state of a network that learns, and the training step.

    `vector` holds the trainable parameters, `slots` the optimizer's memory, `average` the moving
    average of the parameters (None without one), and `fixed` what has no gradient: frozen
    parameters, and the moving statistics, which each step replaces. A step splits its batch into
    `shards` parts, which up to `threads` threads work on; meanwhile NumPy's matrix products use
    one thread each.

    Raises ArgumentError for arguments of another type and for no objectives; ShapeError for
    parameters that are not the network's.
    """

    def __init__(
        self,
        network: Network[Outputs],
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
            raise ArgumentError(f"objectives are a list of one or more, not {quoted(objectives)}")
        for term in objectives:
            require_kind("an objective", term, Objective)
        network.require(parameters)
        self.network, self.objectives, self.configuration = network, objectives, configuration
        self.optimizer = configuration.build_optimizer()
        self.schedule = configuration.build_schedule()
        self.done = 0
        self.consistent = True  # False while an update is under way
        self.learning = learning_from(network, configuration.learn_from)
        specs = network.parameter_specs()
        # In the network's order: a set's order differs from process to process.
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
        """Stop the threads."""
        self._pool.shutdown()

    @property
    def parameters(self) -> dict[ParameterName, Array]:
        """The network's current parameters: views, which the next step changes."""
        return {**self.fixed, **self.vector.views}

    def best_parameters(self) -> dict[ParameterName, Array]:
        """Return copies of the parameters to keep: the average if there is one."""
        learnt = self.vector.split(self.vector.numbers if self.average is None else self.average)
        every = {**self.fixed, **learnt}
        return {name: np.array(every[name]) for name in self.network.parameter_specs()}

    def step(self, batch: Batch) -> StepResult:
        """Update the parameters by one batch.

        Raises TrainingError for a loss, gradient or statistics that are not finite; ArgumentError
        for a batch that a loss cannot use. Nothing has changed then.
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
            loss = combined_loss(self.objectives, parameters, embeddings, batch)
            ends = np.cumsum([len(part) for part in parts])[:-1]
            backward = partial(self._backward, parameters)
            shards = list(self._pool.map(backward, tapes, np.split(loss.to_embeddings, ends)))
            statistics = [tape.statistics for tape in tapes]
            self._gather([*shards, loss.to_heads])
            most = self.configuration.clip
            norm = clip(self._gradient, most if most > 0 else float("inf"))
        steady = all(np.isfinite(v).all() for shard in statistics for v in shard.values())
        if not (np.isfinite(loss.value) and np.isfinite(norm) and steady):
            raise TrainingError(
                f"step {self.done + 1}: the loss is {loss.value:g}, the gradient's norm {norm:g}; "
                "the weights from before this step are kept: begin a new run from them with a "
                "smaller learning rate, or clip"
            )
        self.consistent = False
        rate = self._update()
        self._replace_statistics(statistics)
        self.consistent = True
        return StepResult(loss.value, loss.measures, norm, rate, embeddings, saved)

    def state(self) -> dict[str, Vector]:
        """Return the vectors that a checkpoint stores; all but `fixed` are the learner's own."""
        vectors = {"numbers": self.vector.numbers}
        vectors |= {f"slot{i}": slot for i, slot in enumerate(self.slots)}
        if self.average is not None:
            vectors["average"] = self.average
        fixed = [np.zeros(0, np.float32), *(array.reshape(-1) for array in self.fixed.values())]
        return vectors | {"fixed": np.concatenate(fixed, dtype=np.float32)}

    def restore(self, state: Mapping[str, Vector], done: int) -> None:
        """Restore the state that `state()` returned after `done` steps.

        Raises TrainingError for the state of another network or configuration.
        """
        own = self.state()
        if {n: v.shape for n, v in own.items()} != {n: v.shape for n, v in state.items()}:
            raise TrainingError("the checkpoint is of another network or configuration")
        self.optimizer.require_slots([state[f"slot{i}"] for i in range(len(self.slots))])
        for name, vector in own.items():
            vector[:] = state[name]
        start = 0
        for parameter, values in self.fixed.items():
            self.fixed[parameter] = own["fixed"][start : start + values.size].reshape(values.shape)
            start += values.size
        self.done = done

    def _forward(
        self, parameters: NetworkParameters, shard: int, images: Array
    ) -> tuple[Array, Tape]:
        with np.errstate(all="ignore"):  # what overflows is refused with the loss
            output, tape = self.network.forward_saving(
                parameters,
                images,
                training=self.configuration.statistics == "batch",
                learning=self.learning,
                seed=(self.configuration.seed, self.done, shard),
            )
        return sole(output), tape

    def _backward(
        self, parameters: NetworkParameters, tape: Tape, upstream: Array
    ) -> dict[ParameterName, Array]:
        with np.errstate(all="ignore"):
            return self.network.backward(parameters, tape, upstream)[1]

    def _gather(self, found: Sequence[Mapping[ParameterName, Array]]) -> None:
        """Sum gradients into one vector, in the order of the shards, so that sums repeat."""
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
            # With the full decay, the first weights would dominate a young average for long.
            decay = min(self.configuration.average, self.done / (self.done + 10))
            blend(self.average, numbers, decay)
        return rate

    def _replace_statistics(self, shards: Sequence[Mapping[ParameterName, Array]]) -> None:
        for name in shards[0]:
            self.fixed[name] = np.mean([statistics[name] for statistics in shards], axis=0)
