"""Which parameters of a network learn."""

from __future__ import annotations

from npfacenet.errors import ArgumentError, quoted
from npfacenet.networks import Network, Outputs, ParameterName
from npfacenet.training.checks import require_kind


def learning_from(network: Network[Outputs], first: str | None) -> frozenset[ParameterName]:
    """Return the trainable parameters of a layer or block and of everything after it.

    `first` None means the whole network. Raises ArgumentError for a name that the network does not
    have, and if nothing from there on is trainable.
    """
    require_kind("the network", network, Network)
    names = [node.name for node in network.nodes]
    blocks = [node.block for node in network.nodes]
    if first is None:
        start = 0
    elif not isinstance(first, str):
        raise ArgumentError(f"learning begins at a layer or a block, not at {quoted(first)}")
    elif first and first in blocks:
        start = blocks.index(first)
    elif first in names:
        start = names.index(first)
    else:
        there = ", ".join(
            dict.fromkeys(block or name for name, block in zip(names, blocks, strict=True))
        )
        raise ArgumentError(
            f"{network.name} has no layer or block {quoted(first)}; there are {there}"
        )
    learning = frozenset(
        (node.name, name)
        for node in network.nodes[start:]
        for name, spec in node.parameters.items()
        if spec.trainable
    )
    if not learning:
        raise ArgumentError(f"nothing in {network.name} learns from {quoted(first)} on")
    return learning
