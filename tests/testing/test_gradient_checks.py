"""check_gradients finds what is wrong, in every layer and loss, and nothing where all is right."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npfacenet.errors import ArgumentError
from npfacenet.layers import (
    Array,
    BatchNorm,
    Dense,
    Gradients,
    InputGradients,
    Layer,
    MaxPool,
    Parameters,
    PReLU,
    ReLU,
    Saved,
    Shape,
)
from npfacenet.losses import Loss, LossValue, TripletLoss
from npfacenet.networks import Builder
from npfacenet.testing import GradientReport, check_gradients
from npfacenet.testing.sample import draw_sample

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / room) for room in ("layers", "losses")]  # where the tables of cases are

import layer_cases  # noqa: E402
import loss_cases  # noqa: E402

every_layer = pytest.mark.parametrize("case", layer_cases.CASES, ids=str)
every_loss = pytest.mark.parametrize("case", loss_cases.CASES, ids=str)
Fault = Callable[[Array], Array]


def wrong_sign(gradient: Array) -> Array:
    return -gradient


def zeroed(gradient: Array) -> Array:
    return np.zeros_like(gradient)


def half_of_some(gradient: Array) -> Array:
    """As if one of two terms were missing, for the first half of the elements."""
    spoiled = gradient.copy()
    spoiled.flat[: max(1, gradient.size // 2)] *= 0.5
    return spoiled


def transposed(gradient: Array) -> Array:
    """Two axes of one length exchanged; where there are none, one axis the other way round."""
    axes = range(gradient.ndim)
    for i, j in ((i, j) for i in axes for j in axes if i < j):
        if gradient.shape[i] == gradient.shape[j] > 1:
            return np.swapaxes(gradient, i, j)
    return np.flip(gradient, -1) if gradient.shape[-1] > 1 else np.roll(gradient, 1)


FAULTS: list[Fault] = [wrong_sign, zeroed, half_of_some, transposed]


def planted(layer: Layer, variable: str, fault: Callable[[Array], Any]) -> Layer:
    """The same layer with a fault in the gradient of one variable."""
    base: Any = type(layer)

    class Planted(base):  # type: ignore[misc]  # a class of each layer's own
        def backward(
            self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
        ) -> tuple[InputGradients, Gradients]:
            given, own = super().backward(parameters, saved, upstream, to_inputs=to_inputs)
            spoiled = [
                fault(np.asarray(gradient)) if variable == f"input {i}" else gradient
                for i, gradient in enumerate(given)
            ]
            return tuple(spoiled), {n: fault(g) if n == variable else g for n, g in own.items()}

    faulty: Layer = Planted(**{f.name: getattr(layer, f.name) for f in fields(layer)})
    return faulty


def variables(case: layer_cases.Case) -> list[str]:
    specs = case.layer.parameters(*case.inputs)
    names = [name for name, spec in specs.items() if spec.trainable]
    return [f"input {i}" for i in range(len(case.inputs))] + names


def check(
    case: layer_cases.Case, layer: Layer, *, batch: int = 3, **options: Any
) -> GradientReport:
    sample = draw_sample(case.layer, case.inputs, batch=batch, dtype="float64")
    return check_gradients(layer, *sample.inputs, parameters=sample.parameters, **options)


@every_layer
@pytest.mark.parametrize("training", [True, False])
def test_right_layers_are_right(case: layer_cases.Case, training: bool) -> None:
    few = 3 if isinstance(case.layer, BatchNorm) else 1  # of one, there are no statistics
    for batch, elementwise in ((3, False), (few, True)):
        report = check(case, case.layer, batch=batch, training=training, elementwise=elementwise)
        assert report.ok, report
        assert report.worst.error <= 1e-6
        assert {deviation.variable for deviation in report.deviations} == set(variables(case))


@every_layer
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_piece_of_any_layer_is_found(case: layer_cases.Case, fault: Fault) -> None:
    few = 3 if isinstance(case.layer, BatchNorm) else 1
    for variable in variables(case):
        report = check(case, planted(case.layer, variable, fault), batch=few)
        assert not report.ok, variable
        assert report.worst.variable == variable
        assert [d.variable for d in report.deviations if d.error > report.tolerance] == [variable]


@pytest.mark.parametrize("case", layer_cases.CASES[::5], ids=str)
def test_an_elementwise_check_finds_one_wrong_element(case: layer_cases.Case) -> None:
    def spoil(gradient: Array) -> Array:
        spoiled = gradient.copy()
        spoiled.flat[np.abs(gradient).argmax()] *= 1.001
        return spoiled

    variable = variables(case)[-1]
    report = check(case, planted(case.layer, variable, spoil), elementwise=True, only=[variable])
    assert not report.ok
    assert report.worst.error == pytest.approx(1e-3, rel=0.1)
    assert abs(report.worst.gradient) > abs(report.worst.quotient)


def faulty_loss(loss: Loss, fault: Fault) -> Loss:
    base: Any = type(loss)

    class Planted(base):  # type: ignore[misc]  # a class of each loss's own
        def value_and_gradient(self, outputs: Array, targets: loss_cases.Targets) -> LossValue:
            found = super().value_and_gradient(outputs, targets)
            return LossValue(found.value, fault(found.gradient), found.measures)

    faulty: Loss = Planted(**{f.name: getattr(loss, f.name) for f in fields(loss)})
    return faulty


@every_loss
def test_losses(case: loss_cases.Case) -> None:
    batch = case.draw(np.random.default_rng(18))
    assert batch.smooth
    for elementwise in (False, True):
        options: dict[str, Any] = {"targets": batch.targets, "elementwise": elementwise}
        report = check_gradients(case.loss, batch.outputs, **options)
        assert report.ok, report
        for fault in (wrong_sign, zeroed, lambda g: 0.5 * g, transposed):
            assert not check_gradients(faulty_loss(case.loss, fault), batch.outputs, **options).ok


class ForgottenDecay(TripletLoss):
    """A term of the value that the gradient knows nothing of."""

    def value_and_gradient(self, outputs: Array, targets: Any = None) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        decay = 0.01 * float(np.square(outputs).sum())
        return LossValue(right.value + decay, right.gradient, right.measures)


def test_a_missing_term_of_a_loss_is_found(rng: np.random.Generator) -> None:
    report = check_gradients(ForgottenDecay(9.0), rng.standard_normal((3, 2, 4)))
    assert not report.ok
    assert report.worst.variable == "outputs"


def test_a_relu_at_zero_is_a_kink(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 5))
    x[0, 1] = x[1, 3] = 0
    report = check_gradients(ReLU(), x, elementwise=True)
    assert report.ok, report
    assert report.kinks == 2
    assert "2 comparisons left out: ties or kinks" in str(report)


def test_a_tie_in_a_maximum_is_a_kink() -> None:
    x = np.array([[1.0, 3.0], [3.0, 2.0]]).reshape(1, 2, 2, 1)
    report = check_gradients(MaxPool(2), x, elementwise=True)
    assert report.ok, report
    assert report.kinks == 2


def test_a_triplet_at_its_hinge_is_a_kink() -> None:
    at_hinge = np.array([[[0.0, 0.0]], [[0.5, 0.0]], [[0.0, 0.75]]])  # 0.25 - 0.5625 + margin
    report = check_gradients(TripletLoss(0.3125), at_hinge, elementwise=True)
    assert [d.error <= 1e-6 for d in report.deviations] == [True]
    assert report.ok, report
    assert report.kinks == 4  # the other two numbers move nothing at first


@pytest.mark.parametrize("elementwise", [True, False])
def test_where_all_is_kinks_nothing_is_called_right(elementwise: bool) -> None:
    report = check_gradients(ReLU(), np.zeros((2, 3)), elementwise=elementwise)
    assert not report.ok
    assert report.faults == ("input 0: every direction ends at a kink; move the inputs",)
    with pytest.raises(ArgumentError, match="nothing was compared"):
        _ = report.worst


def test_a_wrong_gradient_beside_a_kink_is_found() -> None:
    x = np.array([[0.0, 1.0, -1.0, 2.0]])
    report = check_gradients(planted(ReLU(), "input 0", wrong_sign), x, elementwise=True)
    assert not report.ok
    assert report.kinks == 1
    assert report.worst.index in {(0, 1), (0, 3)}


@pytest.mark.parametrize("variable", ["input 0", "kernel", "bias"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda g: None, "there is no gradient"),
        (lambda g: g[..., :1], r"the gradient has shape \(.*\), not \(.*\)"),
        (lambda g: g * np.nan, "the gradient is not finite"),
        (lambda g: np.where(g == g.max(), np.inf, g), "the gradient is not finite"),
        (lambda g: g.tolist(), None),
    ],
)
def test_what_is_no_gradient_is_named(variable: str, spoil: Any, said: str | None) -> None:
    x = np.random.default_rng(0).standard_normal((2, 4))
    report = check_gradients(planted(Dense(3), variable, spoil), x)
    if said is None:  # a list of the right numbers is of the right numbers
        assert report.ok, report
        return
    assert not report.ok
    assert [bool(re.fullmatch(f"{variable}: {said}", fault)) for fault in report.faults] == [True]
    assert variable not in {deviation.variable for deviation in report.deviations}
    assert report.faults[0] in str(report)


def test_a_gradient_that_is_forgotten_is_named() -> None:
    class Forgetful(Dense):
        def backward(
            self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
        ) -> tuple[InputGradients, Gradients]:
            return (), {"kernal": upstream}

    report = check_gradients(Forgetful(2), np.ones((1, 3)))
    assert report.faults == tuple(
        f"{variable}: there is no gradient" for variable in ("input 0", "kernel", "bias")
    )


class Root(Layer):
    """Has no value to the left of 0."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return self.one_input(*inputs)

    def forward(self, parameters: Parameters, *inputs: Array) -> Array:
        with np.errstate(invalid="ignore"):
            root: Array = np.sqrt(inputs[0])
        return root

    def backward(
        self, parameters: Parameters, saved: Saved, upstream: Array, *, to_inputs: bool = True
    ) -> tuple[InputGradients, Gradients]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (upstream / (2 * np.sqrt(saved["0"])),), {}


def test_steps_out_of_the_domain_are_not_compared() -> None:
    x = np.array([[1.0, 1e-6, 2.0]])  # the first step would go to the left of 0
    for elementwise in (True, False):
        report = check_gradients(Root(), x, elementwise=elementwise)
        assert report.ok, report
        assert not check_gradients(planted(Root(), "input 0", wrong_sign), x).ok


def test_an_output_that_is_not_finite_is_named() -> None:
    report = check_gradients(Root(), np.array([[1.0, -1.0]]))
    assert not report.ok
    assert "the output is not finite" in report.faults


def test_unknown_variables_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"no 'krenel': \['input 0', 'kernel', 'bias'\]"):
        check_gradients(Dense(2), np.ones((1, 3)), only=["krenel"])


def test_only_compares_these() -> None:
    report = check_gradients(Dense(2), np.ones((1, 3)), only=["kernel"])
    assert [deviation.variable for deviation in report.deviations] == ["kernel"]


def test_a_network_or_a_loss_takes_one_input() -> None:
    build = Builder("tiny", (3,))
    build.add("dense", Dense(2), build.input)
    for subject in (build.network(), TripletLoss()):
        with pytest.raises(ArgumentError, match="takes one input, received 2"):
            check_gradients(subject, np.ones((1, 3)), np.ones((1, 3)), parameters={})


def test_the_report_names_the_worst_element_and_both_numbers() -> None:
    def spoil(gradient: Array) -> Array:
        spoiled = gradient.copy()
        spoiled[2, 1] += 7
        return spoiled

    x = np.random.default_rng(0).standard_normal((4, 5))
    report = check_gradients(planted(Dense(3), "kernel", spoil), x)
    assert (report.worst.variable, report.worst.index) == ("kernel", (2, 1))
    assert report.worst.gradient == pytest.approx(report.worst.quotient + 7, rel=1e-6)
    said = str(report)
    assert "WRONG" in said
    assert f"kernel at [2, 1]: gradient {report.worst.gradient:.9g}" in said
    assert f"difference quotient {report.worst.quotient:.9g}" in said
    assert repr(report) == said  # what a failing assert shows


def test_a_large_piece_is_searched_for_its_worst_element() -> None:
    x = np.random.default_rng(0).standard_normal((2, 40, 40))
    report = check_gradients(planted(PReLU(), "input 0", wrong_sign), x)
    assert not report.ok
    assert report.worst.index is not None
    assert report.worst.gradient == pytest.approx(-report.worst.quotient, rel=1e-6)


@every_layer
@pytest.mark.parametrize("low", [-3, 3, None])
def test_inputs_of_any_scale(case: layer_cases.Case, low: int | None) -> None:
    """Times 0.001, times 1000, and each number times something between the two."""
    sample = draw_sample(case.layer, case.inputs, dtype="float64")
    rng = np.random.default_rng(3)
    between = (-3, 3) if low is None else (low, low)
    inputs = [x * 10 ** rng.uniform(*between, x.shape) for x in sample.inputs]
    options: Mapping[str, Any] = {"parameters": sample.parameters}
    report = check_gradients(case.layer, *inputs, **options)
    assert report.ok, report


@pytest.mark.parametrize("case", layer_cases.CASES[::4], ids=str)
def test_a_fault_in_inputs_of_many_scales_is_found(case: layer_cases.Case) -> None:
    sample = draw_sample(case.layer, case.inputs, dtype="float64")
    rng = np.random.default_rng(3)
    inputs = [x * 10 ** rng.uniform(-3, 3, x.shape) for x in sample.inputs]
    faulty = planted(case.layer, "input 0", wrong_sign)
    assert not check_gradients(faulty, *inputs, parameters=sample.parameters).ok


def test_single_precision_is_accepted(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5)).astype(np.float32)
    x.flags.writeable = False
    parameters = {"kernel": np.ones((5, 3), np.float32), "bias": np.zeros(3, np.float32)}
    report = check_gradients(Dense(3), x, parameters=parameters, tolerance=1e-9)
    assert report.ok, report


def test_a_check_repeats(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5))
    assert check_gradients(Dense(3), x) == check_gradients(Dense(3), x)
    assert check_gradients(Dense(3), x) != check_gradients(Dense(3), x, seed=1)


def test_a_saturated_loss_is_not_called_wrong() -> None:
    """Its value, log(1 + 2e-14), goes in steps of 2e-16: quotients of those say nothing."""
    outputs = np.array([[0.9875524, -0.06429367], [-0.20451048, 0.9842422]])
    case = next(c for c in loss_cases.CASES if "CrossEntropy(smoothing=0.0)" in str(c))
    for scale in (10.0, 20.0, 32.0, 60.0):
        report = check_gradients(case.loss, scale * outputs, targets=np.array([0, 1]))
        assert report.ok, report


class InSinglePrecision(Loss):
    """Rounds to float32 inside, which no step of a difference quotient survives."""

    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        x = outputs.astype(np.float32)
        return self.result(outputs, np.square(x).sum(), 2.0 * x.astype(np.float64))


def test_rounding_to_single_precision_is_no_excuse(rng: np.random.Generator) -> None:
    x = rng.standard_normal(5)
    assert not check_gradients(InSinglePrecision(), x).ok
    assert not check_gradients(faulty_loss(InSinglePrecision(), wrong_sign), x).ok


@pytest.mark.parametrize("scale", [1e-6, 1e-4, 1e4, 1e6])
def test_faults_of_any_size_are_found(scale: float) -> None:
    case = next(c for c in loss_cases.CASES if "Distillation" in str(c))
    batch = case.draw(np.random.default_rng(0))
    outputs, targets = scale * batch.outputs, scale * batch.targets
    assert check_gradients(case.loss, outputs, targets=targets).ok
    faulty = faulty_loss(case.loss, wrong_sign)
    assert not check_gradients(faulty, outputs, targets=targets).ok
