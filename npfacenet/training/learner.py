"""One step of training: forward, loss, backward, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from npfacenet.errors import ArgumentError, quoted
from npfacenet.layers import Array
from npfacenet.networks import Network, NetworkParameters, Outputs, ParameterName, Tape, sole
from npfacenet.threads.blas import single_threaded
from npfacenet.training.batch import Batch
from npfacenet.training.checks import require_kind, require_whole
from npfacenet.training.configuration import Configuration
from npfacenet.training.descent import Descent
from npfacenet.training.learning_parameters import learning_from
from npfacenet.training.objectives import Objective, combined_loss


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


class Learner(Descent):
    """The state of a network that learns, and the training step.

    A step splits its batch into `shards` parts, which up to `threads` threads work on; meanwhile
    NumPy's matrix products use one thread each.

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
        self.learning = learning_from(network, configuration.learn_from)
        specs = network.parameter_specs()
        # In the network's order: a set's order differs from process to process.
        learnt = {n: spec for n, spec in specs.items() if n in self.learning}
        values = dict(parameters)
        for term in objectives:
            if term.head is not None:
                learnt |= term.head.parameter_specs()
                values |= term.head.initialise(configuration.seed)
        fixed = {n: parameters[n] for n in specs if n not in self.learning}
        super().__init__(learnt, values, fixed, configuration.build_rule())
        self._pool = ThreadPoolExecutor(min(threads, configuration.shards), "npfacenet-shard")

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()

    def best_parameters(self) -> dict[ParameterName, Array]:
        """Return copies of the network's parameters to keep: the average if there is one."""
        every = self.averaged()
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
            norm = self.gather([*shards, loss.to_heads])
        self.require_finite(loss.value, norm, statistics)
        rate = self.update(statistics)
        return StepResult(loss.value, loss.measures, norm, rate, embeddings, saved)

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
