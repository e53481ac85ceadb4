"""Networks for pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ShapeError
from npfacenet.layers import (
    Array,
    Concatenate,
    Convolution,
    Dense,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Parameters,
    ParameterSpec,
    ReLU,
    ResidualAdd,
    Shape,
)
from npfacenet.networks import Builder, Network, OpenShape, Outputs, summarise
from npfacenet.networks.outputs import by_name
from npfacenet.recipes import npfacenet_small
from npfacenet.testing import open_networks


class Flatten(Layer):
    """(H, W, C) to (H * W * C,): a layer of somebody else's, which knows nothing of open sizes."""

    def output_shape(self, *inputs: Shape) -> Shape:
        height, width, channels = self.one_input(*inputs, rank=3)
        return (height * width * channels,)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        (x,) = self.accept(parameters, *inputs)
        return x.reshape(len(x), -1)


class PositionBias(Flatten):
    """A layer with a number for each pixel."""

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return {"bias": ParameterSpec(inputs[0][:2], "zeros")}


def halving(shape: OpenShape = (None, None, 3)) -> Network:
    """Two convolutions that meet after halving: sizes must be even."""
    build = Builder("halving", input_shape=shape)
    left = build.add("left", Convolution(4, 3, 2, "same"), build.input)
    right = build.add("right", MaxPool(2, 2), build.input)
    right = build.add("project", Convolution(4), right)
    x = build.add("sum", ResidualAdd(), left, right)
    build.add("relu", ReLU(), x)
    return build.network()


@given(open_networks(), st.integers(4, 12), st.integers(4, 12), st.integers(0, 99))
def test_an_open_network_is_the_fixed_one_at_every_size(
    network: Network[Outputs], height: int, width: int, seed: int
) -> None:
    shape = (height, width, network.accepted_shape[-1] or 1)
    fixed = network.with_input_shape(shape)
    assert fixed.parameter_specs() == network.parameter_specs()
    assert fixed.with_input_shape(network.accepted_shape) == network
    parameters = network.initialise(seed)
    images = np.random.default_rng(seed).standard_normal((2, *shape))
    open_, exact = (by_name(n.forward(parameters, images), n.outputs) for n in (network, fixed))
    stated = network.shapes(shape)
    assert stated == fixed.shapes()
    for name, output in open_.items():
        np.testing.assert_array_equal(output, exact[name])
        assert output.shape == (2, *stated[name]) == (2, *fixed.output_shapes[name])


def test_shapes_that_depend_on_the_size_are_open() -> None:
    build = Builder("open", input_shape=(None, 96, 3))
    x = build.add("conv", Convolution(8, 3), build.input)
    mean = build.add("mean", GlobalAveragePool(), x)
    assert build.shape(x) == (None, 94, 8)
    assert build.shape(mean) == (8,)
    assert build.channels(x) == 8
    network = build.network(outputs=[x, mean])
    assert network.accepted_shape == (None, 96, 3)
    assert network.output_shapes == {"conv": (None, 94, 8), "mean": (8,)}
    assert network.shapes((20, 96, 3))["conv"] == (18, 94, 8)
    node = network.nodes[0]
    assert (node.open_input_shapes, node.open_output_shape) == (((None, 96, 3),), (None, 94, 8))


@pytest.mark.parametrize("ask", ["input_shape", "output_shape"])
def test_a_shape_that_is_open_is_not_asked_for(ask: str) -> None:
    with pytest.raises(ShapeError, match=r"is open: ask .*shapes"):
        getattr(halving(), ask)
    with pytest.raises(ShapeError, match="left is for pictures of any size"):
        getattr(halving().nodes[0], {"input_shape": "input_shapes"}.get(ask, ask))


def test_a_size_that_does_not_fit_is_refused_where_it_is_used_naming_the_layer() -> None:
    network = halving()
    parameters = network.initialise(0)
    assert network.forward(parameters, np.zeros((1, 8, 6, 3), "f4")).shape == (1, 4, 3, 4)
    odd = np.zeros((1, 9, 6, 3), "f4")
    for use in (network.forward, network.forward_saving, network.trace):
        with pytest.raises(ShapeError, match=r"'sum' of halving: .*two inputs of one shape"):
            use(parameters, odd)
    with pytest.raises(ShapeError, match="'sum' of halving"):
        network.shapes((9, 6, 3))
    with pytest.raises(ShapeError, match="'sum' of halving"):
        network.with_input_shape((9, 6, 3))
    with pytest.raises(ShapeError, match="'right' of halving: a window of 2x2 does not fit"):
        network.shapes((1, 6, 3))


@pytest.mark.parametrize("shape", [(2, 8, 6, 4), (2, 8, 6), (8, 6, 3), (0,), (2, 8, 6, 3, 3)])
def test_what_is_not_a_picture_of_that_kind_is_refused(shape: tuple[int, ...]) -> None:
    network = halving()
    with pytest.raises(ShapeError, match=r"takes a batch of shape \(N, height, width, 3\)"):
        network.forward(network.initialise(0), np.zeros(shape, "f4"))
    with pytest.raises(ShapeError, match=r"pictures of shape \(height, width, 3\)"):
        network.shapes(shape[1:])


@pytest.mark.parametrize("shape", [(8, None, 3), (8.0, 8, 3), "abc", [8, 8, 3], (-1, 8, 3)])
def test_other_shapes_are_refused(shape: Shape) -> None:
    with pytest.raises(ShapeError, match="takes pictures of shape"):
        halving().shapes(shape)


@pytest.mark.parametrize("shape", [(None,), (8, 8, None), (None, 3), (None, None, None), (), "96"])
def test_only_a_height_and_a_width_are_open(shape: OpenShape) -> None:
    with pytest.raises(ShapeError, match="needs a shape such as"):
        Builder("wrong", input_shape=shape)


def test_a_fixed_network_takes_its_own_size_until_it_is_opened() -> None:
    network = halving((8, 6, 3))
    parameters, larger = network.initialise(0), np.ones((1, 12, 10, 3), "f4")
    with pytest.raises(ShapeError, match=r"takes a batch of shape \(N, 8, 6, 3\)"):
        network.forward(parameters, larger)
    opened = network.with_input_shape((None, None, 3))
    assert opened == halving()
    assert opened.forward(parameters, larger).shape == (1, 6, 5, 4)


@pytest.mark.parametrize("layer", [PositionBias(), None])
def test_a_layer_whose_parameters_depend_on_an_open_size_is_refused(layer: Layer | None) -> None:
    build = Builder("flat", input_shape=(None, None, 3))
    x = build.input
    if layer is None:
        x = build.add("flat", Flatten(), x)
        layer = Dense(5)
    with pytest.raises(ShapeError, match=r"'end' of flat: the parameters of .* is open"):
        build.add("end", layer, x)


def test_a_recipe_with_a_kernel_of_the_last_map_opens_where_that_fits() -> None:
    """npfacenet-small's last convolution sees 6x6 positions: larger pictures give more of them."""
    opened = npfacenet_small().with_input_shape((None, None, 3))
    assert opened.parameter_specs() == npfacenet_small().parameter_specs()
    assert opened.shapes((128, 96, 3))["whole_face"] == (3, 1, 128)
    with pytest.raises(ShapeError, match="'whole_face' of npfacenet-small"):
        opened.shapes((64, 64, 3))


def test_a_summary_of_an_open_network_leaves_open_what_depends_on_the_size() -> None:
    summary = summarise(halving())
    assert summary.input_shape == (None, None, 3)
    assert summary.rows[0].output_shape == (None, None, 4)
    assert {row.multiply_adds for row in summary.rows} == {None}
    assert summary.parameters == summarise(halving((8, 8, 3))).parameters
    with pytest.raises(ShapeError, match="depends on the size of the picture"):
        summary.multiply_adds  # noqa: B018
    assert summarise(halving(), (8, 6, 3)) == summarise(halving((8, 6, 3)))


def test_branches_of_different_sizes_do_not_meet() -> None:
    build = Builder("apart", input_shape=(None, None, 3))
    left = build.add("left", Convolution(2, 3, 2), build.input)
    right = build.add("right", Convolution(2), build.input)
    with pytest.raises(ShapeError, match="'beside' of apart"):
        build.add("beside", Concatenate(), left, right)
