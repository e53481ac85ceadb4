"""Optimizers: updating parameters by their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.networks.flat_parameters import Vector
from npfacenet.training.checks import is_number

CHUNK = 1 << 16  # this many parameters, gradients and slots fit into a core's cache


@dataclass(frozen=True)
class Optimizer(ABC):
    """The rule of an update; it holds no state of its own.

    The state from step to step is `slots` vectors as long as the parameters', which begin at 0.
    Weight decay is decoupled (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization",
    algorithm 2): parameters shrink by rate * weight_decay, independently of the gradient.
    """

    weight_decay: float = 0.0
    slots: ClassVar[int] = 0

    def __post_init__(self) -> None:
        self.require("weight_decay", 0, 1)

    def update(
        self, numbers: Vector, gradient: Vector, slots: Sequence[Vector], *,
        step: int, rate: float, decaying: int,
    ) -> None:  # fmt: skip
        """Update `numbers` and `slots` in place; `gradient` does not change.

        `step` counts from 1; weight decay applies to `numbers[:decaying]`.
        """
        numbers[:decaying] *= np.float32(1 - rate * self.weight_decay)
        for chunk in _chunks(len(numbers)):
            direction = self.direction(gradient[chunk], [slot[chunk] for slot in slots], step)
            direction *= np.float32(rate)
            numbers[chunk] -= direction

    @abstractmethod
    def direction(self, gradient: Vector, slots: Sequence[Vector], step: int) -> Vector:
        """Return the vector to subtract, as a new array; update the slots in place."""

    def require_slots(self, slots: Sequence[Vector]) -> None:  # noqa: B027 (most have none)
        """Raise TrainingError for slots that no updates can have produced."""

    def require(self, name: str, low: float, high: float) -> None:
        """Raise ArgumentError unless the field is a number in [low, high)."""
        value = getattr(self, name)
        if not is_number(value, low, high) or value == high:
            raise ArgumentError(
                f"{type(self).__name__}: {name} is in [{low}, {high}), not {quoted(value)}"
            )


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013, equations 1 and 2).

    velocity = momentum * velocity + gradient, as in Torch: the rate is not part of the velocity.
    """

    momentum: float = 0.9
    slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("momentum", 0, 1)

    def direction(self, gradient: Vector, slots: Sequence[Vector], step: int) -> Vector:
        """Return the velocity."""
        (velocity,) = slots
        velocity *= np.float32(self.momentum)
        velocity += gradient
        return velocity.copy()


@dataclass(frozen=True)
class Adam(Optimizer):
    """Kingma and Ba 2015, "Adam", algorithm 1: each parameter moves by about the rate."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("beta1", 0, 1)
        self.require("beta2", 0, 1)
        if not is_number(self.epsilon, 0, 1) or not self.epsilon:
            raise ArgumentError(f"Adam: epsilon must be positive, not {quoted(self.epsilon)}")

    def require_slots(self, slots: Sequence[Vector]) -> None:
        """Raise TrainingError for a negative mean square, which has no root."""
        if slots[1].min(initial=0) < 0:
            raise TrainingError("a checkpoint of Adam holds mean squares below 0: it is damaged")

    def direction(self, gradient: Vector, slots: Sequence[Vector], step: int) -> Vector:
        """Return the mean gradient over the root of the mean square, both corrected for bias."""
        mean, square = slots
        mean *= np.float32(self.beta1)
        mean += np.float32(1 - self.beta1) * gradient
        square *= np.float32(self.beta2)
        square += np.float32(1 - self.beta2) * np.square(gradient)
        size: Vector = np.sqrt(square)
        size *= np.float32(1 / np.sqrt(1 - self.beta2**step))
        size += np.float32(self.epsilon)
        direction = np.divide(mean, size, dtype=np.float32)
        direction *= np.float32(1 / (1 - self.beta1**step))
        return direction


def clip(gradient: Vector, most: float) -> float:
    """Scale a gradient in place to a norm of at most `most`; return the norm it had.

    Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1.

    >>> gradient = np.array([3, 4], np.float32)
    >>> clip(gradient, 1.0), gradient.tolist()
    (5.0, [0.6000000238418579, 0.800000011920929])
    """
    squares = sum(float(gradient[c] @ gradient[c]) for c in _chunks(len(gradient)))
    norm = float(np.sqrt(squares))
    if norm > most:
        gradient *= np.float32(most / norm)
    return norm


def blend(average: Vector, numbers: Vector, decay: float) -> None:
    """Compute average = decay * average + (1 - decay) * numbers, in place.

    An exponential moving average of the weights (Polyak and Juditsky 1992; Tarvainen and
    Valpola 2017, "Mean teachers") is often better than the last weights.
    """
    for chunk in _chunks(len(numbers)):
        average[chunk] *= np.float32(decay)
        average[chunk] += np.float32(1 - decay) * numbers[chunk]


def _chunks(length: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, length, CHUNK))
