"""The contract that every loss keeps.

A loss is a frozen dataclass of hyperparameters. It holds no arrays and no parameters: arrays in,
value and gradient out. Anything with parameters to learn (a pair head, the directions of the
classes of an angular margin) is a layer before the loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_masked
from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers.layer import Array, is_floating, kind_of

Float64: TypeAlias = npt.NDArray[np.float64]
Targets: TypeAlias = npt.NDArray[np.generic]
Axes: TypeAlias = tuple[str | int, ...]  # ("N", 1): any number of rows, one column


@dataclass(frozen=True, eq=False)
class LossValue:
    """The loss of one batch.

    `gradient` is the derivative of `value` by the outputs, of their shape and dtype (in this
    machine's byte order); `measures` are numbers for people to read, such as {"accuracy": 0.75}.
    """

    value: float
    gradient: Array
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss(ABC):
    """A measure of how wrong the outputs of a network are, with its gradient.

    A subclass checks its arguments and computes in float64:

    >>> class SquaredError(Loss):
    ...     def value_and_gradient(self, outputs, targets):
    ...         error = self.accept(outputs, ("N",)) - targets
    ...         return self.result(outputs, np.mean(error**2), 2 * error / len(error))
    >>> SquaredError().value_and_gradient(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    LossValue(value=2.0, gradient=array([0., 2.]), measures={})
    """

    @abstractmethod
    def value_and_gradient(self, outputs: Array, targets: Targets) -> LossValue:
        """Return the loss of a batch of outputs, and its derivative by each of their numbers.

        Pure: writes to no input. Computes in float64; the gradient has the outputs' dtype.
        Raises ShapeError for a wrong shape or dtype, ArgumentError for an impossible value.
        """

    def accept(self, outputs: object, *shapes: Axes, role: str = "outputs") -> Float64:
        """Return the outputs in float64; they must be finite and of one of these shapes, not empty.

        Raises ShapeError and ArgumentError naming the loss, what it expects and received.
        """
        expected = " or ".join(str(axes).replace("'", "") for axes in shapes)
        if not (isinstance(outputs, np.ndarray) and is_floating(outputs)):
            raise ShapeError(f"{self} takes {role} of float32 or float64, not {kind_of(outputs)}")
        outputs = np.asarray(outputs)  # a subclass may redefine multiplication
        if not any(_fits(outputs.shape, axes) for axes in shapes):
            raise ShapeError(f"{self} takes {role} of shape {expected}, received {outputs.shape}")
        if outputs.size == 0:
            raise ShapeError(f"{self} takes {role} of at least one number, not {outputs.shape}")
        if not np.isfinite(outputs).all():
            strange = outputs[~np.isfinite(outputs)]
            raise ArgumentError(
                f"{self} takes finite {role}, received {strange[0]} ({len(strange)} not finite)"
            )
        return outputs.astype(np.float64, copy=False)

    def accept_labels(
        self,
        labels: object,
        *shapes: tuple[int, ...],
        classes: int | None = None,
        kinds: str = "iu",
    ) -> npt.NDArray[np.intp]:
        """Return the labels: whole numbers of one of these shapes, each in [0, classes) if given.

        Raises ShapeError and ArgumentError naming the loss, what it expects and received.
        """
        what = "labels of integers" if "b" not in kinds else "labels of booleans, or of 0 and 1"
        fits = isinstance(labels, np.ndarray) and labels.dtype.kind in kinds
        if not isinstance(labels, np.ndarray) or not fits or is_masked(labels):
            raise ShapeError(f"{self} takes {what}, not {kind_of(labels)}")
        labels = np.asarray(labels)
        if labels.shape not in shapes:
            expected = " or ".join(map(str, shapes))
            raise ShapeError(f"{self} takes {what} of shape {expected}, received {labels.shape}")
        low, high = int(labels.min()), int(labels.max())
        if classes is not None and not 0 <= low <= high < classes:
            raise ArgumentError(f"{self} takes labels in [0, {classes}), received {low} to {high}")
        return labels.astype(np.intp)

    def result(
        self, outputs: Array, value: np.floating | float, gradient: Float64, **measures: float
    ) -> LossValue:
        """Return the value and the gradient, in the dtype of the outputs."""
        with np.errstate(over="ignore"):  # beyond float32 it is infinite, as elsewhere
            native = gradient.astype(outputs.dtype.newbyteorder("="), copy=False)
        return LossValue(float(value), native, {k: float(v) for k, v in measures.items()})

    def require(self, holds: bool, sentence: str) -> None:
        """Raise ArgumentError with this sentence unless the hyperparameters hold."""
        if not holds:
            raise ArgumentError(f"{type(self).__name__}: {sentence}")


def _fits(shape: tuple[int, ...], axes: Axes) -> bool:
    return len(shape) == len(axes) and all(
        isinstance(axis, str) or axis == n for n, axis in zip(shape, axes, strict=True)
    )
