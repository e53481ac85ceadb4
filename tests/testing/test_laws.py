"""The testing kit is tested too: planted faults are caught, right parts pass."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.layers import Array, L2Normalize, Layer, Parameters, ParameterSpec, Shape
from npfacenet.networks import Builder, Network
from npfacenet.recipes import RECIPES
from npfacenet.recognition import verify
from npfacenet.testing import (
    assert_layer_laws,
    assert_metric_laws,
    assert_recipe_laws,
    networks,
)


class Scale(Layer):
    """A right layer of one's own, as somebody outside would write it."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.one_input(*inputs)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return {"factor": ParameterSpec(inputs[0][-1:], "ones")}

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0] * parameters["factor"]


class Difference(Layer):
    """A right layer of two inputs."""

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2 or inputs[0] != inputs[1]:
            self.one_input()
        return inputs[0]

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0] - inputs[1]


class MeanOverTime(Layer):
    """A right layer of a rank that none of ours takes, refusing in its own way."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (_time, features) = inputs[0]
        return (features,)

    def parameters(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return {"moving_var": ParameterSpec(inputs[0][-1:], "ones", trainable=False)}

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        scaled: Array = inputs[0].mean(axis=1) / np.sqrt(parameters["moving_var"] + 1e-3)
        return scaled


@pytest.mark.parametrize(
    "layer", [Scale(), Difference(), MeanOverTime()], ids=lambda layer: type(layer).__name__
)
def test_right_layers_pass(layer: Layer) -> None:
    assert_layer_laws(layer)
    for seed in range(5):
        assert_layer_laws(layer, seed=seed)


class WritesItsInput(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        x *= parameters["factor"].astype(x.dtype)
        return x


class WritesItsParameter(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        parameters["factor"][...] += 1
        return inputs[0] * parameters["factor"]


class WrongShape(Scale):
    def output_shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], inputs[0][-1] + 1)


class MixesTheBatch(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        mean = x.mean(axis=0, keepdims=True) if len(x) else x
        return (x - mean) * parameters["factor"] if len(x) else x


class RoundsFloat64(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0].astype(np.float32) * parameters["factor"].astype(np.float32)


class RoundsInside(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0].astype(np.float32) * parameters["factor"].astype(np.float32)
        return x.astype(inputs[0].dtype)


class Widens(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0].astype(np.float64) * parameters["factor"]


class Overflows(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        with np.errstate(over="ignore"):
            grown: Array = np.exp(np.abs(inputs[0]))
        return grown * parameters["factor"]


class DividesByZero(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        with np.errstate(all="ignore"):
            scaled: Array = inputs[0] / np.abs(inputs[0]).max(axis=-1, keepdims=True)
        return scaled


class Random(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        noise = np.random.default_rng().standard_normal(inputs[0].shape)
        return inputs[0] + noise.astype(inputs[0].dtype)


class Remembers(Scale):
    calls: ClassVar[list[int]] = []

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        self.calls.append(1)
        return inputs[0] * (np.float32(len(self.calls)) * parameters["factor"])


class ReadsRawMemory(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        native = np.frombuffer(x.tobytes(), x.dtype.newbyteorder("=")).reshape(x.shape)
        return native * parameters["factor"]


class FailsOnAnEmptyBatch(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        return np.stack([row * parameters["factor"] for row in x]) if len(x) else x[..., :0]


class GivesAList(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return (inputs[0] * parameters["factor"]).tolist()  # type: ignore[no-any-return]  # the fault


class ClipsInPlace(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0] if inputs[0].flags.writeable else inputs[0].copy()
        np.maximum(x, 0, out=x)
        return x


class SharesItsOutput(Scale):
    buffers: ClassVar[dict[object, Array]] = {}

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        buffer = self.buffers.setdefault((x.shape, x.dtype.str), np.empty_like(x))
        buffer[...] = x * parameters["factor"]
        return buffer


class KeepsState(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        object.__setattr__(self, "last", inputs[0].shape)
        return inputs[0] * parameters["factor"]


class RoundsItsParameters(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0] * parameters["factor"].astype(np.float32).astype(inputs[0].dtype)


class RoundsNegatives(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        x = inputs[0]
        return np.where(x > 0, x, x.astype(np.float32)).astype(x.dtype) * parameters["factor"]


class WantsContiguous(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        if not inputs[0].flags.c_contiguous:
            raise ValueError("need contiguous")
        return inputs[0] * parameters["factor"]


class WidensNothing(Scale):
    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        return inputs[0] * parameters["factor"] if len(inputs[0]) else np.zeros(inputs[0].shape)


FAULTY = [
    ClipsInPlace, SharesItsOutput, KeepsState, RoundsItsParameters, RoundsNegatives,
    WantsContiguous, WidensNothing,
    WritesItsInput, WritesItsParameter, WrongShape, MixesTheBatch, RoundsFloat64, RoundsInside,
    Widens, Overflows, DividesByZero, Random, Remembers, ReadsRawMemory, FailsOnAnEmptyBatch,
    GivesAList,
]  # fmt: skip


@pytest.mark.parametrize("faulty", FAULTY, ids=lambda layer: layer.__name__)
def test_faulty_layers_are_caught(faulty: type[Scale]) -> None:
    with pytest.raises(AssertionError, match="broken law"):
        assert_layer_laws(faulty())


def test_a_layer_that_takes_nothing_usual_is_told_so() -> None:
    class Odd(Scale):
        def output_shape(self, *inputs: Shape) -> Shape:
            return self.one_input(*inputs, rank=3) if len(inputs) == 9 else self.one_input()

    with pytest.raises(AssertionError, match="takes none of the usual inputs"):
        assert_layer_laws(Odd())


def euclidean(a: Array, b: Array) -> float:
    return verify(a, b, threshold=2).distance


def test_our_distance_is_a_metric() -> None:
    assert_metric_laws(euclidean)
    assert_metric_laws(euclidean, dimension=128, seed=3)


@pytest.mark.parametrize(
    ("distance", "law"),
    [
        (lambda a, b: float(1 - a @ b), "to itself is 0|not negative|triangle"),
        (lambda a, b: float(np.sum(a - b)), "not negative"),
        (lambda a, b: float(np.linalg.norm(a - b)) ** 2, "triangle inequality"),
        (lambda a, b: float(np.abs(a[0] - b[0])) + float(a[1] > b[1]), "symmetric"),
        (lambda a, b: 0.0, "other vectors are at a distance"),
        (lambda a, b: float("nan"), "is finite"),
    ],
)
def test_what_is_no_metric_is_caught(distance, law: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(AssertionError, match=law):
        assert_metric_laws(distance)


OF_MULTIPLES_OF_32 = ("yunet", "npfacenet-finder")  # their maps are added up across strides


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_our_recipes_keep_the_laws(recipe) -> None:  # type: ignore[no-untyped-def]  # a Recipe
    multiples = [(64, 96, 3), (32, 32, 3)]
    shapes = multiples if recipe.architecture in OF_MULTIPLES_OF_32 else ()
    assert_recipe_laws(recipe.build, input_shapes=shapes)


@given(networks())
def test_drawn_networks_keep_the_laws_of_a_recipe(network: Network) -> None:
    images = np.zeros((0, *network.input_shape), np.float32)
    assert network.forward(network.initialise(0), images).shape == (0, *network.output_shape)
    if _shortest(network) > 0:
        assert_recipe_laws(lambda: network)


def _shortest(network: Network) -> float:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, *network.input_shape)).astype(np.float32)
    output = network.forward(network.initialise(0), images)
    return float(np.linalg.norm(output, axis=1).min())


def test_a_recipe_that_changes_is_caught() -> None:
    sizes = iter(range(3, 99))

    def changing() -> Network:
        build = Builder("changing", input_shape=(next(sizes),))
        build.add("embedding", L2Normalize(), build.input)
        return build.network()

    with pytest.raises(AssertionError, match="the same network each time"):
        assert_recipe_laws(changing)


@given(st.from_type(Layer))  # type: ignore[type-abstract]  # that is what is tested
def test_hypothesis_knows_how_to_draw_a_layer(layer: Layer) -> None:
    assert isinstance(layer, Layer)


@given(st.from_type(Network))
def test_hypothesis_knows_how_to_draw_a_network(network: Network) -> None:
    assert network.nodes[-1].name == "embedding"
