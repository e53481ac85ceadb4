"""Activations that follow an operation in the same memory: none, ReLU, or PReLU."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import copy, rectify, rectify_with_slope
from npfacenet.inference.region import Region
from npfacenet.layers import Array


@dataclass(frozen=True, eq=False)
class Activation:
    """No activation, max(x, 0), or x where positive and alpha * x elsewhere, alpha (C,)."""

    kind: Literal["none", "relu", "prelu"] = "none"
    alpha: Array | None = None

    @property
    def rises(self) -> bool:
        """Whether a larger number never gives a smaller one, so that it commutes with a maximum."""
        return self.alpha is None or bool(np.all(self.alpha >= 0))

    def of_channels(self, start: int, stop: int) -> Activation:
        """Return the activation of some of the channels."""
        return self if self.alpha is None else Activation(self.kind, self.alpha[start:stop])

    def spare(self, numbers: int, costs: Costs) -> int:
        """Return how many numbers of spare memory `calls` should have, for tensors of `numbers`."""
        if self.alpha is None:
            return 0
        return min(numbers, max(costs.cache // 4, len(self.alpha)))

    def calls(self, source: Region, target: Region, spare: Region, costs: Costs) -> list[Call]:
        """Apply it to `source` (..., C), to `target`, which may be the same.

        `spare` is a line of at least C numbers of free memory, if `spare` asked for any.
        """
        if self.alpha is not None:
            spare = spare.part(0, 0, self.spare(prod(target.shape), costs))
            return rectify_with_slope(source, target, self.alpha, spare, costs.run)
        if self.kind == "relu":
            return rectify(source, target, costs.run)
        return copy(source, target)


NONE = Activation()
RELU = Activation("relu")
