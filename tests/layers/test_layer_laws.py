"""The laws of a layer, over the whole table of cases."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import numpy as np
import pytest
from layer_cases import CASES, Case, draw_inputs, draw_parameters

import npfacenet.layers
from npfacenet.errors import ShapeError
from npfacenet.layers import Layer

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_shape_inference_tells_the_truth(case: Case, batch: int, rng: np.random.Generator) -> None:
    output = case.layer.forward(draw_parameters(case, rng), *draw_inputs(case, rng, batch))
    assert output.shape == (batch, *case.layer.output_shape(*case.inputs))


@every_case
def test_no_input_and_no_parameter_is_written_to(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng), draw_parameters(case, rng)
    for array in (*inputs, *parameters.values()):
        array.flags.writeable = False
    before = [x.copy() for x in (*inputs, *parameters.values())]
    case.layer.forward(parameters, *inputs)
    for array, copy in zip((*inputs, *parameters.values()), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_case
def test_a_batch_is_its_pictures_one_by_one(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng, batch=4), draw_parameters(case, rng)
    together = case.layer.forward(parameters, *inputs)
    for i in range(4):
        alone = case.layer.forward(parameters, *(x[i : i + 1] for x in inputs))
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-5, atol=1e-5)


@every_case
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_finite_in_finite_out(case: Case, scale: float, rng: np.random.Generator) -> None:
    inputs = [np.clip(x * scale, -1e4, 1e4) for x in draw_inputs(case, rng)]
    parameters = draw_parameters(case, rng)
    assert np.isfinite(case.layer.forward(parameters, *inputs)).all()
    zeros = [np.zeros_like(x) for x in inputs]
    assert np.isfinite(case.layer.forward(parameters, *zeros)).all()


@every_case
def test_deterministic(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng), draw_parameters(case, rng)
    first = case.layer.forward(parameters, *inputs)
    np.testing.assert_array_equal(first, case.layer.forward(parameters, *inputs))


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_stays(case: Case, dtype: str, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng, dtype=dtype), draw_parameters(case, rng, dtype)
    assert case.layer.forward(parameters, *inputs).dtype == np.dtype(dtype)


@every_case
def test_float32_agrees_with_float64(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng, dtype="float64"), draw_parameters(case, rng)
    exact = case.layer.forward({k: v.astype("float64") for k, v in parameters.items()}, *inputs)
    rounded = case.layer.forward(parameters, *(x.astype("float32") for x in inputs))
    np.testing.assert_allclose(rounded, exact, rtol=1e-4, atol=1e-5)


@every_case
def test_memory_order_and_byte_order_do_not_matter(case: Case, rng: np.random.Generator) -> None:
    inputs, parameters = draw_inputs(case, rng), draw_parameters(case, rng)
    expected = case.layer.forward(parameters, *inputs)
    strided = [np.repeat(x, 2, axis=-1)[..., ::2] for x in inputs]
    fortran = [np.asfortranarray(x) for x in inputs]
    swapped = [x.astype(x.dtype.newbyteorder("S")) for x in inputs]
    for unusual in (strided, fortran, swapped):
        output = case.layer.forward(parameters, *unusual)
        assert output.dtype == expected.dtype
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


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
        and any("Layer" in ast.dump(base) or "Pool" in ast.dump(base) for base in node.bases)
    }
    assert defined - {"Pool"} <= set(npfacenet.layers.__all__)
