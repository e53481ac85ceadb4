"""A network is a loop over its nodes: laws of forward, trace, initialise, and of the builder."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import (
    Array,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    GlobalAveragePool,
    ReLU,
    ResidualAdd,
)
from npfacenet.networks import Builder, Network, Node, summarise


def branching() -> Network:
    """Two branches that meet, and a residual block."""
    build = Builder("branching", input_shape=(6, 6, 2))
    with build.block("mixed"):
        left = build.add("left", Convolution(3, 3, padding="same"), build.input)
        right = build.add("right", Convolution(1), build.input)
        x = build.add("mixed_concatenate", Concatenate(), left, right)
    with build.block("residual"):
        y = build.add("project", Convolution(4), x)
        x = build.add("sum", ResidualAdd(0.5), x, y)
        x = build.add("relu", ReLU(), x)
    x = build.add("norm", BatchNorm(), x)
    x = build.add("average", GlobalAveragePool(), x)
    build.add("dense", Dense(5), x)
    return build.network()


def test_forward_is_the_layers_by_hand(rng: np.random.Generator) -> None:
    network = branching()
    parameters = network.initialise(3)
    images = rng.standard_normal((2, 6, 6, 2)).astype("f4")

    def run(name: str, *inputs: Array) -> Array:
        node = next(n for n in network.nodes if n.name == name)
        own = {p: parameters[name, p] for p in node.parameters}
        return node.layer.forward(own, *inputs)

    x = run("mixed_concatenate", run("left", images), run("right", images))
    x = run("relu", run("sum", x, run("project", x)))
    expected = run("dense", run("average", run("norm", x)))
    np.testing.assert_array_equal(network.forward(parameters, images), expected)


def test_trace_names_every_node_and_every_block(rng: np.random.Generator) -> None:
    network = branching()
    parameters = network.initialise(3)
    images = rng.standard_normal((2, 6, 6, 2)).astype("f4")
    outputs = network.trace(parameters, images)
    assert set(outputs) == {node.name for node in network.nodes} | {"mixed", "residual"}
    assert outputs["mixed"] is outputs["mixed_concatenate"]
    assert outputs["residual"] is outputs["relu"]
    np.testing.assert_array_equal(outputs["dense"], network.forward(parameters, images))
    for node in network.nodes:
        assert outputs[node.name].shape == (2, *node.output_shape)


def test_the_observer_sees_every_node_in_order(rng: np.random.Generator) -> None:
    network, seen = branching(), []

    def observe(node: Node, output: Array) -> None:
        assert output.shape[1:] == node.output_shape
        seen.append(node.name)

    network.forward(network.initialise(0), np.zeros((1, 6, 6, 2), "f4"), observe)
    assert seen == [node.name for node in network.nodes]


@given(st.integers(0, 2**32 - 1))
def test_initialise_depends_on_the_seed_and_the_name_only(seed: int) -> None:
    network = branching()
    first, second = network.initialise(seed), network.initialise(seed)
    for name, spec in network.parameter_specs().items():
        assert first[name].shape == spec.shape
        assert first[name].dtype == np.float32
        np.testing.assert_array_equal(first[name], second[name])
    assert not np.array_equal(
        first["left", "kernel"], network.initialise(seed + 1)["left", "kernel"]
    )


def test_initialise_draws_kernels_of_variance_two_by_fan_in() -> None:
    build = Builder("wide", input_shape=(4, 4, 50))
    build.add("conv", Convolution(200, 3), build.input)
    kernel = build.network().initialise(0)["conv", "kernel"]
    assert kernel.std() == pytest.approx(np.sqrt(2 / 450), rel=0.02)
    assert abs(kernel.mean()) < 1e-3


def test_a_network_is_a_value() -> None:
    network = branching()
    assert pickle.loads(pickle.dumps(network)) == network == branching()  # noqa: S301
    assert hash(network) == hash(branching())
    assert len(repr(network)) < 200


@pytest.mark.parametrize("shape", [(6, 6, 2), (1, 5, 6, 2), (1, 6, 6, 3), (2, 72)])
def test_a_batch_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    network = branching()
    with pytest.raises(ShapeError, match=r"takes a batch of shape \(N, 6, 6, 2\), received"):
        network.forward(network.initialise(0), np.zeros(shape, "f4"))


def test_missing_parameters_are_named() -> None:
    network = branching()
    parameters = network.initialise(0)
    del parameters["project", "bias"]
    with pytest.raises(ShapeError, match="'bias'"):
        network.forward(parameters, np.zeros((1, 6, 6, 2), "f4"))


def test_the_builder_refuses_what_cannot_be() -> None:
    build = Builder("wrong", input_shape=(6, 6, 2))
    with pytest.raises(ArgumentError, match="no layers"):
        build.network()
    build.add("conv", Convolution(3), build.input)
    with pytest.raises(ArgumentError, match="two nodes called 'conv'"):
        build.add("conv", ReLU(), build.input)
    with pytest.raises(ArgumentError, match="unknown inputs \\['nothing'\\]"):
        build.add("relu", ReLU(), "nothing")
    with pytest.raises(ShapeError, match=r"'sum' of wrong: .*two inputs of one shape"):
        build.add("sum", ResidualAdd(), build.input, "conv")


def test_summary_counts() -> None:
    summary = summarise(branching())
    rows = {row.name: row for row in summary.rows}
    assert (rows["left"].parameters, rows["left"].multiply_adds) == (57, 36 * 54)
    assert (rows["dense"].parameters, rows["dense"].multiply_adds) == (25, 20)
    assert rows["left"].block == "mixed"
    specs = branching().parameter_specs().values()
    assert summary.parameters == sum(spec.size for spec in specs)
    assert summary.multiply_adds == sum(row.multiply_adds or 0 for row in summary.rows)
