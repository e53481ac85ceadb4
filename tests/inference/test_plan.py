"""The plan computes what the readable path computes: on drawn networks, recipes, real weights."""

from __future__ import annotations

import _thread
import os
import tracemalloc
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from closeness import IN_SMALL_PIECES, assert_close, assume_well_conditioned, tolerance
from drawn_networks import Drawn, drawn_networks, drawn_parameters
from hypothesis import HealthCheck, given, settings

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.inference import Plan
from npfacenet.inference.batching import TOGETHER
from npfacenet.inference.bound_plan import BoundPlan
from npfacenet.inference.convolve import Convolve
from npfacenet.inference.costs import Costs
from npfacenet.inference.folding import FoldedNetwork, fold
from npfacenet.layers import (
    Array,
    Concatenate,
    Convolution,
    GlobalAveragePool,
    Parameters,
    PReLU,
    ReLU,
)
from npfacenet.networks import Builder, Network, NetworkParameters, OpenShape
from npfacenet.networks.outputs import by_name
from npfacenet.recipes import RECIPES, Recipe, inception_resnet_v1
from npfacenet.threads import worker_threads
from npfacenet.threads.blas import blas_threads


def small_network(input_shape: OpenShape = (14, 13, 3)) -> Network:
    build = Builder("small", input_shape)
    x = build.add("conv1", Convolution(8, 3, padding="same"), build.input)
    x = build.add("relu1", ReLU(), x)
    x = build.add("conv2", Convolution(40, 3), x)
    build.add("mean", GlobalAveragePool(), x)
    return build.network()


@pytest.fixture
def small(rng: np.random.Generator) -> tuple[Network, Plan, Array]:
    network = small_network()
    parameters = drawn_parameters(network, rng)
    return network, Plan(network, parameters), rng.random((11, 14, 13, 3), dtype=np.float32)


ALWAYS_SHARED = Costs(worth_sharing=0.0)
"""Two cores share even the smallest picture."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_networks())
def test_drawn_networks(drawn: Drawn) -> None:
    expected = drawn.network.forward(drawn.parameters, drawn.images)
    assume_well_conditioned(drawn)
    plan = Plan(drawn.network, drawn.parameters)
    allowed = tolerance(plan, drawn.images)
    for threads in (1, 2, 3):
        assert_close(plan.run(drawn.images, threads=threads), expected, allowed)
    bound, output = plan.bind(len(drawn.images), cores=2), np.empty_like(expected)
    for _ in range(2):
        bound.run(drawn.images, output)
        assert_close(output, expected, allowed)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_networks())
def test_drawn_networks_in_small_pieces_and_halves(drawn: Drawn) -> None:
    """As large networks work: every step in pieces, and every step shared by two cores."""
    expected = drawn.network.forward(drawn.parameters, drawn.images)
    assume_well_conditioned(drawn)
    plan = Plan(drawn.network, drawn.parameters, IN_SMALL_PIECES)
    output = np.empty_like(expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("npfacenet.inference.product.kernels", lambda: "SkylakeX")
        for cores in (1, 2):
            bound = plan.bind(len(drawn.images), cores=cores)
            for _ in range(2):
                bound.run(drawn.images, output)
                assert_close(output, expected, tolerance(plan, drawn.images))


def assert_lone(network: Network, parameters: NetworkParameters, images: Array) -> None:
    """A plan does not hold the memory that its parameters are pieces of."""
    block = np.concatenate([*map(np.ravel, parameters.values()), np.ones(99)]).astype(np.float32)
    block.flags.writeable = False
    pieces, start = {}, 0
    for name, tensor in parameters.items():
        pieces[name] = block[start : start + tensor.size].reshape(tensor.shape)
        start += tensor.size
    gone = weakref.ref(block)
    del block
    plan = Plan(network, pieces)
    pieces.clear()
    assert gone() is None
    expected = Plan(network, parameters).run(images, threads=1)
    np.testing.assert_array_equal(plan.run(images, threads=1), expected)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn_networks())
def test_a_plan_does_not_hold_the_memory_that_parameters_are_pieces_of(drawn: Drawn) -> None:
    assert_lone(drawn.network, drawn.parameters, drawn.images)


class OwnSlopes(PReLU):
    """A user's layer, which runs through its own `forward`."""


@pytest.mark.parametrize("slopes", [PReLU(), OwnSlopes()])
def test_nor_do_activations_and_layers_that_it_does_not_know(
    slopes: PReLU, rng: np.random.Generator
) -> None:
    build = Builder("slopes", input_shape=(6, 6, 3))
    build.add("slopes", slopes, build.input)
    network = build.network()
    images = rng.standard_normal((2, 6, 6, 3), np.float32)
    assert_lone(network, drawn_parameters(network, rng), images)


def test_two_cores_share_steps() -> None:
    network = inception_resnet_v1()
    bound = Plan(network, network.initialise(0)).bind(1, cores=2)
    assert {work.core for work in bound.work} == {0, 1}
    names = [work.names for work in bound.work]
    assert len(names) > len(set(names))  # halves of one step


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_folded_and_transformed_kernels_begin_with_a_cache_line(recipe: Recipe) -> None:
    network = recipe.build()
    operations = fold(network, network.initialise(0)).operations
    convolutions = [one.bank for one in operations if isinstance(one, Convolve)]
    kernels = [one.kernel for one in convolutions]
    kernels += [one.transformed((2, 2)) for one in convolutions if one.window.size == (3, 3)]
    aligned = [kernel.ctypes.data % 64 == 0 for kernel in kernels]
    # What nothing was folded into, as a last dense layer, may be the model's own array.
    assert sum(aligned) >= len(aligned) - 2


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_recipes(recipe: Recipe, rng: np.random.Generator) -> None:
    network = recipe.build()
    parameters = drawn_parameters(network, rng)
    is_open = None in network.accepted_shape
    shape = (96, 64, 3) if is_open else network.input_shape
    images = rng.random((3, *shape), dtype=np.float32)
    plan = Plan(network, parameters)
    expected = by_name(network.forward(parameters, images), network.outputs)
    for batch in (1, 3):
        for threads in (1, 2):
            found = by_name(plan.run(images[:batch], threads=threads), network.outputs)
            for name, output in expected.items():
                assert_close(found[name], output[:batch])


@pytest.mark.parametrize("name", ["nn4", "inception_resnet"])
def test_real_weights(name: str, request: pytest.FixtureRequest, rng: np.random.Generator) -> None:
    model = request.getfixturevalue(name)
    images = rng.random((2, *model.network.input_shape), dtype=np.float32)
    expected = model.network.forward(model.parameters, images)
    for some in ([0, 1] * 4 + [0], [0, 1]):  # more than one thread works on at a time, and fewer
        assert_close(model.plan.run(images[some]), expected[some])
    assert_close(model.plan.run(images[:1]), expected[:1])


def test_the_same_batch_gives_the_same_bits_from_any_thread(
    small: tuple[Network, Plan, Array],
) -> None:
    _, plan, images = small
    for batch in (images, images[:1]):
        expected = plan.run(batch, threads=2)
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _, b=batch: plan.run(b, threads=2), range(40)):
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("batch", [1, 4, 11])
def test_what_is_not_finite_stays_with_its_picture(
    small: tuple[Network, Plan, Array], bad: float, batch: int
) -> None:
    _, plan, images = small
    expected = plan.run(images[:batch])
    spoilt = images[:batch].copy()
    spoilt[batch // 2, 5, 6, 1] = bad
    found = plan.run(spoilt)
    others = np.arange(batch) != batch // 2
    assert not np.isfinite(found[batch // 2]).any()
    np.testing.assert_array_equal(found[others], expected[others])
    np.testing.assert_array_equal(plan.run(images[:batch]), expected)  # and leaves nothing behind


def test_memory_does_not_grow(small: tuple[Network, Plan, Array]) -> None:
    _, plan, images = small
    many = np.concatenate([images] * 80)
    most = 2 * plan.bind(TOGETHER).workspace_bytes + plan.bind(TOGETHER - 3).workspace_bytes
    plan.run(many[: 4 * TOGETHER], threads=2)
    plan.run(many, threads=2)
    plan.run(many[:-3], threads=1)  # the last batch is smaller by 3
    tracemalloc.start()
    output = plan.run(many[:-3], threads=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < plan.workspace_bytes <= most
    assert peak < output.nbytes + 100_000  # nothing large is allocated for a call


def test_plans_for_many_batches_of_one_size_do_not_add_up(
    small: tuple[Network, Plan, Array],
) -> None:
    _, plan, images = small
    for batch in [*range(1, len(images) + 1)] * 2:
        plan.run(images[:batch], threads=1)
    assert plan.workspace_bytes <= 3 * plan.bind(TOGETHER).workspace_bytes


def bindings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batch of each plan that is bound from now on."""
    bound: list[int] = []
    build = BoundPlan.__init__

    def count(self: BoundPlan, folded: FoldedNetwork, *others: Any) -> None:
        bound.append(others[1])
        build(self, folded, *others)

    monkeypatch.setattr(BoundPlan, "__init__", count)
    return bound


@pytest.mark.parametrize("sizes", [range(20, 60, 4), [int(200 * 0.8**i) for i in range(10)]])
def test_five_convolutions_at_ten_sizes_in_turn_stay_bound(
    sizes: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Builder("five", input_shape=(None, None, 3))
    x = build.input
    for number in range(5):
        x = build.add(f"conv{number}", Convolution(16, 3), x)
        x = build.add(f"slope{number}", PReLU(), x)
    network = build.network()
    plan, bound = Plan(network, network.initialise(0)), bindings(monkeypatch)
    pictures = [np.zeros((1, size, size + 3, 3), np.float32) for size in sizes]
    for _ in range(3):
        for picture in pictures:
            plan.run(picture)
    assert len(bound) == 10
    assert 0 < plan.workspace_bytes <= plan.costs.kept_bytes


def test_kept_plans_are_bounded_in_bytes(rng: np.random.Generator) -> None:
    network = small_network((None, None, 3))
    parameters = drawn_parameters(network, rng)
    one = Plan(network, parameters).bind(1, shape=(14, 13, 3)).workspace_bytes
    plan = Plan(network, parameters, Costs(kept_bytes=3 * one))
    for height in (14, 13, 12, 11, 10, 9, 8):
        plan.run(np.zeros((1, height, 13, 3), np.float32))
        assert 0 < plan.workspace_bytes <= 3 * one
    large = rng.random((1, 40, 40, 3), np.float32)
    plan.run(large)  # more than the bound: it stays alone, until there is another
    assert plan.workspace_bytes == plan.bind(1, shape=(40, 40, 3)).workspace_bytes > 3 * one
    plan.run(large[:, :14, :13])
    assert plan.workspace_bytes == one


def test_no_pictures(small: tuple[Network, Plan, Array]) -> None:
    network, plan, images = small
    assert plan.run(images[:0]).shape == (0, *network.output_shape)


def test_pictures_of_other_sizes_in_double_precision(
    small: tuple[Network, Plan, Array], rng: np.random.Generator
) -> None:
    network, _, _ = small
    parameters = drawn_parameters(network, rng)
    wide = rng.random((2, 9, 30, 3))
    expected = small_network((9, 30, 3)).forward(parameters, wide.astype(np.float32))
    plan = Plan(network.with_input_shape((None, None, 3)), parameters)
    assert_close(plan.run(wide), expected)


def test_sizes_that_the_readable_path_refuses_are_refused(
    small: tuple[Network, Plan, Array], rng: np.random.Generator
) -> None:
    network, plan, _ = small
    with pytest.raises(ShapeError, match=r"small takes pictures of shape \(14, 13, 3\)"):
        plan.run(np.zeros((1, 14, 14, 3), np.float32))
    with pytest.raises(ShapeError, match=r"small takes pictures of shape \(14, 13, 3\)"):
        plan.bind(1, shape=(14, 14, 3))
    opened = Plan(network.with_input_shape((None, None, 3)), drawn_parameters(network, rng))
    with pytest.raises(ShapeError, match="'conv2' of small"):
        opened.run(np.zeros((1, 2, 9, 3), np.float32))
    with pytest.raises(ShapeError, match="any size"):
        opened.bind(1)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 14, 13, 4), np.float32),
        np.zeros((14, 13, 3), np.float32),
        np.zeros((2, 14, 13, 3), np.uint8),
        np.zeros((2, 2, 13, 3), np.float32),
        [[1.0]],
    ],
    ids=["channels", "no batch", "bytes", "too small", "a list"],
)
def test_what_does_not_fit_is_refused(small: tuple[Network, Plan, Array], images: Array) -> None:
    _, plan, _ = small
    with pytest.raises(ShapeError):
        plan.run(images)


def test_threads_are_at_least_one(small: tuple[Network, Plan, Array]) -> None:
    _, plan, images = small
    with pytest.raises(ArgumentError, match="threads is a whole number"):
        plan.run(images, threads=0)


def test_inputs_are_left_as_they_are(small: tuple[Network, Plan, Array]) -> None:
    _, plan, images = small
    images.flags.writeable = False
    before = images.copy()
    plan.run(images)
    plan.run(images[::2])
    np.testing.assert_array_equal(images, before)


def test_the_blas_is_given_back_after_an_error(
    small: tuple[Network, Plan, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plan, images = small
    before = blas_threads()

    def fail(*_: object) -> None:
        raise MemoryError

    for batch in (images, images[:1]):
        with monkeypatch.context() as patch:
            patch.setattr("npfacenet.inference.bound_plan.make_calls", fail)
            patch.setattr("npfacenet.inference.two_cores.make_calls", fail)
            with pytest.raises(MemoryError):
                plan.run(batch, threads=2)
        assert blas_threads() == before
    assert np.isfinite(plan.run(images)).all()


class Shifted(ReLU):
    """A user's layer, derived from one that the plan knows."""

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return super().forward(parameters, *inputs) + 1


class Failing(Shifted):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        raise LookupError("of the user's own")


def with_layer(layer: ReLU) -> Network:
    """Two heavy branches, so that two cores share the work, and this layer in one of them."""
    build = Builder("own", input_shape=(30, 30, 16))
    ends = [build.add(f"conv{i}", Convolution(64, 3), build.input) for i in range(4)]
    ends = [build.add(f"own{i}", layer, end) for i, end in enumerate(ends)]
    build.add("all", Convolution(8), build.add("beside", Concatenate(), *ends))
    return build.network()


@pytest.mark.parametrize("batch", [1, 3])
def test_a_layer_derived_from_a_known_one_is_its_own(batch: int, rng: np.random.Generator) -> None:
    network = with_layer(Shifted())
    parameters = drawn_parameters(network, rng)
    images = rng.random((batch, 30, 30, 16), dtype=np.float32)
    expected = network.forward(parameters, images)
    assert_close(Plan(network, parameters, ALWAYS_SHARED).run(images, threads=2), expected)


@pytest.mark.parametrize("batch", [1, 3])
def test_an_error_in_a_layer_comes_through(batch: int, rng: np.random.Generator) -> None:
    network = with_layer(Failing())
    plan = Plan(network, network.initialise(0), ALWAYS_SHARED)
    images = rng.random((batch, 30, 30, 16), dtype=np.float32)
    for _ in range(20):
        with pytest.raises(LookupError, match="of the user's own"):
            plan.run(images, threads=2)
    assert plan.workspace_bytes == 0


@pytest.mark.parametrize("batch", [1, 3])
def test_where_the_system_has_no_more_threads_one_is_enough(
    batch: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(worker_threads, "_state", worker_threads._State())
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    network = with_layer(ReLU())
    parameters = drawn_parameters(network, rng)
    images = rng.random((batch, 30, 30, 16), dtype=np.float32)
    expected = network.forward(parameters, images)
    assert_close(Plan(network, parameters, ALWAYS_SHARED).run(images, threads=2), expected)


def test_numbers_too_large_for_float32_are_not_finite_and_nothing_is_warned_of(
    small: tuple[Network, Plan, Array],
) -> None:
    _, plan, images = small
    wide = images.astype(np.float64)
    wide[1, 3, 3] = 1e300
    found = plan.run(wide)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(np.delete(found, 1, 0), np.delete(plan.run(images), 1, 0))


def test_parameters_must_fit() -> None:
    network = small_network()
    parameters = network.initialise(0)
    with pytest.raises(ShapeError, match=r"conv1/bias must have shape \(8,\), not \(3,\)"):
        Plan(network, parameters | {("conv1", "bias"): np.zeros(3, np.float32)})
    del parameters["conv1", "bias"]
    with pytest.raises(ShapeError, match="small lacks conv1/bias"):
        Plan(network, parameters)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_may_go_on_with_the_plan(small: tuple[Network, Plan, Array]) -> None:
    _, plan, images = small
    expected = plan.run(images), plan.run(images[:1])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            same = [plan.run(images), plan.run(images[:1])]
            code = 0 if all(map(np.array_equal, same, expected)) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
