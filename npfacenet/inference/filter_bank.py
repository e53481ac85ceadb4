"""The data of a convolution: filters and everything that was folded into them.

Algorithms (`im2col.py`, `winograd.py`) read it; they know nothing of each other, nor of the names
of tensors. `convolve.py` chooses among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from npfacenet.inference.activation import Activation
from npfacenet.inference.arena import aligned
from npfacenet.inference.epilogue import Member
from npfacenet.inference.operation import SizedOperation, Sliced
from npfacenet.inference.winograd_transforms import axes
from npfacenet.layers import Array, Window
from npfacenet.layers.window import Pair


@dataclass(frozen=True, eq=False)
class FilterBank:
    """The filters of one or several convolutions of one input, side by side in one product.

    `kernel` (h, w, C, filters), `bias` (filters,); `members` are the convolutions, each with a
    part of the filters. `whole` is the larger bank that these filters are cut from, and where.
    """

    kernel: Array
    bias: Array | None
    window: Window
    members: tuple[Member, ...]
    whole: tuple[FilterBank, slice] | None = field(default=None, repr=False)
    _transformed: dict[Pair, Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def channels(self) -> int:
        """The channels of the input."""
        return int(self.kernel.shape[2])

    @property
    def filters(self) -> int:
        """The filters of all members."""
        return int(self.kernel.shape[3])

    def scaled(self, factor: Array | np.float32, shift: Array | None) -> FilterBank:
        """Return the bank that computes output * factor + shift, before any activation."""
        kernel = np.multiply(self.kernel, factor, out=aligned(self.kernel.shape))
        bias = None if self.bias is None else self.bias * factor
        if shift is not None:
            bias = shift if bias is None else bias + shift
        return replace(self, kernel=kernel, bias=bias)

    def activated(self, activation: Activation) -> FilterBank:
        """Return a lone convolution's bank with this activation."""
        (member,) = self.members
        return replace(self, members=(replace(member, activation=activation),))

    def apart(self) -> list[FilterBank]:
        """Return a bank for each member, in the same memory."""
        ends = accumulate((member.filters for member in self.members), initial=0)
        parts = [
            (slice(start, start + member.filters), member)
            for start, member in zip(ends, self.members, strict=False)
        ]
        return [self._some(filters, member) for filters, member in parts]

    def halves(
        self, make: Callable[[FilterBank], SizedOperation], exchange: float = 0.0
    ) -> list[tuple[SizedOperation, SizedOperation]]:
        """Return a single way to share the filters, half of them each; none for joined members.

        `exchange` is what it costs each core that it needs all of the input, of which the other one
        wrote a part.
        """
        if len(self.members) > 1 or self.filters < 2:
            return []
        middle = self.filters // 2
        one, other = (
            Sliced(make(self._part(start, stop)), -1, start, stop, of_inputs=False, more=exchange)
            for start, stop in ((0, middle), (middle, self.filters))
        )
        return [(one, other)]

    def transformed(self, tile: Pair) -> Array:
        """Return the kernel at the points of Winograd's filtering, (points, C, filters).

        They are computed once and kept.
        """
        if self.whole is not None:
            bank, filters = self.whole
            return bank.transformed(tile)[:, :, filters]
        if tile not in self._transformed:
            vertical, horizontal = (one.kernel for one in axes(self.window, tile))
            height, width, channels, filters = self.kernel.shape
            down = vertical @ self.kernel.reshape(height, -1)
            stack = aligned((len(vertical) * len(horizontal), channels, filters))
            across = stack.reshape(len(vertical), len(horizontal), -1)
            np.matmul(horizontal, down.reshape(len(vertical), width, -1), across)
            self._transformed.setdefault(tile, stack)  # another thread may have been faster
        return self._transformed[tile]

    def _part(self, start: int, stop: int) -> FilterBank:
        """Some of the filters of a lone convolution, in the same memory."""
        (member,) = self.members
        activation = member.activation.of_channels(start, stop)
        some = self._some(slice(start, stop), Member(stop - start, activation))
        return replace(some, whole=(self, slice(start, stop)))

    def _some(self, filters: slice, member: Member) -> FilterBank:
        bias = None if self.bias is None else self.bias[filters]
        return replace(self, kernel=self.kernel[..., filters], bias=bias, members=(member,))


def side_by_side(banks: Sequence[FilterBank]) -> FilterBank:
    """Join the banks of convolutions of one input under windows of one pixel."""
    zeros = [np.zeros(bank.filters, np.float32) for bank in banks]
    biases = [z if bank.bias is None else bank.bias for bank, z in zip(banks, zeros, strict=True)]
    kernel = aligned((*banks[0].kernel.shape[:3], sum(map(len, biases))))
    np.concatenate([bank.kernel for bank in banks], axis=3, out=kernel)
    members = tuple(member for bank in banks for member in bank.members)
    return FilterBank(kernel, np.concatenate(biases), banks[0].window, members)
