"""The order in which Keras lists the layers of a network."""

from __future__ import annotations

from npfacenet.networks import Network, Node, Outputs


def keras_order(network: Network[Outputs]) -> list[Node]:
    """Return the nodes in the order of Keras' `model.layers`: farthest from the outputs first.

    Nodes at the same distance come in the order in which they were created, in which the recipes
    list the branches of a block (keras.src.ops.function.map_graph; Keras 2 does the same). Readers
    that take weights by position take them in this order.

    >>> from npfacenet.recipes import nn4_small2
    >>> names = [node.name for node in keras_order(nn4_small2())]
    >>> [name for name in names if name.startswith("inception_3a") and "conv" in name]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['inception_3a_3x3_conv1', 'inception_3a_5x5_conv1', 'inception_3a_pool_conv',
     'inception_3a_3x3_conv2', 'inception_3a_5x5_conv2', 'inception_3a_1x1_conv']
    """
    distance: dict[str, int] = {}
    for node in reversed(network.nodes):
        distance.setdefault(node.name, 0)  # an output that no other node reads
        for name in node.inputs:
            distance[name] = max(distance.get(name, 0), distance[node.name] + 1)
    return sorted(network.nodes, key=lambda node: -distance[node.name])
