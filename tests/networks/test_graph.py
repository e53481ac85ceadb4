"""A network as JSON: the round trip, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, NpfacenetError, ShapeError
from npfacenet.layers import (
    Array,
    Concatenate,
    Convolution,
    Layer,
    Parameters,
    ReLU,
    Shape,
    ZeroPadding,
)
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.networks.graph import MOST_NODES, graph_of, network_from_graph
from npfacenet.recipes import RECIPES
from npfacenet.testing import networks, open_networks

Graph = dict[str, Any]


def read_again(network: Network[Outputs]) -> Network[Outputs]:
    return network_from_graph(json.loads(json.dumps(graph_of(network))))


@given(st.one_of(networks(), open_networks()))
def test_a_network_is_read_as_it_was_written(network: Network[Outputs]) -> None:
    again = read_again(network)
    assert again == network
    assert again.parameter_specs() == network.parameter_specs()
    assert again.outputs == network.outputs


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_our_recipes_are_read_as_they_were_written(recipe: Any) -> None:
    network = recipe.build()
    assert read_again(network) == network
    assert len(json.dumps(graph_of(network))) < 1 << 17


def tiny() -> Graph:
    build = Builder("tiny", input_shape=(6, 6, 3))
    with build.block("stem"):
        x = build.add("conv", Convolution(4, 3, padding="same"), build.input)
        build.add("relu", ReLU(), x)
    graph: Graph = graph_of(build.network())
    return graph


def test_what_is_written_is_plain() -> None:
    assert tiny()["nodes"][1] == {
        "name": "relu",
        "layer": "ReLU",
        "hyperparameters": {},
        "inputs": ["conv"],
        "block": "stem",
    }
    assert (tiny()["input_shape"], tiny()["outputs"]) == ([6, 6, 3], ["relu"])


def padded(side: int, shape: tuple[int | None, int | None, int]) -> Graph:
    """A network that pads its pictures."""
    build = Builder("padded", input_shape=shape)
    build.add("padding", ZeroPadding(side), build.input)
    return graph_of(build.network())


@pytest.mark.parametrize("shape", [(None, None, 3), (None, 8, 3), (8, 8, 3)])
def test_what_no_memory_can_run_is_refused_at_any_size(
    shape: tuple[int | None, int | None, int],
) -> None:
    """Else the first picture, not the file, would end with the machine's memory."""
    assert network_from_graph(padded(3, shape)).accepted_shape == shape
    for side in (5_000, 10**9):
        with pytest.raises(ShapeError, match=r"'padding' of padded gives [\d,]+ numbers"):
            network_from_graph(padded(side, shape))


def test_channels_that_double_without_end_are_refused() -> None:
    build = Builder("doubling", input_shape=(None, None, 3))
    x = build.input
    for number in range(99):
        x = build.add(str(number), Concatenate(), x, x)
    with pytest.raises(ShapeError, match="'26' of doubling gives 402,653,184 numbers"):
        network_from_graph(graph_of(build.network()))


def changed(**values: object) -> Callable[[Graph], object]:
    return lambda graph: graph | values


def node(**values: object) -> Callable[[Graph], object]:
    return lambda graph: graph | {"nodes": [graph["nodes"][0], graph["nodes"][1] | values]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graph: None, "a graph has the keys"),
        (lambda graph: [], "a graph has the keys"),
        (lambda graph: {**graph, "code": "import os"}, "a graph has the keys"),
        (lambda graph: {"name": "tiny"}, "a graph has the keys"),
        (changed(name=3), "printable characters, unlike 3"),
        (changed(name="\x1b[31m"), "printable"),
        (changed(nodes={}), "a list of 1 to"),
        (changed(nodes=[]), "a list of 1 to"),
        (changed(nodes=[{}] * (MOST_NODES + 1)), "a list of 1 to"),
        (changed(nodes=["conv"]), "a node has the keys"),
        (changed(input_shape="abc"), "needs a shape"),
        (changed(input_shape=[6, 6]), "'conv' of tiny"),
        (changed(input_shape=[2**70, 6.5, 3]), "needs a shape"),
        (changed(outputs="relu"), "at least one"),
        (changed(outputs=["conv"]), "no output needs relu"),
        (changed(outputs=[["relu"]]), "is not a node"),
        (node(name="conv"), "two nodes called 'conv'"),
        (node(name="x" * 201), "at most 200 printable"),
        (node(name=None), "printable"),
        (node(block=7), "printable"),
        (node(inputs="conv"), "are a list, not 'conv'"),
        (node(inputs=["later"]), "unknown inputs"),
        (node(inputs=[3]), "names of nodes"),
        (node(inputs=[]), "takes one input, received 0"),
        (node(layer="Swish"), r"'relu': no layer is called 'Swish'.*register_layer"),
        (node(layer=["ReLU"]), "'relu': no layer is called"),
        (node(layer="__import__"), "no layer is called"),
        (node(hyperparameters={"slope": 1}), "no hyperparameter 'slope'"),
        (node(hyperparameters=[]), "values by name"),
        (
            node(layer="ZeroPadding", hyperparameters={"margins": 10**6}),
            "tensors of at most 268,435,456",
        ),
        (node(layer="Convolution"), "needs its hyperparameter 'filters'"),
        (node(layer="Convolution", hyperparameters={"filters": -1}), "cannot be made"),
    ],
)
def test_what_is_not_a_network_is_refused(change: Callable[[Graph], object], said: str) -> None:
    with pytest.raises((ArgumentError, ShapeError), match=said):
        network_from_graph(change(tiny()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.data())
def test_junk_anywhere_is_one_error(data: st.DataObject) -> None:
    graph, junk = tiny(), data.draw(json_values)
    key = data.draw(st.sampled_from([*graph, *graph["nodes"][0]]))
    if key in graph and data.draw(st.booleans()):
        graph[key] = junk
    else:
        graph["nodes"][0][key] = junk
    try:
        network = network_from_graph(graph)
    except NpfacenetError:
        return
    assert read_again(network) == network  # the junk was a network


def test_a_layer_that_nobody_registered_cannot_be_written() -> None:
    @dataclass(frozen=True)
    class Unknown(Layer):
        def output_shape(self, *inputs: Shape) -> Shape:
            return self.one_input(*inputs)

        def forward(self, parameters: Parameters, *inputs: Array) -> Array:
            return inputs[0]

    build = Builder("own", input_shape=(4,))
    build.add("unknown", Unknown(), build.input)
    with pytest.raises(ArgumentError, match=r"'unknown': the layer Unknown is not registered"):
        graph_of(build.network())


def test_names_that_cannot_be_read_are_not_written() -> None:
    build = Builder("own", input_shape=(4,))
    build.add("x" * 201, ReLU(), build.input)
    with pytest.raises(ArgumentError, match="at most 200 printable"):
        graph_of(build.network())
