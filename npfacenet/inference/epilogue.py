"""What follows a product of matrices: bias, ReLU, and each part of the channels to its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npfacenet.inference.elementwise_calls import add_row, copy, rectify
from npfacenet.inference.operation import Call
from npfacenet.inference.region import Region
from npfacenet.layers import Array


@dataclass(frozen=True)
class Member:
    """One of several convolutions that share a product: its filters, and whether ReLU follows."""

    filters: int
    relu: bool


def epilogue(
    product: Region, bias: Array | None, members: Sequence[Member], targets: Sequence[Region]
) -> list[Call]:
    """Product (..., filters of all members) to the members' targets (..., filters)."""
    calls = [] if bias is None else add_row(product, bias)
    if all(member.relu for member in members):
        calls += rectify(product, product)
        members = [Member(member.filters, relu=False) for member in members]
    start = 0
    for member, target in zip(members, targets, strict=True):
        source = product.part(-1, start, start + member.filters)
        calls += rectify(source, target) if member.relu else copy(source, target)
        start += member.filters
    return calls
