"""The convolution of a plan, and which algorithm serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol, Self

import numpy as np

from npfacenet.inference.activation import NONE, Activation
from npfacenet.inference.costs import Costs
from npfacenet.inference.filter_bank import FilterBank
from npfacenet.inference.im2col import Im2col
from npfacenet.inference.operation import Operation, SizedOperation
from npfacenet.inference.winograd import Winograd
from npfacenet.layers import Array, Shape, Window


class Algorithm(Protocol):
    """An algorithm for convolutions: which ones it serves, at what cost, and how.

    The operation that `sized` returns asks for the zeros around its input by `borders`, the
    window's margins at least, and for scratch memory, what `Activation.spare` needs included.
    """

    def serves(self, window: Window) -> bool:
        """Whether it can serve convolutions with this window."""

    def estimate(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> float:
        """Estimate nanoseconds for `batch` pictures (H, W, C)."""

    def sized(self, bank: FilterBank, costs: Costs, batch: int, shape: Shape) -> SizedOperation:
        """Return the operation for `batch` pictures (H, W, C)."""


ALGORITHMS: Sequence[Algorithm] = (
    Im2col(),
    Winograd((2, 2)),
    Winograd((3, 3)),
    Winograd((4, 4)),
    Winograd((5, 5)),
    Winograd((6, 6)),
)
"""The cheapest one that serves is used; of equally cheap ones, the first."""


@dataclass(frozen=True, eq=False)
class Convolve(Operation):
    """Convolutions of one input by one product; the bank's i-th member gives `outputs[i]`.

    A dense layer is a convolution of pictures of one pixel.
    """

    bank: FilterBank

    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Choose the algorithm of least estimated cost."""
        shape = inputs[0] if len(inputs[0]) == 3 else (1, 1, *inputs[0])
        serving = [one for one in ALGORITHMS if one.serves(self.bank.window)]
        best = min(serving, key=lambda one: one.estimate(self.bank, costs, batch, shape))
        return best.sized(self.bank, costs, batch, shape)

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count one for every number of the kernel at every position."""
        (shape,) = inputs
        positions = self.bank.window.positions(*shape[:2]) if len(shape) == 3 else ()
        return self.bank.kernel.size * prod(positions)

    def scaled(self, factor: Array | np.float32, shift: Array | None) -> Self | None:
        """Scale the kernel and the bias, if there is no activation."""
        if self.bank.members[0].activation.kind != "none":
            return None
        return replace(self, bank=self.bank.scaled(factor, shift))

    def activated(self, activation: Activation) -> Self | None:
        """Take the activation into the epilogue, if there is none yet."""
        if self.bank.members[0].activation.kind != "none":
            return None
        return replace(self, bank=self.bank.activated(activation))

    def bare(self) -> tuple[Self, Array | None, Activation] | None:
        """Return a lone convolution without its epilogue, the bias and the activation."""
        (member,) = self.bank.members
        plain = replace(self.bank.activated(NONE), bias=None)
        return replace(self, bank=plain), self.bank.bias, member.activation

    def apart(self) -> Sequence[Operation]:
        """The members, each on its own."""
        if len(self.outputs) == 1:
            return [self]
        banks = zip(self.outputs, self.bank.apart(), strict=True)
        return [Convolve(self.inputs, (output,), bank) for output, bank in banks]
