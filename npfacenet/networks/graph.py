"""A network as JSON: the names and hyperparameters of its layers, and no code.

    {"name": "tiny", "input_shape": [null, null, 3], "outputs": ["relu"],
     "nodes": [{"name": "conv", "layer": "Convolution", "hyperparameters": {"filters": 4, ...},
                "inputs": ["image"], "block": ""}, ...]}

Nothing in a file is trusted: the network is built layer by layer, with the checks that a network
built by hand undergoes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TypeGuard

from npfacenet.arguments import LONGEST_NAME, is_printable_name
from npfacenet.errors import ArgumentError, ShapeError, quoted
from npfacenet.layers import Shape
from npfacenet.layers.registry import layer_from, layer_name
from npfacenet.networks.builder import Builder
from npfacenet.networks.network import Network
from npfacenet.networks.node import Node
from npfacenet.networks.outputs import Outputs
from npfacenet.networks.shape_inference import TRIED

MOST_NODES = 10_000
LARGEST_TENSOR = 1 << 28
"""Numbers of the largest tensor for one picture of a fixed size: 1 GiB."""
_KEYS = {"name", "input_shape", "outputs", "nodes"}
_NODE_KEYS = {"name", "layer", "hyperparameters", "inputs", "block"}


def graph_of(network: Network[Outputs]) -> dict[str, object]:
    """Return the network as JSON values, from which `network_from_graph` makes an equal one.

    Raises ArgumentError for a layer that is not registered (`npfacenet.layers.register_layer`),
    and for names that a file cannot hold: longer than 200 characters, or not printable.

    >>> from npfacenet.layers import ReLU
    >>> build = Builder("tiny", input_shape=(8, 8, 3))
    >>> x = build.add("relu", ReLU(), build.input)
    >>> network_from_graph(graph_of(build.network())) == build.network()
    True
    """
    graph: dict[str, object] = {
        "name": network.name,
        "input_shape": list(network.accepted_shape),
        "outputs": list(network.outputs),
        "nodes": [_node_entry(node) for node in network.nodes],
    }
    _require_names([network.name], f"the network {quoted(network.name)}")
    for node in network.nodes:
        _require_names([node.name, node.block], f"{quoted(node.name)} of {quoted(network.name)}")
    return graph


def network_from_graph(graph: object) -> Network[Outputs]:
    """Return the network that `graph_of` described.

    Raises ArgumentError, naming the entry, for anything else, for an unknown layer (with the
    remedy), and for a graph that is not a network; ShapeError for layers that do not fit.
    """
    if not _has_keys(graph, _KEYS):
        raise ArgumentError(f"a graph has the keys {sorted(_KEYS)}, unlike {quoted(graph)}")
    entries, shape = graph["nodes"], graph["input_shape"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_NODES:
        raise ArgumentError(f"a graph has a list of 1 to {MOST_NODES:,} nodes")
    name = graph["name"]
    _require_names([name], "a graph")
    build = Builder(str(name), tuple(shape) if isinstance(shape, list) else shape)  # type: ignore[arg-type]  # refused there
    for entry in entries:
        _add(build, entry)
    outputs = graph["outputs"]
    network = build.network(outputs=outputs if isinstance(outputs, list) else [])
    _require_possible(network)
    return network


def _require_possible(network: Network[Outputs]) -> None:
    """Raise ShapeError for tensors that fit into no memory, as after a padding of 1e6 pixels."""
    for name, shape in _least_shapes(network).items():
        if prod(shape) > LARGEST_TENSOR:
            of_any = " of any size" if None in network.accepted_shape else ""
            raise ShapeError(
                f"{quoted(name)} of {network.name} gives {prod(shape):,} numbers for a "
                f"picture{of_any}; a network in a file has tensors of at most {LARGEST_TENSOR:,}"
            )


def _least_shapes(network: Network[Outputs]) -> dict[str, Shape]:
    """The shapes of all nodes; of an open network what they have beyond their growth with it.

    Axes grow in proportion to the picture, but for what is padded: that remains if the growth
    between two sizes is taken away.
    """
    if None not in network.accepted_shape:
        return network.shapes()
    small, large = (
        network.shapes(tuple(side if axis is None else axis for axis in network.accepted_shape))
        for side in TRIED
    )
    low, high = TRIED
    return {
        name: tuple(
            max(a - (b - a) * low // (high - low), 1)
            for a, b in zip(shape, large[name], strict=True)
        )
        for name, shape in small.items()
    }


def _node_entry(node: Node) -> dict[str, object]:
    try:
        layer, values = layer_name(node.layer), node.layer.hyperparameters()
    except ArgumentError as error:
        raise ArgumentError(f"{quoted(node.name)}: {error}") from error
    return {
        "name": node.name,
        "layer": layer,
        "hyperparameters": values,
        "inputs": list(node.inputs),
        "block": node.block,
    }


def _add(build: Builder, entry: object) -> None:
    """Add the node of an entry."""
    if not _has_keys(entry, _NODE_KEYS):
        raise ArgumentError(f"a node has the keys {sorted(_NODE_KEYS)}, unlike {quoted(entry)}")
    name, inputs, block = entry["name"], entry["inputs"], entry["block"]
    _require_names([name, block], f"the node {quoted(name)}")
    if not isinstance(inputs, list):
        raise ArgumentError(f"the inputs of {quoted(name)} are a list, not {quoted(inputs)}")
    try:
        layer = layer_from(entry["layer"], entry["hyperparameters"])
    except ArgumentError as error:
        raise ArgumentError(f"{quoted(name)}: {error}") from error
    with build.block(str(block)):
        build.add(str(name), layer, *inputs)


def _has_keys(value: object, keys: set[str]) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping) and value.keys() == keys


def _require_names(values: list[object], whose: str) -> None:
    for value in values:
        if not is_printable_name(value, low=0):
            raise ArgumentError(
                f"{whose}: a name in a file has at most {LONGEST_NAME} printable characters, "
                f"unlike {quoted(value)}"
            )
