"""A plan gives all outputs of a network, whatever is folded, and at every size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from closeness import IN_SMALL_PIECES, assert_close, assume_well_conditioned, tolerance
from drawn_networks import Drawn, drawn_parameters, several_outputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npfacenet.errors import ShapeError
from npfacenet.inference import Costs, Plan
from npfacenet.layers import (
    Array,
    BatchNorm,
    Concatenate,
    Convolution,
    Dropout,
    GlobalAveragePool,
    MaxPool,
    PReLU,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)
from npfacenet.networks import Builder, Network, Outputs
from npfacenet.networks.outputs import by_name

slow = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALWAYS_SHARED = Costs(worth_sharing=0.0)


def assert_all_close(drawn: Drawn[Outputs], costs: Costs, threads: tuple[int, ...]) -> None:
    """Every output of the plan is that of the readable path, a second time too."""
    names = drawn.network.outputs
    expected = drawn.network.forward(drawn.parameters, drawn.images)
    plan = Plan(drawn.network, drawn.parameters, costs)
    allowed = tolerance(plan, drawn.images)
    for number in threads:
        for _ in range(2):
            found = plan.run(drawn.images, threads=number)
            assert isinstance(found, dict) == (len(names) > 1)
            assert [*by_name(found, names)] == [*by_name(expected, names)] == [*names]
            for name, output in by_name(expected, names).items():
                assert_close(by_name(found, names)[name], output, allowed)


@slow
@given(several_outputs())
def test_drawn_networks(drawn: Drawn[Outputs]) -> None:
    assume_well_conditioned(drawn)
    assert_all_close(drawn, Costs(), (1, 2, 3))


@slow
@given(several_outputs())
def test_drawn_networks_in_small_pieces_and_halves(drawn: Drawn[Outputs]) -> None:
    assume_well_conditioned(drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("npfacenet.inference.product.kernels", lambda: "SkylakeX")
        assert_all_close(drawn, IN_SMALL_PIECES, (1, 2))


def refusal(work: Callable[[], object]) -> str | None:
    """The message of its ShapeError; None if there is none."""
    try:
        work()
    except ShapeError as error:
        return str(error)
    return None


@slow
@given(several_outputs(), st.tuples(st.integers(1, 24), st.integers(1, 24)))
def test_a_size_is_taken_where_the_readable_path_takes_it(
    drawn: Drawn[Outputs], size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(sum(size))
    shape = (len(drawn.images), *size, drawn.images.shape[-1])
    other = replace(drawn, images=rng.standard_normal(shape, np.float32))
    plan = Plan(drawn.network, drawn.parameters)
    refused = refusal(lambda: drawn.network.forward(drawn.parameters, other.images))
    if refused is not None:
        found = refusal(lambda: plan.run(other.images))
        # Both name the layer; of a fixed size, the batch or the picture.
        assert found == refused if None in drawn.network.accepted_shape else found
        return
    assume_well_conditioned(other)
    for images in (other.images, drawn.images, other.images):
        assert_all_close(replace(drawn, images=images), Costs(), (2,))


def mixed() -> Network[Outputs]:
    """A network in which everything would be folded, joined, moved or computed in place."""
    build = Builder("mixed", input_shape=(None, None, 3))
    x = build.add("conv", Convolution(8, 3, bias=False), build.input)
    x = build.add("norm", BatchNorm(1e-3), x)
    x = build.add("relu", ReLU(), x)
    x = build.add("pool", MaxPool(2, 2), x)
    x = build.add("kept", Dropout(0.5), x)
    one = build.add("one", Convolution(4), x)
    two = build.add("two", Convolution(5), x)
    slope = build.add("slope", PReLU(), two)
    x = build.add("beside", Concatenate(), one, slope, x)
    residual = build.add("residual", Convolution(17), x)
    x = build.add("sum", ResidualAdd(0.3), x, residual)
    x = build.add("slope_of_sum", PReLU(), x)
    x = build.add("padded", ZeroPadding(1), x)
    x = build.add("last", Convolution(6, 3), x)
    x = build.add("last_norm", BatchNorm(1e-3), x)
    x = build.add("again", Dropout(0.5), x)
    build.add("mean", GlobalAveragePool(), x)
    return build.network()


NODES = [node.name for node in mixed().nodes]
TOGETHER = [
    *([name, "mean"] for name in NODES[:-1]),  # also read by others
    NODES,
    ["kept", "pool"],  # the same tensor
    ["again", "last_norm", "mean"],
    ["one", "slope", "beside"],  # within another output
    ["beside", "two"],
    ["residual", "sum", "slope_of_sum"],  # computed in place
    ["slope_of_sum", "padded"],
]


@pytest.mark.parametrize("outputs", TOGETHER, ids=",".join)
@pytest.mark.parametrize("costs", [Costs(), ALWAYS_SHARED], ids=["measured", "shared"])
def test_every_node_may_be_an_output(
    outputs: list[str], costs: Costs, rng: np.random.Generator
) -> None:
    whole = mixed()
    parameters = drawn_parameters(whole, rng)
    plan = Plan(whole.with_outputs(*outputs), parameters, costs)
    for size in ((20, 13), (31, 40)):
        images = rng.standard_normal((3, *size, 3), np.float32)
        traced = whole.trace(parameters, images)
        for threads in (1, 2):
            found = by_name(plan.run(images, threads=threads), outputs)
            assert [*found] == outputs
            for name, output in found.items():
                assert_close(output, traced[name], 5e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("batch", [1, 3, 9])
def test_what_is_not_finite_reaches_all_outputs_of_its_picture(
    bad: float, batch: int, rng: np.random.Generator
) -> None:
    network = mixed().with_outputs("conv", "relu", "beside", "mean")
    plan = Plan(network, drawn_parameters(network, rng))
    images = rng.standard_normal((batch, 16, 16, 3), np.float32)
    expected = by_name(plan.run(images), network.outputs)
    spoilt = images.copy()
    spoilt[batch // 2, 15, 15, 2] = bad
    others = np.arange(batch) != batch // 2
    for name, output in by_name(plan.run(spoilt), network.outputs).items():
        assert np.isnan(output[batch // 2]).all()
        np.testing.assert_array_equal(output[others], expected[name][others])


def test_a_network_that_changes_nothing_gives_its_pictures(rng: np.random.Generator) -> None:
    build = Builder("nothing", input_shape=(None, None, 3))
    build.add("two", Dropout(0.5), build.add("one", Dropout(0.5), build.input))
    images = rng.standard_normal((2, 5, 4, 3), np.float32)
    found = Plan(build.network(outputs=["one", "two"]), {}).run(images)
    assert isinstance(found, dict)
    for name in ("one", "two"):
        np.testing.assert_array_equal(found[name], images)
    assert not np.shares_memory(found["one"], found["two"])


@pytest.mark.parametrize(
    ("alpha", "moved"),
    [([0.25] * 4, True), ([0.0] * 4, True), ([1.5] * 4, True), ([0.25, 0, 2, -0.1], False)],
)
@pytest.mark.parametrize("before", ["convolution", "dense sum", "nothing"])
def test_prelu_is_fused_and_moved_behind_a_max_pooling_where_it_rises(
    alpha: list[float], moved: bool, before: str, rng: np.random.Generator
) -> None:
    build = Builder("slopes", input_shape=(11, 9, 4))
    x = build.input
    if before == "convolution":
        x = build.add("before", Convolution(4, 3), x)
    elif before == "dense sum":
        x = build.add("before", ResidualAdd(), x, build.add("conv", Convolution(4), x))
    x = build.add("slope", PReLU(), x)
    build.add("pool", MaxPool(3, 2, 1), x)
    network = build.network()
    parameters: dict[tuple[str, str], Array] = drawn_parameters(network, rng)
    parameters["slope", "alpha"] = np.array(alpha, np.float32)
    plan = Plan(network, parameters)
    images = rng.standard_normal((5, 11, 9, 4), np.float32)
    assert_close(plan.run(images), network.forward(parameters, images))
    operations = plan._folded.operations
    assert len(operations) == {"convolution": 2, "dense sum": 3, "nothing": 2}[before]
    if before == "convolution":
        pool = operations[-1]
        assert getattr(pool, "activation").kind == ("prelu" if moved else "none")  # noqa: B009
