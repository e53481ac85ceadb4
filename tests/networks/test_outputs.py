"""Networks with several named outputs: what each gives, what flows back, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array, Convolution, Dense, Dropout, GlobalAveragePool, ReLU
from npfacenet.networks import Builder, Network, Outputs, sole
from npfacenet.networks.outputs import by_name
from npfacenet.testing import assert_recipe_laws, check_gradients, open_networks


def heads(shape: tuple[int | None, ...] = (None, None, 3)) -> Network[Outputs]:
    """A trunk with three heads, the trunk's end being an output too."""
    build = Builder("heads", input_shape=shape)
    x = build.add("conv", Convolution(4, 3, 2, "same"), build.input)
    trunk = build.add("trunk", ReLU(), x)
    score = build.add("score", Convolution(1), trunk)
    box = build.add("box", Convolution(4, 3, padding="same"), trunk)
    mean = build.add("mean", GlobalAveragePool(), trunk)
    build.add("vector", Dense(5), mean)
    return build.network(outputs=[trunk, score, box, "vector"])


def pictures(shape: tuple[int, ...] = (2, 9, 7, 3), seed: int = 0) -> Array:
    drawn: Array = np.random.default_rng(seed).standard_normal(shape)
    return drawn


def upstreams(outputs: dict[str, Array]) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    return {name: rng.standard_normal(output.shape) for name, output in outputs.items()}


def named(outputs: Outputs) -> dict[str, Array]:
    assert isinstance(outputs, dict)
    return outputs


@given(open_networks(), st.integers(4, 9), st.integers(4, 9), st.integers(0, 99))
def test_outputs_are_what_their_nodes_give(
    network: Network[Outputs], height: int, width: int, seed: int
) -> None:
    images = pictures((2, height, width, network.accepted_shape[-1] or 1), seed)
    parameters = network.initialise(seed)
    outputs = by_name(network.forward(parameters, images), network.outputs)
    traced = network.trace(parameters, images)
    assert tuple(outputs) == network.outputs
    for name, output in outputs.items():
        np.testing.assert_array_equal(traced[name], output)
        part = network.with_outputs(name)
        np.testing.assert_array_equal(sole(part.forward(parameters, images)), output)


@settings(max_examples=20)
@given(open_networks(), st.integers(0, 2**16))
def test_backward_with_several_outputs_is_the_derivative(
    network: Network[Outputs], seed: int
) -> None:
    rng = np.random.default_rng([seed, 1])
    parameters = {
        name: np.abs(value + 0.1 * rng.standard_normal(value.shape))
        if name[1] == "moving_variance"
        else value + 0.1 * rng.standard_normal(value.shape)
        for name, value in network.initialise(seed).items()
    }
    images = pictures((2, 6, 5, network.accepted_shape[-1] or 1), seed)
    report = check_gradients(
        network, images, parameters=parameters, projections=1, tolerance=1e-5, seed=seed
    )
    assert report.ok, report


def test_every_gradient_of_three_heads_is_right_element_by_element() -> None:
    network = heads()
    report = check_gradients(network, pictures((1, 5, 4, 3)), elementwise=True)
    assert report.ok, report
    trainable = {"/".join(n) for n, s in network.parameter_specs().items() if s.trainable}
    assert {deviation.variable for deviation in report.deviations} == trainable | {"image"}


@given(st.sets(st.sampled_from(["trunk", "score", "box", "vector"]), min_size=1))
def test_backward_is_linear_in_the_outputs_and_those_left_out_count_as_zero(
    chosen: set[str],
) -> None:
    network = heads()
    parameters = {name: one.astype(float) for name, one in network.initialise(0).items()}
    images = pictures()

    def gradients(upstream: dict[str, Array]) -> dict[str, Array]:
        _, tape = network.forward_saving(parameters, images, to_image=True)
        to_image, found = network.backward(parameters, tape, upstream)
        assert to_image is not None
        return {"image": to_image} | {"/".join(name): one for name, one in found.items()}

    given = upstreams(named(network.forward(parameters, images)))
    some = gradients({name: given[name] for name in chosen})
    zero = {n: given[n] if n in chosen else np.zeros_like(given[n]) for n in given}
    alone = [gradients({name: given[name]}) for name in chosen]
    for name, gradient in gradients(zero).items():
        np.testing.assert_allclose(some[name], gradient, atol=1e-12)
        np.testing.assert_allclose(sum(one[name] for one in alone), gradient, atol=1e-12)


def test_a_parameter_that_no_given_output_depends_on_has_a_gradient_of_zeros() -> None:
    network = heads()
    parameters = network.initialise(0)
    outputs, tape = network.forward_saving(parameters, pictures())
    _, found = network.backward(parameters, tape, {"score": np.ones_like(named(outputs)["score"])})
    assert found.keys() == {n for n, s in network.parameter_specs().items() if s.trainable}
    assert not found["box", "kernel"].any()
    assert not found["vector", "bias"].any()
    assert found["conv", "kernel"].any()
    assert found["score", "kernel"].any()


def test_a_frozen_trunk_leaves_only_the_heads_learning() -> None:
    network = heads()
    parameters = network.initialise(0)
    learning = [("score", "kernel"), ("box", "bias")]
    outputs, tape = network.forward_saving(parameters, pictures(), learning=learning)
    assert tape.reached == {"score", "box"}
    _, found = network.backward(parameters, tape, upstreams(named(outputs)))
    assert sorted(found) == sorted(learning)


@pytest.mark.parametrize("outputs", [["score", "vector"], ["vector", "score", "trunk"]])
def test_outputs_come_in_the_order_in_which_they_were_named(outputs: list[str]) -> None:
    network = heads().with_outputs(*outputs)
    assert list(named(network.forward(network.initialise(0), pictures()))) == outputs
    assert list(network.output_shapes) == outputs


def test_a_part_of_a_network_has_only_the_nodes_that_it_needs() -> None:
    part = heads().with_outputs("vector")
    assert [node.name for node in part.nodes] == ["conv", "trunk", "mean", "vector"]
    whole = heads().initialise(3)
    assert part.parameter_specs().keys() < whole.keys()
    assert all(np.array_equal(whole[name], one) for name, one in part.initialise(3).items())


def test_a_block_that_loses_its_end_loses_its_name() -> None:
    build = Builder("nested", input_shape=(4, 4, 2))
    with build.block("outer"):
        with build.block("inner"):
            x = build.add("first", ReLU(), build.input)
            x = build.add("second", Convolution(3), x)
        x = build.add("last", ReLU(), x)
    network, images = build.network(), pictures((1, 4, 4, 2))
    blocks = {
        end: set(network.with_outputs(end).trace(network.initialise(0), images))
        for end in ("first", "second", "last")
    }
    assert blocks["first"] == {"first"}
    assert blocks["second"] == {"first", "second"}
    assert blocks["last"] == {"first", "second", "last", "outer", "outer/inner"}


def test_a_network_of_one_named_output_gives_the_array() -> None:
    network = heads().with_outputs("score")
    assert network.outputs == ("score",)
    images, parameters = pictures(), network.initialise(0)
    output = sole(network.forward(parameters, images))
    assert output.shape == (2, 5, 4, 1)
    by_array, by_mapping = (
        network.backward(parameters, network.forward_saving(parameters, images)[1], upstream)[1]
        for upstream in (output, {"score": output})
    )
    np.testing.assert_array_equal(by_array["conv", "kernel"], by_mapping["conv", "kernel"])


def test_a_network_with_several_outputs_is_a_value() -> None:
    network = heads()
    assert pickle.loads(pickle.dumps(network)) == network == heads()  # noqa: S301
    assert hash(network) == hash(heads())
    assert network != network.with_outputs("score")
    assert_recipe_laws(heads)
    assert_recipe_laws(lambda: heads((9, 8, 3)))


def test_what_no_output_needs_is_refused_when_the_network_is_built() -> None:
    build = Builder("wasteful", input_shape=(4, 4, 2))
    used = build.add("used", ReLU(), build.input)
    build.add("forgotten", Convolution(3), used)
    with pytest.raises(ArgumentError, match="wasteful: no output needs forgotten; leave it out"):
        build.network(outputs=[used])
    build.add("end", Dropout(0.5), used)
    with pytest.raises(ArgumentError, match=r"no output needs forgotten.* beside end"):
        build.network()
    assert build.network(outputs=["forgotten", "end"]).outputs == ("forgotten", "end")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([], "at least one"),
        ("relu", "a list of node names, at least one, not 'relu'"),
        (None.__class__, "a list of node names"),
        (["image"], "the output 'image' is not a node"),
        (["nothing"], "the output 'nothing' is not a node"),
        ([3], "the output 3 is not a node"),
        ([["relu"]], "is not a node"),
        (["relu", "relu"], "named twice"),
    ],
)
def test_other_outputs_are_refused(outputs: list[str], said: str) -> None:
    build = Builder("one", input_shape=(4, 4, 2))
    build.add("relu", ReLU(), build.input)
    with pytest.raises(ArgumentError, match=said):
        build.network(outputs=outputs)
    if isinstance(outputs, list):
        with pytest.raises(ArgumentError, match=said):
            build.network().with_outputs(*outputs)


@pytest.mark.parametrize(
    ("upstream", "error", "said"),
    [
        (np.ones((2, 5, 4, 1)), ArgumentError, r"has the outputs \['trunk', 'score'"),
        ({}, ArgumentError, "no upstream is given"),
        ({"conv": np.ones((2, 5, 4, 4))}, ArgumentError, "'conv' is not an output; there are"),
        ({3: np.ones(3)}, ArgumentError, "3 is not an output"),
        (
            {"score": np.ones((2, 5, 4, 2))},
            ShapeError,
            r"upstream of 'score' .* \(2, 5, 4, 1\)",
        ),
        ({"score": None}, ShapeError, "upstream of 'score' must be .* not a NoneType"),
        ({"score": np.ones((2, 5, 4, 1), int)}, ShapeError, "floating numbers"),
    ],
)
def test_other_upstreams_are_refused_and_the_tape_is_not_used_up(
    upstream: object, error: type[Exception], said: str
) -> None:
    network = heads()
    parameters = network.initialise(0)
    outputs, tape = network.forward_saving(parameters, pictures())
    with pytest.raises(error, match=said):
        network.backward(parameters, tape, upstream)  # type: ignore[arg-type]  # that is what is tested
    network.backward(parameters, tape, named(outputs))


def test_one_shape_is_asked_of_a_network_with_one_output_only() -> None:
    with pytest.raises(ShapeError, match="heads has several outputs"):
        heads().output_shape  # noqa: B018
    with pytest.raises(ShapeError, match="one output is expected here, and the network has"):
        sole(heads().forward(heads().initialise(0), pictures()))


def test_a_block_within_a_block() -> None:
    build = Builder("nested", input_shape=(4, 4, 2))
    with build.block("outer"):
        x = build.add("before", ReLU(), build.input)
        with build.block("inner"):
            x = build.add("middle", Convolution(3), x)
            x = build.add("last", ReLU(), x)
    x = build.add("after", Convolution(1), x)
    network = build.network()
    images = pictures((1, 4, 4, 2))
    traced = network.trace(network.initialise(0), images)
    assert traced["outer"] is traced["outer/inner"] is traced["last"]
    assert set(traced) == {"before", "middle", "last", "after", "outer", "outer/inner"}


def test_a_block_whose_last_node_is_outside_of_the_inner_block() -> None:
    build = Builder("nested", input_shape=(4, 4, 2))
    with build.block("outer"):
        with build.block("inner"):
            x = build.add("first", ReLU(), build.input)
        build.add("end", Convolution(3), x)
    network = build.network()
    traced = network.trace(network.initialise(0), pictures((1, 4, 4, 2)))
    assert traced["outer"] is traced["end"]
    assert traced["outer/inner"] is traced["first"]


def test_a_name_stands_for_one_thing() -> None:
    build = Builder("ambiguous", input_shape=(4, 4, 2))
    with build.block("mixed"):
        x = build.add("mixed", ReLU(), build.input)
    assert build.network().trace({}, pictures((1, 4, 4, 2))).keys() == {"mixed"}
    with build.block("mixed"):
        build.add("more", ReLU(), x)
    with pytest.raises(ArgumentError, match="the block 'mixed' ends with 'more'"):
        build.network()
