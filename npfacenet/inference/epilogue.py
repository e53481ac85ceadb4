"""The end of a product of matrices: bias, activation, and all channels to their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from npfacenet.inference.activation import NONE, Activation
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.elementwise_calls import add_row, add_row_to, rectify
from npfacenet.inference.region import Region
from npfacenet.layers import Array


@dataclass(frozen=True)
class Member:
    """One of several convolutions that share a product: its filters and its activation."""

    filters: int
    activation: Activation = NONE


def epilogue(
    product: Region,
    bias: Array | None,
    members: Sequence[Member],
    targets: Sequence[Region],
    spare: Region,
    costs: Costs,
) -> list[Call]:
    """Product (..., filters of all members) to the members' targets (..., filters).

    `spare` is free memory as for `Activation.calls`.
    """
    if bias is not None and product != targets[0] and [one.activation for one in members] == [NONE]:
        with_bias = add_row_to(product, targets[0], bias)
        if with_bias is not None:
            return with_bias
    calls = [] if bias is None else add_row(product, bias, costs.run)
    if all(member.activation.kind == "relu" for member in members):
        calls += rectify(product, product, costs.run)
        members = [replace(member, activation=NONE) for member in members]
    start = 0
    for member, target in zip(members, targets, strict=True):
        source = product.part(-1, start, start + member.filters)
        calls += member.activation.calls(source, target, spare, costs)
        start += member.filters
    return calls
