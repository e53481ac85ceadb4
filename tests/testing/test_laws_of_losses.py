"""The laws of a loss catch planted faults, and pass every drawn loss of this library."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import npfacenet.losses
from npfacenet.layers import Array
from npfacenet.losses import Loss, LossValue, OnlineTripletLoss, TripletLoss
from npfacenet.testing import assert_loss_laws, batches, check_gradients, loss_samples
from npfacenet.testing.loss_laws import LossSample
from npfacenet.testing.loss_strategies import Batch

OUTPUTS, TARGETS = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.25])


class Squared(Loss):
    """A right loss of one's own, as somebody outside would write it."""

    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        error = self.accept(outputs, ("N",)) - targets
        return self.result(outputs, np.mean(error**2), 2 * error / len(error))


@given(loss_samples())
def test_every_drawn_loss_keeps_the_laws(sample: LossSample) -> None:
    assert_loss_laws(sample.loss, sample.outputs, sample.targets)


@given(loss_samples("float64"))
def test_samples_are_of_the_dtype_asked_for(sample: LossSample) -> None:
    assert sample.outputs.dtype == np.float64
    assert check_gradients(sample.loss, sample.outputs, targets=sample.targets).ok


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_loss_passes(dtype: str) -> None:
    outputs = OUTPUTS.astype(dtype)
    outputs.flags.writeable = False
    assert_loss_laws(Squared(), outputs, TARGETS)


class WrongSign(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        return LossValue(right.value, -right.gradient)


class ForgotTheMean(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        error = self.accept(outputs, ("N",)) - targets
        return self.result(outputs, np.mean(error**2), 2 * error)


class RoundsInside(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        error = self.accept(outputs, ("N",)).astype(np.float32) - targets.astype(np.float32)
        return self.result(outputs, np.mean(error**2), 2 * error / np.float32(len(error)))


class Widens(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        return super().value_and_gradient(outputs.astype(np.float64), targets)


class WrongShape(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        return LossValue(right.value, right.gradient[:, None])


class WritesItsOutputs(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        outputs -= targets.astype(outputs.dtype)
        return right


class WritesItsTargets(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        if targets.flags.writeable:
            targets += 1
        return right


class KeepsState(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        object.__setattr__(self, "last", outputs.shape)
        return super().value_and_gradient(outputs, targets)


class SharesItsGradient(Squared):
    buffers: ClassVar[dict[str, Array]] = {}

    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        buffer = self.buffers.setdefault(outputs.dtype.str, np.empty_like(outputs))
        buffer[...] = right.gradient
        return LossValue(right.value, buffer)


class Random(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        noise = np.random.default_rng().standard_normal(outputs.shape)
        return super().value_and_gradient(outputs, targets + 1e-9 * noise)


class Overflows(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        grown = np.exp(self.accept(outputs, ("N",)))
        return self.result(outputs, grown.sum(), grown)


class DividesByZero(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        x = self.accept(outputs, ("N",))
        length = np.linalg.norm(x)
        return self.result(outputs, length, x / length)


class TakesNan(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        error = outputs.astype(np.float64) - targets
        return self.result(outputs, np.mean(error**2), 2 * error / len(error))


class GivesAnArray(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        return LossValue(np.array(right.value), right.gradient)  # type: ignore[arg-type]  # the fault


class GivesAPair(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        return right.value, right.gradient  # type: ignore[return-value]  # the fault


class MeasuresAnArray(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        right = super().value_and_gradient(outputs, targets)
        return LossValue(right.value, right.gradient, {"error": np.abs(outputs)})  # type: ignore[dict-item]  # the fault


class Fails(Squared):
    def value_and_gradient(self, outputs: Array, targets: Any) -> LossValue:
        raise KeyError("a fault of its own")


@pytest.mark.parametrize(
    ("faulty", "law"),
    [
        (WrongSign, "matches difference quotients.*outputs at .*gradient .*quotient"),
        (ForgotTheMean, "matches difference quotients"),
        (RoundsInside, "matches difference quotients"),
        (Widens, "shape and dtype.*float64, not .*float32"),
        (WrongShape, r"shape and dtype.*\(3, 1\).*not \(3,\)"),
        (WritesItsOutputs, "no input is written to|read-only|as before"),
        (WritesItsTargets, "no input is written to"),
        (KeepsState, "keeps nothing"),
        (SharesItsGradient, "a gradient is its own"),
        (Random, "deterministic"),
        (Overflows, "finite for finite.*times 10000"),
        (DividesByZero, "finite for finite.*times 0"),
        (TakesNan, "not finite are refused.*nan is not: .*self.accept"),
        (GivesAnArray, "the value is a float"),
        (GivesAPair, "gives a LossValue.*it gives a tuple"),
        (MeasuresAnArray, "measures are floats.*error is a ndarray"),
        (Fails, "raises KeyError: 'a fault of its own'"),
    ],
)
def test_a_faulty_loss_is_caught(faulty: type[Squared], law: str) -> None:
    with pytest.raises(AssertionError, match=rf"(?s)broken law: .*{law}") as caught:
        assert_loss_laws(faulty(), OUTPUTS, TARGETS)
    assert faulty.__name__ in str(caught.value)


def test_a_batch_at_a_kink_is_told_so() -> None:
    at_hinge = np.zeros((3, 1, 2))
    at_hinge[1, 0, 0] = at_hinge[2, 0, 0] = 1
    with pytest.raises(AssertionError, match="every direction ends at a kink; move the inputs"):
        assert_loss_laws(TripletLoss(0.0), at_hinge)


@given(batches(dimension=3))
def test_in_a_batch_there_is_a_triplet(batch: Batch) -> None:
    np.testing.assert_allclose(np.linalg.norm(batch.values, axis=1), 1, rtol=1e-5)
    assert batch.values.shape == (len(batch.labels), 3)
    found = OnlineTripletLoss(0.2, "batch-all").value_and_gradient(batch.values, batch.labels)
    assert found.measures["triplets"] >= 1


def test_every_public_loss_is_drawn() -> None:
    public = [getattr(npfacenet.losses, name) for name in npfacenet.losses.__all__]
    losses = {x for x in public if isinstance(x, type) and issubclass(x, Loss)} - {Loss}
    drawn = set()

    @settings(database=None, derandomize=True, max_examples=200)
    @given(loss_samples())
    def draw(sample: LossSample) -> None:
        drawn.add(type(sample.loss))

    draw()
    assert drawn == losses


@given(st.from_type(Loss))  # type: ignore[type-abstract]  # that is what is tested
def test_hypothesis_knows_how_to_draw_a_loss(loss: Loss) -> None:
    assert isinstance(loss, Loss)


def test_counterexamples_shrink_to_something_a_person_can_read() -> None:
    options = settings(database=None, max_examples=500)
    smallest = find(loss_samples(), lambda s: "CrossEntropy(s" in str(s.loss), settings=options)
    assert smallest.outputs.shape == (1, 1)
    assert smallest.targets is not None
    assert smallest.targets.tolist() == [0]
    assert len(str(smallest)) < 120
    batch = find(batches(), lambda batch: True, settings=options)
    assert sorted(batch.labels) in ([0, 0, 1], [0, 1, 1])
