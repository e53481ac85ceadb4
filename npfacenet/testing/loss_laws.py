"""The laws of a loss, for your own losses too.

Five lines test a loss:

>>> from npfacenet.losses import Distillation
>>> from npfacenet.testing import assert_loss_laws
>>> def test_my_loss():
...     rng = np.random.default_rng(0)
...     assert_loss_laws(Distillation(), rng.standard_normal((4, 3)), rng.standard_normal((4, 3)))
>>> test_my_loss()

Each law is a function of its own; an AssertionError says which was broken, and by what. Here
somebody forgot the sign of a negative error:

>>> from npfacenet.losses import Loss
>>> class AbsoluteError(Loss):
...     def value_and_gradient(self, outputs, targets):
...         error = self.accept(outputs, ("N",)) - targets
...         return self.result(outputs, np.abs(error).mean(), np.ones_like(error) / len(error))
>>> assert_loss_laws(AbsoluteError(), np.array([1.0, 2.0]), np.array([0.0, 5.0]))
Traceback (most recent call last):
AssertionError: broken law: the gradient matches difference quotients.
AbsoluteError() on outputs (2,): gradients of AbsoluteError() on (2,): WRONG
  worst: outputs at [1]: gradient 0.5, difference quotient -0.5, relative error 2 (tolerance 1e-06)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from npfacenet.layers import Array
from npfacenet.losses import Loss, LossValue
from npfacenet.testing.gradient_checks import check_gradients
from npfacenet.testing.law_checking import hold, require

LARGEST = 1e4


@dataclass(frozen=True, eq=False)
class LossSample:
    """A loss with outputs and targets that fit it (None if it ignores targets)."""

    loss: Loss
    outputs: Array
    targets: npt.NDArray[np.generic] | None = None

    def run(self) -> LossValue:
        """The loss's value and gradient."""
        return self.loss.value_and_gradient(self.outputs, self.targets)  # type: ignore[arg-type]  # a triplet loss has none

    @property
    def title(self) -> str:
        """The loss and its outputs, in words."""
        return f"{self.loss} on outputs {np.shape(self.outputs)}"

    def copied(self, dtype: str | None = None) -> LossSample:
        """The same numbers in arrays of their own."""
        targets = None if self.targets is None else np.array(self.targets)
        return LossSample(self.loss, np.array(self.outputs, dtype), targets)


def assert_loss_laws(
    loss: Loss, outputs: Array, targets: npt.NDArray[np.generic] | None = None
) -> None:
    """Check that a loss keeps all laws of its contract (`npfacenet.losses.loss`).

    `outputs` and `targets` are a batch that fits it, at no kink of the loss, of float32 or
    float64 (both are tried). Raises AssertionError naming the law.
    """
    hold(LossSample(loss, outputs, targets), LOSS_LAWS, LossSample.copied)


def the_value_is_a_float(sample: LossSample) -> None:
    """A loss gives a LossValue, whose value is one float and whose measures are floats."""
    found = sample.run()
    law = "a loss gives a LossValue"
    require(isinstance(found, LossValue), law, sample, f"it gives a {type(found).__name__}")
    law, kind = "the value is a float", type(found.value).__name__
    require(isinstance(found.value, float), law, sample, f"it is a {kind}")
    for name, number in found.measures.items():
        kind = type(number).__name__
        require(isinstance(number, float), "measures are floats", sample, f"{name} is a {kind}")


def the_gradient_fits(sample: LossSample) -> None:
    """The gradient has the shape and dtype of the outputs, in float32 and in float64."""
    for dtype in ("float32", "float64"):
        tried = sample.copied(dtype)
        found, like = np.asanyarray(tried.run().gradient), tried.outputs
        same = found.shape == like.shape and found.dtype == like.dtype
        detail = f"{found.shape} {found.dtype}, not {like.shape} {like.dtype}"
        require(same, "the gradient has the outputs' shape and dtype", sample, detail)


def nothing_is_written_to(sample: LossSample) -> None:
    """Outputs, targets and the loss stay unchanged; both arrays may be read-only."""
    loss_before = repr(vars(sample.loss))
    for frozen in (False, True):
        used, before = sample.copied(), sample.copied()
        pairs = [(used.outputs, before.outputs), (used.targets, before.targets)]
        arrays = [(a, b) for a, b in pairs if a is not None and b is not None]
        for array, _ in arrays:
            array.flags.writeable = not frozen
        used.run()
        same = all(array.tobytes() == copy.tobytes() for array, copy in arrays)
        same = same and all(array.flags.writeable is not frozen for array, _ in arrays)
        require(same, "no input is written to", sample, "one was")
    same = repr(vars(sample.loss)) == loss_before
    require(same, "a loss keeps nothing", sample, "its attributes changed")


def deterministic(sample: LossSample) -> None:
    """The same batch gives the same bits, and later calls do not change earlier results."""
    first = sample.run()
    value, gradient = first.value, np.array(first.gradient)
    replace(sample, outputs=np.flip(sample.outputs, -1)).run()
    same = np.array_equal(first.gradient, gradient, equal_nan=True)
    require(same, "a gradient is its own", sample, "the next call changed it")
    for again in (sample.run(), sample.copied().run()):
        same = again.value == value or (np.isnan(again.value) and np.isnan(value))
        same = same and np.array_equal(again.gradient, gradient, equal_nan=True)
        require(same, "deterministic", sample, "two runs differ")


def finite_for_finite(sample: LossSample) -> None:
    """Finite for outputs up to 1e4 and for zeros, unless the loss refuses them."""
    for scale in (1.0, 0.0, LARGEST):
        scaled = np.clip(sample.outputs * scale, -LARGEST, LARGEST).astype(sample.outputs.dtype)
        try:
            found = replace(sample, outputs=scaled).run()
        except ValueError:
            if scale == 1:
                raise
            continue  # of cosines, none is 1e4
        finite = np.isfinite(found.value) and np.isfinite(found.gradient).all()
        detail = f"not for its outputs times {scale:g}, which are finite"
        require(bool(finite), "finite for finite", sample, detail)


def refuses_what_is_not_finite(sample: LossSample) -> None:
    """NaN and infinity are refused with a ValueError, such as `Loss.accept` raises."""
    for number in (np.nan, np.inf):
        for place in (0, -1):
            spoiled = sample.copied()
            spoiled.outputs.flat[place] = number
            try:
                spoiled.run()
            except ValueError:
                continue
            law = "outputs that are not finite are refused"
            require(False, law, sample, f"{number} is not: pass the outputs to self.accept")


def the_gradient_is_the_derivative(sample: LossSample) -> None:
    """The gradient matches difference quotients."""
    report = check_gradients(sample.loss, sample.outputs, targets=sample.targets)
    require(report.ok, "the gradient matches difference quotients", sample, str(report))


LOSS_LAWS: tuple[Callable[[LossSample], None], ...] = (
    nothing_is_written_to,  # the first, to see the loss as it came
    the_value_is_a_float,
    the_gradient_fits,
    deterministic,
    finite_for_finite,
    refuses_what_is_not_finite,
    the_gradient_is_the_derivative,
)
