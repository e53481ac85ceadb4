"""The backward pass of whole graphs: what flows, what is kept, and that it is the derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import (
    Array,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    Gradients,
    InputGradients,
    L2Normalize,
    Parameters,
    ReLU,
    ResidualAdd,
    Saved,
)
from npfacenet.networks import Builder, Network, Node, Tape
from npfacenet.recipes import inception_resnet_v1, nn4_small2
from npfacenet.testing import check_gradients, networks
from npfacenet.threads.blas import single_threaded


def branching(rate: float = 0.25) -> Network:
    """Two branches, a residual block, dropout: the picture is taken twice, and so is "relu"."""
    build = Builder("branching", input_shape=(5, 4, 2))
    left = build.add("left", Convolution(3, 3, padding="same"), build.input)
    right = build.add("right", Convolution(1), build.input)
    x = build.add("concatenate", Concatenate(), left, right)
    x = build.add("norm", BatchNorm(), x)
    x = build.add("relu", ReLU(), x)
    y = build.add("project", Convolution(4), x)
    x = build.add("sum", ResidualAdd(0.5), x, y)
    x = build.add("norm2", BatchNorm(), x)
    x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dropout", Dropout(rate), x)
    x = build.add("dense", Dense(5), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def pictures(network: Network, batch: int = 3, seed: int = 0) -> Array:
    drawn: Array = np.random.default_rng(seed).standard_normal((batch, *network.input_shape))
    return drawn


def upstream_of(output: Array) -> Array:
    drawn: Array = np.random.default_rng(1).standard_normal(output.shape)
    return drawn.astype(output.dtype)


@settings(max_examples=20)
@given(networks(), st.booleans(), st.integers(0, 2**16))
def test_backward_of_drawn_networks_is_the_derivative(
    network: Network, training: bool, seed: int
) -> None:
    # Fresh biases are 0: behind a ReLU, a convolution gives many a 0 at which the next one bends.
    rng = np.random.default_rng([seed, 1])
    parameters = {
        name: np.abs(value + 0.1 * rng.standard_normal(value.shape))
        if name[1] == "moving_variance"
        else value + 0.1 * rng.standard_normal(value.shape)
        for name, value in network.initialise(seed).items()
    }
    report = check_gradients(
        network, pictures(network, seed=seed), parameters=parameters, training=training,
        projections=1, tolerance=1e-5, seed=seed,
    )  # fmt: skip
    assert report.ok, report


@pytest.mark.parametrize("training", [True, False])
def test_backward_of_branches_and_residuals_is_the_derivative(training: bool) -> None:
    network = branching()
    report = check_gradients(network, pictures(network), training=training)
    assert report.ok, report
    trainable = {"/".join(n) for n, s in network.parameter_specs().items() if s.trainable}
    assert {deviation.variable for deviation in report.deviations} == trainable | {"image"}
    assert check_gradients(network, pictures(network), training=training, elementwise=True).ok


def test_what_is_taken_twice_receives_the_sum() -> None:
    build = Builder("double", (3,))
    x = build.add("first", ReLU(), build.input)
    build.add("sum", ResidualAdd(0.5), x, x)
    network = build.network()
    images, upstream = np.array([[1.0, -1.0, 2.0]]), np.array([[1.0, 10.0, 100.0]])
    _, tape = network.forward_saving({}, images, to_image=True)
    seen: list[tuple[str, list[float]]] = []

    def observe(node: Node, arriving: Array) -> None:
        seen.append((node.name, arriving[0].tolist()))

    to_image, _ = network.backward({}, tape, upstream, observe)
    assert to_image is not None
    np.testing.assert_array_equal(to_image, [[1.5, 0, 150]])
    assert seen == [("sum", [1, 10, 100]), ("first", [1.5, 15, 150])]


class DropsTheSecondInput(ResidualAdd):
    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        given, own = super().backward(parameters, saved, upstream, to_inputs=to_inputs)
        return (given[0], 0 * given[1]), own


def test_a_fault_in_one_layer_is_found_in_the_variables_before_it() -> None:
    build = Builder("faulty", (4, 4, 2))
    x = build.add("first", Convolution(2, 3, padding="same"), build.input)
    y = build.add("project", Convolution(2), x)
    x = build.add("sum", DropsTheSecondInput(0.5), x, y)
    x = build.add("average", GlobalAveragePool(), x)
    build.add("dense", Dense(3), x)
    report = check_gradients(build.network(), pictures(build.network()))
    wrong = {d.variable for d in report.deviations if d.error > report.tolerance}
    assert wrong == {"image", "first/kernel", "first/bias", "project/kernel", "project/bias"}


def test_the_picture_receives_a_gradient_when_asked() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    for to_image in (False, True):
        output, tape = network.forward_saving(parameters, images, to_image=to_image, seed=(1,))
        found, _ = network.backward(parameters, tape, upstream_of(output))
        assert (None if found is None else found.shape) == (images.shape if to_image else None)


LEARNING = [
    {("dense", "kernel")},
    {("dense", "bias"), ("norm2", "gamma")},
    {("project", "kernel")},
    {("left", "bias")},
    set(),
]


@pytest.mark.parametrize("learning", LEARNING, ids=lambda names: str(sorted(names)))
def test_only_what_learns_receives_a_gradient(learning: set[tuple[str, str]]) -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    # Out of training: a batch norm that does not learn uses its moving statistics.
    output, tape = network.forward_saving(parameters, images, training=False)
    _, everything = network.backward(parameters, tape, upstream_of(output))
    again, tape = network.forward_saving(parameters, images, training=False, learning=learning)
    _, found = network.backward(parameters, tape, upstream_of(output))
    np.testing.assert_allclose(again, output, rtol=1e-12)
    assert set(found) == learning
    for name, gradient in found.items():
        np.testing.assert_array_equal(gradient, everything[name])


@pytest.mark.parametrize("first", ["norm2", "dense"])
def test_what_stands_before_all_that_learns_runs_plain_forward(
    first: str,
) -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    names = [node.name for node in network.nodes]
    after = names[names.index(first) :]
    learning = {name for name in network.parameter_specs() if name[0] in after}
    _, tape = network.forward_saving(parameters, images, learning=learning, seed=(1,))
    assert set(tape.saved) == set(after)
    assert {node for node, _ in tape.statistics} == {"norm2"} & set(after)
    without_dropout = network.trace(parameters, images)["average"]
    if first == "dense":  # dropout stands before it, and does not drop
        np.testing.assert_allclose(tape.saved["dense"]["0"], without_dropout, rtol=1e-12)


def test_in_training_all_statistics_move_and_at_inference_none() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    moving = {name for name, spec in network.parameter_specs().items() if not spec.trainable}
    _, tape = network.forward_saving(parameters, images, seed=(1,))
    assert set(tape.statistics) == moving
    _, tape = network.forward_saving(parameters, images, training=False)
    assert tape.statistics == {}


def test_out_of_training_saving_gives_what_forward_gives() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    output, _ = network.forward_saving(parameters, images, training=False)
    np.testing.assert_array_equal(output, network.forward(parameters, images))


def test_dropout_follows_the_seed_and_needs_one() -> None:
    network = branching(0.5)
    parameters, images = network.initialise(0), pictures(network)

    def run(*seed: int) -> Array:
        return network.forward_saving(parameters, images, seed=seed)[0]

    np.testing.assert_array_equal(run(1, 2), run(1, 2))
    assert not np.array_equal(run(1, 2), run(1, 3))
    with pytest.raises(ArgumentError, match="draws numbers in training"):
        run()


def test_a_tape_of_another_network_is_refused() -> None:
    network, other = branching(), branching(0.5)
    parameters, images = network.initialise(0), pictures(network)
    output, tape = network.forward_saving(parameters, images, seed=(1,))
    upstream = upstream_of(output)
    with pytest.raises(ArgumentError, match="this tape is of another network"):
        other.backward(parameters, tape, upstream)
    twin = branching()
    assert twin.nodes is not network.nodes
    assert twin.backward(parameters, tape, upstream)[1].keys() == {
        name for name, spec in network.parameter_specs().items() if spec.trainable
    }


def test_a_tape_is_used_up() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    output, tape = network.forward_saving(parameters, images, seed=(1,))
    assert tape.nbytes > 0
    with pytest.raises(
        ShapeError, match=r"upstream must be floating numbers of shape \(3, 5\), not \(3, 4\)"
    ):
        network.backward(parameters, tape, output[:, :4])
    network.backward(parameters, tape, upstream_of(output))
    assert tape.nbytes == 0
    assert tape.saved == {}
    with pytest.raises(ArgumentError, match="used up"):
        network.backward(parameters, tape, upstream_of(output))


def test_backward_frees_what_a_node_saved_as_it_passes() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network)
    output, tape = network.forward_saving(parameters, images, seed=(1,))
    held: list[int] = []
    network.backward(
        parameters, tape, upstream_of(output), lambda node, arriving: held.append(len(tape.saved))
    )
    assert held == list(range(len(network.nodes) - 1, -1, -1))


def test_single_precision_stays_single() -> None:
    network = branching()
    parameters, images = network.initialise(0), pictures(network).astype(np.float32)
    output, tape = network.forward_saving(parameters, images, to_image=True, seed=(1,))
    to_image, gradients = network.backward(parameters, tape, upstream_of(output))
    arrays = [output, to_image, *gradients.values(), *tape.statistics.values()]
    assert {array.dtype for array in arrays if array is not None} == {np.dtype(np.float32)}


def test_a_tape_holds_no_patches() -> None:
    """Convolutions of 3 x 3 and 5 x 5 would hold 9 and 25 times their inputs."""
    network = nn4_small2()
    parameters = network.initialise(0)
    images = pictures(network, batch=2).astype(np.float32)
    sizes: list[int] = []
    network.forward(parameters, images, lambda node, output: sizes.append(output.nbytes))
    _, tape = network.forward_saving(parameters, images, to_image=True, seed=(1,))
    held = [array.nbytes for saved in tape.saved.values() for array in saved.arrays.values()]
    assert max(held) <= max(sizes)
    assert tape.nbytes < 2 * sum(sizes)
    assert tape.nbytes == _counted_once(tape)


def _counted_once(tape: Tape) -> int:
    arrays = [array for saved in tape.saved.values() for array in saved.arrays.values()]
    return sum({id(array): array.nbytes for array in arrays}.values())


def at(network: Network, height: int, width: int) -> Network:
    """The same network for pictures of another size."""
    build = Builder(network.name, (height, width, network.input_shape[-1]))
    for node in network.nodes:
        build.add(node.name, node.layer, *node.inputs)
    return build.network()


def check_whole(network: Network, batch: int, training: bool, only: list[str]) -> None:
    """The gradients of these variables, each along one direction."""
    images = np.random.default_rng(5).random((batch, *network.input_shape))
    with single_threaded():  # small products; and no bit depends on the number of cores
        report = check_gradients(
            network, images, training=training, projections=1, tolerance=1e-5, only=only
        )
    assert report.ok, report
    assert {deviation.variable for deviation in report.deviations} == set(only)


def test_the_picture_of_nn4_small2() -> None:
    check_whole(nn4_small2("openface"), batch=1, training=False, only=["image"])


def test_a_late_kernel_of_inception_resnet_v1() -> None:
    """The picture, and all that lies between, are in the slow set."""
    network = at(inception_resnet_v1(), 75, 75)
    check_whole(network, batch=1, training=False, only=["Block8_6_Branch_1_Conv2d_0b_1x3/kernel"])


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "build",
    [
        lambda: nn4_small2("course"),
        lambda: nn4_small2("openface"),
        lambda: at(inception_resnet_v1(), 107, 107),
    ],
    ids=["nn4.small2-course", "nn4.small2-openface", "inception_resnet_v1"],
)
def test_whole_networks(build: Callable[[], Network], training: bool) -> None:
    network = build()
    names = ["/".join(n) for n, spec in network.parameter_specs().items() if spec.trainable]
    drawn = np.random.default_rng(6).choice(names, 5, replace=False)
    check_whole(network, batch=4, training=training, only=["image", *map(str, drawn)])
