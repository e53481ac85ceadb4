"""Differences of two embeddings, by which a head decides whether they match."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from npfacenet.errors import ShapeError, quoted
from npfacenet.layers.layer import (
    Array,
    Gradients,
    InputGradients,
    Layer,
    Parameters,
    Saved,
    Shape,
)
from npfacenet.layers.registry import register


@dataclass(frozen=True)
class PairSimilarity(Layer):
    """The base of both kinds: pairs (N, 2, D) to (N, D), symmetric in the two."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """Map (2, D) to (D,)."""
        shape = self.one_input(*inputs)
        if len(shape) != 2 or shape[0] != 2:
            raise ShapeError(
                f"{self} takes a pair of vectors of shape (2, D), received {quoted(shape)}"
            )
        return shape[1:]

    @abstractmethod
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, 2, D) to (N, D)."""


@register
@dataclass(frozen=True)
class AbsoluteDifference(PairSimilarity):
    """|a - b|, feature by feature; its derivative where they are equal is taken to be 0.

    The features of "face verification as binary classification" in the course's assignment.
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, 2, D) to (N, D)."""
        (pairs,) = self.accept(parameters, *inputs)
        return np.abs(pairs[:, 0] - pairs[:, 1])

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Multiply upstream by the sign of a - b for a, and by the opposite sign for b."""
        upstream = self.accept_upstream(saved, upstream)
        pairs = saved["0"]
        to_a = upstream * np.sign(pairs[:, 0] - pairs[:, 1])
        return (np.stack([to_a, -to_a], axis=1),), {}


@register
@dataclass(frozen=True)
class ChiSquare(PairSimilarity):
    """(a - b)**2 / (|a| + |b|), feature by feature; 0 where both are 0.

    Taigman et al. 2014, "DeepFace", section 4.1, whose features are not negative, so that
    the divisor there is a + b; the absolute values allow embeddings of either sign.
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """Map (N, 2, D) to (N, D)."""
        (pairs,) = self.accept(parameters, *inputs)
        return (pairs[:, 0] - pairs[:, 1]) * _ratio(pairs)

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """With r = (a - b) / (|a| + |b|), multiply by r (2 - r sign a) and -r (2 + r sign b)."""
        upstream = self.accept_upstream(saved, upstream)
        pairs = saved["0"]
        ratio = _ratio(pairs)
        to_a = upstream * ratio * (2 - ratio * np.sign(pairs[:, 0]))
        to_b = -upstream * ratio * (2 + ratio * np.sign(pairs[:, 1]))
        return (np.stack([to_a, to_b], axis=1),), {}


def _ratio(pairs: Array) -> Array:
    """Return (a - b) / (|a| + |b|), from -1 to 1; 0 where both are 0."""
    sums = np.abs(pairs[:, 0]) + np.abs(pairs[:, 1])
    difference = pairs[:, 0] - pairs[:, 1]
    ratio: Array = np.divide(difference, sums, out=np.zeros_like(sums), where=sums > 0)
    return ratio
