"""Layers by name and hyperparameters, as files hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import CASES, Case

import npfacenet.layers
from npfacenet.errors import ArgumentError
from npfacenet.layers import (
    Array,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Layer,
    Parameters,
    ReLU,
    Shape,
    registry,
)
from npfacenet.layers.pooling import Pool
from npfacenet.layers.registry import layer_class, layer_from, layer_name, register
from npfacenet.testing import layers

JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
        st.binary(max_size=4), st.just("same"), st.just("valid"), st.just(10**400),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
    ),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))


def through_json(layer: Layer) -> Layer:
    text = json.dumps(layer.hyperparameters(), allow_nan=False)
    return layer_from(layer_name(layer), json.loads(text))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_round_trip_through_json_gives_an_equal_layer(case: Case) -> None:
    again = through_json(case.layer)
    assert again == case.layer
    assert hash(again) == hash(case.layer)
    assert repr(again) == repr(case.layer)


@given(layers())
def test_the_round_trip_holds_for_any_layer(layer: Layer) -> None:
    again = through_json(layer)
    assert type(again) is type(layer)
    assert again == layer


def test_numpy_numbers_become_pythons() -> None:
    layer = Convolution(np.int64(4), (np.int8(1), 3))  # type: ignore[arg-type]  # a caller's slip
    given = layer.hyperparameters()
    assert given == {"filters": 4, "size": [1, 3], "stride": 1, "padding": "valid", "bias": True}
    assert through_json(layer) == layer
    half = Dropout(np.float32(0.1))  # type: ignore[arg-type]  # as above
    assert through_json(half) == half


def test_every_exported_layer_is_known_by_its_name() -> None:
    for name in npfacenet.layers.__all__:
        exported = getattr(npfacenet.layers, name)
        if isinstance(exported, type) and issubclass(exported, Layer) and exported is not Layer:
            assert layer_class(name) is exported


@pytest.mark.parametrize("name", ["Unknown", "Layer", "Pool", "", None, ["ReLU"], 3])
def test_an_unknown_name_is_refused_with_the_remedy(name: object) -> None:
    with pytest.raises(
        ArgumentError, match=r"import the module .* npfacenet\.layers\.register_layer\("
    ) as caught:
        layer_class(name)
    assert repr(name) in str(caught.value)
    with pytest.raises(ArgumentError, match="no layer is called"):
        layer_from(name, {})


def test_a_registered_layer_is_known() -> None:
    @register
    @dataclass(frozen=True)
    class Scaled(ReLU):
        factor: float
        axes: tuple[int, ...] = ()

    assert npfacenet.layers.register_layer is register
    assert layer_class("Scaled") is Scaled
    assert register(Scaled) is Scaled  # again: it is the same class
    assert through_json(Scaled(2, (1, 2))) == Scaled(2, (1, 2))
    for wrong in ({"factor": "2"}, {"factor": 1, "axes": [1, "x"]}, {"factor": True}, {}):
        with pytest.raises(ArgumentError, match="Scaled"):
            layer_from("Scaled", wrong)


def test_a_taken_name_is_refused() -> None:
    @dataclass(frozen=True)
    class Dense(ReLU):  # named like the library's
        pass

    with pytest.raises(ArgumentError, match=r"another layer is called Dense \(npfacenet\.layers"):
        register(Dense)
    assert layer_class("Dense") is npfacenet.layers.Dense
    with pytest.raises(ArgumentError, match="Dense is not registered"):
        layer_name(Dense())


def test_a_class_that_a_notebook_defines_anew_replaces_its_former_self() -> None:
    def defined() -> type[Layer]:
        @dataclass(frozen=True)
        class InACell(ReLU):
            pass

        InACell.__module__ = "__main__"
        return InACell

    register(defined())
    again = register(defined())
    assert layer_class("InACell") is again


def not_layers() -> Iterator[object]:
    class Undecorated(ReLU):
        factor: float = 1.0

    @dataclass
    class NotALayer:
        size: int

    yield from (Undecorated, NotALayer, Layer, Pool, int, ReLU(), None, "ReLU", 3)


@pytest.mark.parametrize("value", list(not_layers()), ids=str)
def test_what_is_not_a_layer_class_is_refused(value: type[Layer]) -> None:
    with pytest.raises(ArgumentError):
        register(value)


def test_a_dataclass_that_is_not_frozen_is_told_what_to_do() -> None:
    class Undecorated(ReLU):
        factor: float = 1.0

    with pytest.raises(ArgumentError, match=r"Undecorated .* @dataclass\(frozen=True\)"):
        register(Undecorated)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "said"),
    [
        ("Convolution", {}, "Convolution needs its hyperparameter 'filters'"),
        ("Convolution", {"filters": 2, "kernel": 3}, "Convolution has no hyperparameter 'kernel'"),
        ("ReLU", {"slope": 0.1}, r"ReLU has no hyperparameter 'slope' \(it has: none\)"),
        ("Convolution", {"filters": "2"}, "Convolution: filters has the wrong type: '2'"),
        ("Convolution", {"filters": True}, "Convolution: filters has the wrong type"),
        ("Convolution", {"filters": 2.0}, "Convolution: filters has the wrong type"),
        ("Convolution", {"filters": 2, "size": [3]}, "Convolution: size has the wrong type"),
        ("Convolution", {"filters": 2, "padding": "full"}, "Convolution: padding has the wrong"),
        ("Convolution", {"filters": 2, "padding": [1, 1]}, "Convolution: padding has the wrong"),
        ("Convolution", {"filters": 2, "size": 0}, r"Convolution\(filters=2, size=0\) cannot be"),
        ("Convolution", {"filters": 0}, r"Convolution\(filters=0\) cannot be made: .*at least 1"),
        ("Dense", {"units": 2, "bias": 1}, "Dense: bias has the wrong type: 1"),
        ("Dense", {"units": 2, "bias": None}, "Dense: bias has the wrong type: None"),
        ("BatchNorm", {"epsilon": float("nan")}, "BatchNorm: epsilon has the wrong type: nan"),
        ("BatchNorm", {"epsilon": -1}, r"BatchNorm\(epsilon=-1\) cannot be made"),
        ("ZeroPadding", {"margins": -1}, r"ZeroPadding\(margins=-1\) cannot be made"),
        ("MaxPool", {"size": 2, "padding": 2}, r"MaxPool\(size=2, padding=2\) cannot be made"),
        ("ReLU", {3: 4}, "ReLU has no hyperparameter 3"),
        ("ReLU", None, "ReLU: hyperparameters are values by name, not None"),
        ("ReLU", [["slope", 1]], "ReLU: hyperparameters are values by name"),
    ],
)
def test_what_does_not_fit_is_named(name: str, hyperparameters: object, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        layer_from(name, hyperparameters)


def test_a_number_for_a_float_may_be_whole() -> None:
    assert layer_from("BatchNorm", {"epsilon": 1}) == BatchNorm(1.0)
    assert layer_from("Dense", {"units": 3}) == Dense(3)


@given(st.data())
def test_junk_gives_a_layer_or_one_argument_error(data: st.DataObject) -> None:
    found = layer_class(data.draw(st.sampled_from(sorted(registry._REGISTERED))))
    names = st.one_of(st.sampled_from([*(f.name for f in fields(found)), "x"]), st.text(max_size=3))
    hyperparameters = data.draw(st.dictionaries(names, JUNK, max_size=5))
    try:
        layer = layer_from(found.__name__, hyperparameters)
    except ArgumentError as error:
        said = str(error)
    else:
        said = repr(layer)
        assert through_json(layer) == layer
    assert found.__name__ in said


def test_lists_without_end_are_of_the_wrong_type() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match="Convolution: size has the wrong type"):
        layer_from("Convolution", {"filters": 1, "size": endless})


@given(JUNK, JUNK)
def test_junk_for_a_name_is_one_argument_error(name: object, hyperparameters: object) -> None:
    with pytest.raises(ArgumentError):
        layer_from(name, hyperparameters)


def test_a_layer_that_json_cannot_hold_says_so() -> None:
    @dataclass(frozen=True)
    class Wrapped(Layer):
        layer: Layer
        limit: float = 1.0

        def output_shape(self, *inputs: Shape) -> Shape:
            return self.layer.output_shape(*inputs)

        def forward(self, parameters: Parameters, *inputs: Array) -> Array:
            return self.layer.forward(parameters, *inputs)

    with pytest.raises(ArgumentError, match=r"Wrapped: layer: JSON cannot hold .* ReLU"):
        Wrapped(ReLU()).hyperparameters()
    with pytest.raises(FrozenInstanceError):
        Wrapped(ReLU()).limit = 2.0  # type: ignore[misc]  # the fault under test
