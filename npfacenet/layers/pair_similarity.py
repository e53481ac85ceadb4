"""How two embeddings differ, feature by feature: what a head decides on whether they match."""

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


@dataclass(frozen=True)
class PairSimilarity(Layer):
    """What both kinds share: pairs (N, 2, D) to (N, D), the same whichever comes first."""

    def output_shape(self, *inputs: Shape) -> Shape:
        """(2, D) to (D,)."""
        shape = self.one_input(*inputs)
        if len(shape) != 2 or shape[0] != 2:
            raise ShapeError(
                f"{self} takes a pair of vectors of shape (2, D), received {quoted(shape)}"
            )
        return shape[1:]

    @abstractmethod
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, 2, D) to (N, D)."""


@dataclass(frozen=True)
class AbsoluteDifference(PairSimilarity):
    """|a - b|, feature by feature; its slope where they are equal counts as 0.

    The features of the assignment's "face verification as binary classification".
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, 2, D) to (N, D)."""
        (pairs,) = self.accept(parameters, *inputs)
        return np.abs(pairs[:, 0] - pairs[:, 1])

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """Upstream with the sign of a - b to a, with the other to b."""
        upstream = self.accept_upstream(saved, upstream)
        pairs = saved["0"]
        to_a = upstream * np.sign(pairs[:, 0] - pairs[:, 1])
        return (np.stack([to_a, -to_a], axis=1),), {}


@dataclass(frozen=True)
class ChiSquare(PairSimilarity):
    """(a - b)**2 / (|a| + |b|), feature by feature; 0 where both are 0.

    Taigman et al. 2014, "DeepFace", section 4.1, whose features are not negative, so that
    there the divisor is a + b; the absolute values serve embeddings of every sign.
    """

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        """(N, 2, D) to (N, D)."""
        (pairs,) = self.accept(parameters, *inputs)
        return (pairs[:, 0] - pairs[:, 1]) * _ratio(pairs)

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        """With r = (a - b) / (|a| + |b|): r (2 - r sign a) to a, -r (2 + r sign b) to b."""
        upstream = self.accept_upstream(saved, upstream)
        pairs = saved["0"]
        ratio = _ratio(pairs)
        to_a = upstream * ratio * (2 - ratio * np.sign(pairs[:, 0]))
        to_b = -upstream * ratio * (2 + ratio * np.sign(pairs[:, 1]))
        return (np.stack([to_a, to_b], axis=1),), {}


def _ratio(pairs: Array) -> Array:
    """(a - b) / (|a| + |b|), from -1 to 1; 0 where both are 0."""
    sums = np.abs(pairs[:, 0]) + np.abs(pairs[:, 1])
    difference = pairs[:, 0] - pairs[:, 1]
    ratio: Array = np.divide(difference, sums, out=np.zeros_like(sums), where=sums > 0)
    return ratio
