"""Following gradients: the parameters that learn, and what an optimizer keeps of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from npfacenet.errors import TrainingError
from npfacenet.layers import Array, ParameterSpec
from npfacenet.networks import NetworkParameters, ParameterName
from npfacenet.networks.flat_parameters import Vector
from npfacenet.training.optimizers import Optimizer, blend, clip
from npfacenet.training.parameter_vector import ParameterVector
from npfacenet.training.schedules import Schedule


@dataclass(frozen=True)
class Rule:
    """How a gradient changes the parameters.

    `learning_rate` is multiplied by the schedule's factor. A gradient whose norm is above `clip` is
    scaled down to it (0: no limit). `average` is the decay of the moving average of the
    parameters (0: none).
    """

    optimizer: Optimizer
    schedule: Schedule
    learning_rate: float
    clip: float = 0.0
    average: float = 0.0


class Descent:
    """Parameters that follow their gradients, step by step.

    `vector` holds the trainable parameters, `slots` the optimizer's memory, `average` the moving
    average of the parameters (None without one), and `fixed` what has no gradient: frozen
    parameters, and the moving statistics, which each step replaces. `learnt` are the specifications
    of the trainable parameters, whose first values are in `values`.

    A step is `gather`, `require_finite` and `update`. `done` counts steps; `consistent` is False
    while one is changing the parameters.
    """

    def __init__(
        self,
        learnt: Mapping[ParameterName, ParameterSpec],
        values: NetworkParameters,
        fixed: NetworkParameters,
        rule: Rule,
    ) -> None:
        self.rule = rule
        self.done = 0
        self.consistent = True
        self.vector = ParameterVector(learnt, values)
        self.fixed = {name: np.array(value) for name, value in fixed.items()}
        size = len(self.vector.numbers)
        self.slots = [np.zeros(size, np.float32) for _ in range(rule.optimizer.slots)]
        self.average = self.vector.numbers.copy() if rule.average else None
        self._gradient: Vector = np.empty(size, np.float32)

    @property
    def parameters(self) -> dict[ParameterName, Array]:
        """The current parameters: views, which the next step changes."""
        return {**self.fixed, **self.vector.views}

    def averaged(self) -> dict[ParameterName, Array]:
        """Return the parameters to keep, as views: the average if there is one."""
        learnt = self.vector.split(self.vector.numbers if self.average is None else self.average)
        return {**self.fixed, **learnt}

    def gather(self, found: Sequence[Mapping[ParameterName, Array]]) -> float:
        """Sum gradients into one vector, clip it, and return the norm that it had.

        Each of `found` has gradients of some parameters, by name. They are added in this order, so
        that sums repeat.
        """
        self._gradient[:] = 0
        views = self.vector.split(self._gradient)
        for gradients in found:
            for name, gradient in gradients.items():
                views[name] += gradient
        return clip(self._gradient, self.rule.clip if self.rule.clip > 0 else float("inf"))

    def require_finite(
        self, loss: float, norm: float, statistics: Sequence[Mapping[ParameterName, Array]]
    ) -> None:
        """Raise TrainingError unless the loss, the gradient and the statistics are finite."""
        steady = all(np.isfinite(v).all() for shard in statistics for v in shard.values())
        if not (np.isfinite(loss) and np.isfinite(norm) and steady):
            raise TrainingError(
                f"step {self.done + 1}: the loss is {loss:g}, the gradient's norm {norm:g}; "
                "the weights from before this step are kept: begin a new run from them with a "
                "smaller learning rate, or clip"
            )

    def update(self, statistics: Sequence[Mapping[ParameterName, Array]]) -> float:
        """Follow the gathered gradient; return the learning rate.

        `statistics` are those of each shard of the batch, by name; their means replace the old
        ones in `fixed`.
        """
        self.consistent = False
        rule = self.rule
        rate = rule.learning_rate * rule.schedule.factor(self.done)
        self.done += 1
        numbers = self.vector.numbers
        rule.optimizer.update(
            numbers, self._gradient, self.slots,
            step=self.done, rate=rate, decaying=self.vector.decaying,
        )  # fmt: skip
        if self.average is not None:
            # With the full decay, the first weights would dominate a young average for long.
            blend(self.average, numbers, min(rule.average, self.done / (self.done + 10)))
        for name in statistics[0]:
            self.fixed[name] = np.mean([shard[name] for shard in statistics], axis=0)
        self.consistent = True
        return rate

    def state(self) -> dict[str, Vector]:
        """Return the vectors that a checkpoint stores; all but `fixed` are the object's own."""
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
        self.rule.optimizer.require_slots([state[f"slot{i}"] for i in range(len(self.slots))])
        for name, vector in own.items():
            vector[:] = state[name]
        start = 0
        for parameter, values in self.fixed.items():
            self.fixed[parameter] = own["fixed"][start : start + values.size].reshape(values.shape)
            start += values.size
        self.done = done
