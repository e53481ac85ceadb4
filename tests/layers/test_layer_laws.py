"""The laws of a layer, over the whole table of cases."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import CASES, Case, draw_inputs, draw_parameters

import npfacenet.layers
from npfacenet.errors import ShapeError
from npfacenet.layers import Layer
from npfacenet.testing import assert_layer_laws, placed_layers
from npfacenet.testing.layer_strategies import Placed

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
@pytest.mark.parametrize("seed", [0, 1])
def test_the_laws_of_a_layer(case: Case, seed: int) -> None:
    assert_layer_laws(case.layer, *case.inputs, seed=seed)


@given(placed_layers(), st.integers(0, 2**16))
def test_the_laws_of_a_layer_for_any_configuration(placed: Placed, seed: int) -> None:
    assert_layer_laws(placed.layer, *placed.inputs, seed=seed)


@every_case
def test_float32_agrees_with_float64(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng, dtype="float64"), draw_parameters(case, rng)
    exact = case.layer.forward({k: v.astype("float64") for k, v in parameters.items()}, *inputs)
    rounded = case.layer.forward(parameters, *(x.astype("float32") for x in inputs))
    np.testing.assert_allclose(rounded, exact, rtol=1e-4, atol=1e-5)


@every_case
def test_integers_and_half_floats_are_refused(case: Case, rng: np.random.Generator) -> None:
    parameters = draw_parameters(case, rng)
    for dtype in ("uint8", "int64", "float16", "complex64", "object"):
        inputs = [np.zeros((1, *shape), dtype) for shape in case.inputs]
        with pytest.raises(ShapeError, match=f"float32 or float64, not {dtype}"):
            case.layer.forward(parameters, *inputs)
    with pytest.raises(ShapeError, match="not list"):
        case.layer.forward(parameters, *([[1.0]] for _ in case.inputs))  # type: ignore[arg-type]  # the fault under test


@every_case
def test_parameters_that_do_not_fit_are_refused(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng), draw_parameters(case, rng)
    for name in parameters:
        lacking = {k: v for k, v in parameters.items() if k != name}
        with pytest.raises(ShapeError, match=name):
            case.layer.forward(lacking, *inputs)
        longer = parameters | {name: np.concatenate([parameters[name]] * 2)}
        with pytest.raises(ShapeError, match=name):
            case.layer.forward(longer, *inputs)


@every_case
def test_a_wrong_number_of_inputs_is_refused(case: Case) -> None:
    with pytest.raises(ShapeError, match="received"):
        case.layer.output_shape()
    if not isinstance(case.layer, npfacenet.layers.Concatenate):
        with pytest.raises(ShapeError, match="received"):
            case.layer.output_shape(*case.inputs, case.inputs[0])


@every_case
def test_layers_are_values(case: Case) -> None:
    again = pickle.loads(pickle.dumps(case.layer))  # noqa: S301
    assert again == case.layer
    assert hash(again) == hash(case.layer)
    assert type(case.layer).__name__ in str(case.layer)


def test_inputs_must_have_the_same_batch() -> None:
    x, y = np.zeros((2, 3), "f4"), np.zeros((1, 3), "f4")
    with pytest.raises(ShapeError, match="one batch axis"):
        npfacenet.layers.ResidualAdd().forward({}, x, y)


def test_every_public_layer_has_a_case() -> None:
    public = [getattr(npfacenet.layers, name) for name in npfacenet.layers.__all__]
    layers = {x for x in public if isinstance(x, type) and issubclass(x, Layer)} - {Layer}
    assert layers == {type(case.layer) for case in CASES}


def test_every_layer_file_is_exported() -> None:
    folder = Path(npfacenet.layers.__file__).parent
    defined = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
        and any(base in ast.dump(b) for b in node.bases for base in ("Layer", "Pool", "PairSim"))
    }
    assert defined - {"Pool", "PairSimilarity"} <= set(npfacenet.layers.__all__)


@every_case
def test_an_upstream_that_does_not_fit_is_refused(case: Case, rng: np.random.Generator) -> None:
    parameters = draw_parameters(case, rng)
    output, saved, _ = case.layer.forward_saving(parameters, *draw_inputs(case, rng), rng=rng)
    for upstream in (output[:1], output[..., None], np.zeros(output.shape, int)):
        with pytest.raises(ShapeError, match="takes upstream of"):
            case.layer.backward(parameters, saved, upstream)
    with pytest.raises(ShapeError, match="not list"):
        case.layer.backward(parameters, saved, output.tolist())
