"""The laws of a loss, over the whole table of cases."""

from __future__ import annotations

import ast
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from loss_cases import CASES, Batch, Case, Targets

import npfacenet.losses
from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array
from npfacenet.losses import Loss, LossValue

every_case = pytest.mark.parametrize("case", CASES, ids=str)
seeds = st.integers(0, 2**32 - 1)
STEP = 1e-6


def of(case: Case, batch: Batch) -> LossValue:
    return case.loss.value_and_gradient(batch.outputs, batch.targets)


def drawn(case: Case, seed: int = 18) -> Batch:
    return case.draw(np.random.default_rng(seed))


def difference_quotients(case: Case, batch: Batch) -> Array:
    """Return (value at x + h - value at x - h) / 2h for each number x of the outputs."""
    quotients = np.zeros_like(batch.outputs)
    for index in np.ndindex(*batch.outputs.shape):
        step = np.zeros_like(batch.outputs)
        step[index] = STEP
        up = of(case, replace(batch, outputs=batch.outputs + step)).value
        down = of(case, replace(batch, outputs=batch.outputs - step)).value
        quotients[index] = (up - down) / (2 * STEP)
    return quotients


@every_case
@given(seed=seeds)
def test_the_gradient_is_the_derivative(case: Case, seed: int) -> None:
    batch = drawn(case, seed)
    assume(batch.smooth)
    gradient = of(case, batch).gradient
    quotients = difference_quotients(case, batch)
    scale = max(float(np.abs(gradient).max()), 0.1)
    assert np.abs(gradient - quotients).max() <= 1e-7 * scale


@every_case
def test_the_draws_are_not_all_flat_nor_near_kinks(case: Case) -> None:
    batches = [drawn(case, seed) for seed in range(20)]
    assert sum(batch.smooth for batch in batches) >= 10
    assert sum(bool(of(case, batch).gradient.any()) for batch in batches) >= 10


@every_case
@given(seed=seeds)
def test_the_order_of_the_examples_does_not_matter(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = case.draw(rng)
    order = rng.permutation(batch.outputs.shape[batch.axis])
    before, after = of(case, batch), of(case, batch.permuted(order))
    assert after.value == pytest.approx(before.value, rel=1e-12, abs=1e-12)
    expected = before.gradient.take(order, batch.axis)
    np.testing.assert_allclose(after.gradient, expected, rtol=1e-9, atol=1e-9)
    assert after.measures == pytest.approx(before.measures)


@every_case
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_the_gradient_has_the_shape_and_dtype_of_the_outputs(case: Case, dtype: str) -> None:
    exact = drawn(case)
    batch = replace(exact, outputs=exact.outputs.astype(dtype))
    found, expected = of(case, batch), of(case, exact)
    assert found.gradient.shape == batch.outputs.shape
    assert found.gradient.dtype == np.dtype(dtype).newbyteorder("=")
    close = 1e-4 if "4" in dtype else 0.0
    assert found.value == pytest.approx(expected.value, rel=close, abs=0)
    scale = float(np.abs(expected.gradient).max())
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=0, atol=close * scale)
    assert found.measures == pytest.approx(expected.measures, rel=close)


@every_case
def test_nothing_is_written_to_and_nothing_is_remembered(case: Case) -> None:
    batch = drawn(case)
    for array in (batch.outputs, batch.targets):
        if array is not None:
            array.flags.writeable = False
    first, second = of(case, batch), of(case, batch)
    assert first.value == second.value
    np.testing.assert_array_equal(first.gradient, second.gradient)
    assert first.gradient.flags.writeable
    assert not np.shares_memory(first.gradient, batch.outputs)
    copy = replace(batch, outputs=np.asfortranarray(batch.outputs))
    assert of(case, copy).value == pytest.approx(first.value, rel=1e-12)


@every_case
def test_values_are_plain_numbers(case: Case) -> None:
    found = of(case, drawn(case))
    assert type(found.value) is float
    assert all(type(number) is float for number in found.measures.values())
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert (again.value, again.measures) == (found.value, found.measures)
    shares = {k: v for k, v in found.measures.items() if k in ("accuracy", "active")}
    assert all(0 <= share <= 1 for share in shares.values())


@every_case
def test_losses_are_values(case: Case) -> None:
    again = pickle.loads(pickle.dumps(case.loss))  # noqa: S301
    assert again == case.loss
    assert hash(again) == hash(case.loss)
    assert type(case.loss).__name__ in str(case.loss)


@every_case
def test_outputs_of_another_dtype_are_refused(case: Case) -> None:
    batch = drawn(case)
    for dtype in ("int64", "float16", "complex64", "bool", "object"):
        with pytest.raises(ShapeError, match=f"float32 or float64, not {dtype}"):
            of(case, replace(batch, outputs=batch.outputs.astype(dtype)))
    with pytest.raises(ShapeError, match="not list"):
        case.loss.value_and_gradient(batch.outputs.tolist(), batch.targets)


@every_case
def test_outputs_of_another_rank_are_refused(case: Case) -> None:
    batch = drawn(case)
    for outputs in (batch.outputs[None, None], batch.outputs.sum()[None][0], batch.outputs.sum()):
        with pytest.raises(ShapeError):
            of(case, replace(batch, outputs=np.asarray(outputs)))
    with pytest.raises(ShapeError, match=r"of shape \(.*\), received \(1, 1, "):
        of(case, replace(batch, outputs=batch.outputs[None, None]))


@every_case
def test_an_empty_batch_is_refused(case: Case) -> None:
    with pytest.raises(ShapeError, match="at least one number"):
        of(case, drawn(case).permuted(np.arange(0)))


@every_case
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_that_are_not_finite_are_refused(case: Case, number: float, dtype: str) -> None:
    batch = drawn(case)
    batch.outputs.flat[1] = number
    with pytest.raises(ArgumentError, match=rf"finite outputs, received {number} \(1 not finite"):
        of(case, replace(batch, outputs=batch.outputs.astype(dtype)))


targeted = [case for case in CASES if drawn(case).targets is not None]
labelled = [case for case in targeted if drawn(case).targets.dtype.kind in "ib"]
every_labelled_case = pytest.mark.parametrize("case", labelled, ids=str)
every_case_with_classes = pytest.mark.parametrize(
    "case",
    [case for case in labelled if not isinstance(case.loss, npfacenet.losses.OnlineTripletLoss)],
    ids=str,
)


@pytest.mark.parametrize("case", targeted, ids=str)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1],
        lambda t: np.concatenate([t, t]),
        lambda t: t[..., None, None],
        lambda t: t[0],
        lambda t: t.astype("complex64"),
        lambda t: t.astype(object),
        lambda t: t.astype(str),
        lambda t: t.tolist(),
        lambda t: None,
    ],
)
def test_targets_that_do_not_fit_are_refused(case: Case, spoil) -> None:  # type: ignore[no-untyped-def]  # a lambda
    batch = drawn(case)
    spoiled: Targets = spoil(batch.targets)
    with pytest.raises(ShapeError, match=r"takes (labels|targets)"):
        of(case, replace(batch, targets=spoiled))


@every_labelled_case
def test_labels_are_no_floats(case: Case) -> None:
    batch = drawn(case)
    with pytest.raises(ShapeError, match="not float64"):
        of(case, replace(batch, targets=batch.targets.astype("float64")))


@every_labelled_case
@pytest.mark.parametrize("dtype", ["i1", ">i2", "<i4", ">i8", "<u8", "u1"])
def test_labels_are_integers_of_any_kind(case: Case, dtype: str) -> None:
    batch = drawn(case)
    if isinstance(case.loss, npfacenet.losses.OnlineTripletLoss):
        batch.targets[batch.targets < 0] = 100
    expected = of(case, batch)
    found = of(case, replace(batch, targets=batch.targets.astype(dtype)))
    assert found.value == expected.value
    np.testing.assert_array_equal(found.gradient, expected.gradient)


@every_case_with_classes
@pytest.mark.parametrize("label", [-1, 4, 2**62])
def test_labels_out_of_range_are_refused(case: Case, label: int) -> None:
    batch = drawn(case)
    targets = batch.targets.astype("int64")
    targets[2] = label
    with pytest.raises(ArgumentError, match=rf"labels in \[0, .*received .*{label}"):
        of(case, replace(batch, targets=targets))


def test_every_public_loss_has_a_case() -> None:
    public = [getattr(npfacenet.losses, name) for name in npfacenet.losses.__all__]
    losses = {x for x in public if isinstance(x, type) and issubclass(x, Loss)} - {Loss}
    assert losses == {type(case.loss) for case in CASES}


def test_every_loss_file_is_exported() -> None:
    folder = Path(npfacenet.losses.__file__).parent
    defined = {
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and any("Loss" in ast.dump(base) for base in node.bases)
    }
    assert defined <= set(npfacenet.losses.__all__)
