"""Networks with layers that do not keep their contract, and with NumPy's numbers for sizes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.inference import Plan
from npfacenet.layers import (
    Array,
    Concatenate,
    Convolution,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Parameters,
    ParameterSpec,
    ReLU,
    Shape,
    ZeroPadding,
)
from npfacenet.networks import Builder, Network, OpenShape, summarise

OPEN_OR_NOT: list[OpenShape] = [(8, 8, 3), (None, None, 3)]


@dataclass(frozen=True)
class Strange(Layer):
    """What its functions give."""

    shape: Callable[[Shape], object] = lambda shape: shape
    specs: Callable[[], object] = dict
    given: Callable[[Array], object] = lambda x: x

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.shape(inputs[0])  # type: ignore[return-value]  # that is what is tested

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return self.specs()  # type: ignore[return-value]

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return self.given(inputs[0])  # type: ignore[return-value]


def network_of(layer: Layer, shape: OpenShape = (8, 8, 3)) -> Network:
    build = Builder("mine", shape)
    build.add("strange", layer, build.input)
    return build.network()


@pytest.mark.parametrize("size", OPEN_OR_NOT)
@pytest.mark.parametrize(
    "shape",
    [None, [8, 8, 3], (-1, 8, 3), (8.0, 8, 3), (float("nan"),), "abc", (True, 8, 3), np.ones(3)],
)
def test_a_layer_that_gives_no_shape_is_named(shape: object, size: OpenShape) -> None:
    with pytest.raises(ShapeError, match=r"'strange' of mine: output_shape of .* returns "):
        network_of(Strange(shape=lambda _: shape), size)


def test_a_number_of_axes_that_depends_on_an_open_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"'strange' of mine: the number of axes .* is open"):
        network_of(Strange(shape=lambda shape: (1,) * (shape[0] % 7 + 1)), (None, None, 3))


@pytest.mark.parametrize(
    "specs",
    [
        None,
        ["bias"],
        {"bias": (3,)},
        {3: ParameterSpec((3,), "zeros")},
        {"bias": ParameterSpec((-1,), "zeros")},
        {"bias": ParameterSpec((3.0,), "zeros")},  # type: ignore[arg-type]
    ],
)
def test_a_layer_that_gives_no_parameters_is_named(specs: object) -> None:
    with pytest.raises(ShapeError, match=r"'strange' of mine: parameters of .* returns "):
        network_of(Strange(specs=lambda: specs))


@pytest.mark.parametrize("size", OPEN_OR_NOT)
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        lambda x: None,
        lambda x: 1.0,
        lambda x: x.tolist(),
        lambda x: x[:1],
        lambda x: x[..., :1],
        lambda x: x.reshape(len(x), -1),
        lambda x: x.astype(int),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(complex),
        lambda x: np.ma.masked_less(x, 0),
    ],
    ids=["None", "number", "list", "batch", "repeated", "rank", "int", "half", "complex", "masked"],
)
def test_what_a_layer_gives_against_its_own_word_is_refused_on_both_paths(
    given: Callable[[Array], object], fast: bool, size: OpenShape
) -> None:
    network = network_of(Strange(given=given), size)
    images = np.ones((2, 8, 8, 3), np.float32)
    with pytest.raises(ShapeError, match=r"'strange'.*: forward of .* returned "):
        Plan(network, {}).run(images) if fast else network.forward({}, images)


def test_a_node_that_was_refused_may_be_added_after_all() -> None:
    build = Builder("mine", (None, None, 3))
    per_pixel = Strange(specs=lambda: {"bias": ParameterSpec((next(sizes),), "zeros")})
    sizes = iter(range(9))
    with pytest.raises(ShapeError, match=r"parameters .* depend on the size"):
        build.add("strange", per_pixel, build.input)
    with pytest.raises(ShapeError, match="does not fit"):
        build.add("strange", Convolution(4, 9_000), build.input)
    build.add("strange", ReLU(), build.input)
    assert build.network().output_shapes == {"strange": (None, None, 3)}


def test_narrow_numbers_do_not_wrap_around() -> None:
    byte: Any = np.uint8  # NumPy's numbers are whole, too
    build = Builder("narrow", (byte(250), byte(250), byte(3)))
    x = build.add("conv", Convolution(byte(200), byte(3), padding=byte(60)), build.input)
    x = build.add("twice", Concatenate(), x, x)
    x = build.add("more", ZeroPadding(((byte(100),) * 2,) * 2), x)
    build.add("pool", MaxPool(byte(2), byte(2)), x)
    network = build.network()
    assert network.output_shape == ((250 + 120 - 2 + 200) // 2, (250 + 120 - 2 + 200) // 2, 400)
    assert network.parameter_specs()["conv", "kernel"].shape == (3, 3, 3, 200)
    assert all(type(axis) is int for shape in network.shapes().values() for axis in shape)


def test_sizes_of_numpy_are_those_of_python() -> None:
    """Else a file could not hold them, and the fingerprint would be another."""
    networks = []
    kinds: list[Any] = [int, np.int64]
    for number in kinds:
        build = Builder("sizes", (number(8), number(8), number(3)))
        x = build.add("conv", Convolution(number(4), (number(3), number(1))), build.input)
        build.add("mean", GlobalAveragePool(), x)
        networks += [build.network(), build.network().with_input_shape((number(9), None, 3))]
    plain, plain_other, other, other_other = networks
    assert repr((other, other.nodes)) == repr((plain, plain.nodes))
    assert repr((other_other, other_other.nodes)) == repr((plain_other, plain_other.nodes))


def test_counts_beyond_64_bits_are_right() -> None:
    network = network_of(Strange(specs=lambda: {"a": ParameterSpec((1 << 40, 1 << 40), "zeros")}))
    assert summarise(network).parameters == 1 << 80


def test_a_picture_that_no_memory_holds_is_refused_before_any_is_taken() -> None:
    build = Builder("wide", (None, None, 3))
    build.add("padding", ZeroPadding(10**9), build.input)
    plan = Plan(build.network(), {})
    for work in (
        lambda: plan.run(np.ones((1, 8, 8, 3), np.float32)),
        lambda: plan.bind(1, shape=(10**9, 10**9, 3)),
    ):
        with pytest.raises(ShapeError, match=r"'padding' of wide would have [\d,]+ numbers"):
            work()


@pytest.mark.parametrize("tape", [None, "tape", {}])
def test_what_is_no_tape_is_refused(tape: object) -> None:
    network = network_of(Convolution(2))
    with pytest.raises(ArgumentError, match="mine: a tape of forward_saving, not "):
        network.backward(network.initialise(0), tape, np.ones((1, 8, 8, 2)))  # type: ignore[arg-type]


def test_a_tape_that_an_interrupt_left_half_used_is_used_up() -> None:
    build = Builder("mine", (8, 8, 3))
    build.add("last", Convolution(2), build.add("first", Convolution(2), build.input))
    network = build.network()
    parameters = network.initialise(0)
    output, tape = network.forward_saving(parameters, np.ones((1, 8, 8, 3), np.float32))

    def interrupt(*_: object) -> None:
        if len(tape.saved) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.backward(parameters, tape, np.ones_like(output), interrupt)
    with pytest.raises(ArgumentError, match="used up"):
        network.backward(parameters, tape, np.ones_like(output))


@pytest.mark.parametrize("parameters", [None, {}, {("strange", "kernel"): np.ones((1, 1, 3, 2))}])
def test_parameters_for_backward_are_checked_and_the_tape_is_not_used_up(
    parameters: dict[tuple[str, str], Array] | None,
) -> None:
    network = network_of(Convolution(2))
    own = network.initialise(0)
    output, tape = network.forward_saving(own, np.ones((1, 8, 8, 3), np.float32))
    with pytest.raises(ShapeError, match=r"mine (lacks strange/|takes parameters by)"):
        network.backward(parameters, tape, np.ones_like(output))  # type: ignore[arg-type]
    network.backward(own, tape, np.ones_like(output))


@pytest.mark.parametrize(
    "learning", [5, "strange", [("strange", "kernel"), 5], [["strange", "kernel"]], [("a", "b")]]
)
def test_what_learns_is_a_collection_of_names(learning: object) -> None:
    network = network_of(Convolution(2))
    images = np.ones((1, 8, 8, 3), np.float32)
    with pytest.raises(ArgumentError, match=r"mine: learning holds|mine has no parameter"):
        network.forward_saving(network.initialise(0), images, learning=learning)  # type: ignore[arg-type]


def test_another_thread_may_forget_all_sizes_between_two_steps() -> None:
    plan = Plan(network_of(ReLU(), (None, None, 3)), {})
    images = np.ones((1, 8, 8, 3), np.float32)
    plan.run(images)

    def forget(frame: object, event: str, argument: object) -> Any:
        plan._sizes = {}
        return forget

    sys.settrace(forget)
    try:
        plan.run(images)
    finally:
        sys.settrace(None)


@pytest.mark.parametrize("number", [10**30, 1 << 31])
def test_windows_beyond_all_pictures_are_refused(number: int) -> None:
    """The readable path would take such a stride, and no plan."""
    for make in (
        lambda: Convolution(1, 1, number),
        lambda: Convolution(1, number),
        lambda: MaxPool(1, number),
        lambda: ZeroPadding(number),
    ):
        with pytest.raises(ArgumentError, match=r"2,147,483,647, not "):
            make()
    network = network_of(Convolution(1, 1, (1 << 31) - 1))
    parameters, images = network.initialise(0), np.ones((2, 8, 8, 3), np.float32)
    expected = network.forward(parameters, images)
    np.testing.assert_allclose(Plan(network, parameters).run(images), expected, rtol=1e-5)
