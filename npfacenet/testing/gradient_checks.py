"""Checking gradients against difference quotients, of this library's layers and of your own.

>>> def test_my_layer():
...     report = check_gradients(Absolute(), np.array([[1.0, -2.0, 3.0]]))
...     assert report.ok, report

What this says of a layer whose author forgot the sign of a negative number:

>>> class Absolute(Layer):
...     def output_shape(self, *inputs):
...         return self.one_input(*inputs)
...     def forward(self, parameters, *inputs):
...         return np.abs(inputs[0])
...     def backward(self, parameters, saved, upstream, *, to_inputs=True):
...         return (upstream,), {}
>>> test_my_layer()
Traceback (most recent call last):
AssertionError: gradients of Absolute() on [(1, 3)]: WRONG
  worst: input 0 at [0, 1]: gradient -0.350..., difference quotient 0.350..., relative error ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array, Layer
from npfacenet.losses.loss import Loss
from npfacenet.networks import Network, Outputs
from npfacenet.testing.differentiable import (
    Differentiable,
    Float64,
    Variables,
    differentiable,
    drawn_parameters,
)

STEPS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)  # of a variable's own size
KINK = 1e-3  # quotients from both sides that differ by more, at every step, show a kink
MOST_LOCATED = 100  # elements among which the worst is looked for


@dataclass(frozen=True)
class Deviation:
    """A gradient beside its difference quotient.

    `index` is None for a projection: then both numbers are slopes along a random direction.
    `error` is their difference relative to the larger of them and the size of the variable's
    gradient (its norm for a projection, its root mean square for an element).
    """

    variable: str
    index: tuple[int, ...] | None
    gradient: float
    quotient: float
    error: float

    def __str__(self) -> str:
        where = "along a random direction" if self.index is None else f"at {list(self.index)}"
        return (
            f"{self.variable} {where}: gradient {self.gradient:.9g}, difference quotient "
            f"{self.quotient:.9g}, relative error {self.error:.2g}"
        )


@dataclass(frozen=True)
class GradientReport:
    """What a check found: for each variable (input or parameter) its worst deviation.

    `kinks` counts comparisons that were left out because no slope exists there
    (a tie in a maximum, a ReLU at 0). `faults` are gradients that are missing, have another
    shape, or could not be compared at all.
    """

    subject: str
    tolerance: float
    deviations: tuple[Deviation, ...]
    kinks: int = 0
    faults: tuple[str, ...] = ()

    @property
    def worst(self) -> Deviation:
        """The largest deviation; ArgumentError if nothing could be compared."""
        if not self.deviations:
            raise ArgumentError(f"nothing was compared: {self}")
        return max(self.deviations, key=lambda deviation: deviation.error)

    @property
    def ok(self) -> bool:
        """Whether all gradients are present and correct."""
        right = all(deviation.error <= self.tolerance for deviation in self.deviations)
        return right and not self.faults

    def __str__(self) -> str:
        lines = [f"gradients of {self.subject}: {'right' if self.ok else 'WRONG'}", *self.faults]
        if self.deviations:
            lines.append(f"worst: {self.worst} (tolerance {self.tolerance:g})")
        if self.kinks:
            lines.append(f"{self.kinks} comparisons left out: ties or kinks, where no slope is")
        return "\n  ".join(lines)

    __repr__ = __str__


def check_gradients(
    subject: Layer | Network[Outputs] | Loss,
    *inputs: Array,
    parameters: Mapping[str, Array] | Mapping[tuple[str, str], Array] | None = None,
    targets: npt.NDArray[np.generic] | None = None,
    training: bool = True,
    elementwise: bool = False,
    tolerance: float = 1e-6,
    projections: int = 2,
    only: Collection[str] | None = None,
    seed: int = 0,
) -> GradientReport:
    """Compare the gradients of a layer, network or loss with central difference quotients.

    `inputs` are a layer's (N, *shape), a network's pictures, or a loss's outputs, which also
    needs `targets`. `parameters` are drawn if not given. `training`: with batch statistics and
    dropout, or what `forward` computes. All is done in float64, for a drawn upstream gradient.

    Each variable (an input or a parameter) is compared along `projections` random directions,
    which costs as many forward passes however large it is; with `elementwise` each of its
    numbers alone. Where a projection is wrong, the worst element is looked for. `only` names the
    variables to compare, where all of them ("input 0", "kernel", "conv1/kernel") are too many.

    Quotients of two steps are compared as well: where they disagree at every step there is a
    kink or a tie, which is counted instead of compared. Returns a GradientReport:
    `assert check_gradients(...).ok` shows it when it fails. Raises ArgumentError for what
    cannot be checked, and whatever the subject raises.
    """
    if not isinstance(subject, (Layer, Network, Loss)):
        raise ArgumentError(f"gradients are those of a layer, network or loss, not of {subject!r}")
    inputs = tuple(np.asarray(x) for x in inputs)
    if parameters is None:
        parameters = drawn_parameters(subject, inputs, seed)
    subject_ = differentiable(subject, inputs, parameters, targets, training, seed)
    rng = np.random.default_rng([seed, 2])  # not the numbers that a caller may have drawn
    output = subject_.output(subject_.variables)
    upstream = rng.standard_normal(output.shape)
    if isinstance(subject, Loss):
        upstream = np.ones_like(output)  # so that a report shows the loss's own numbers
    check = _Check(subject_, upstream, subject_.gradients(upstream), output, tolerance)
    if unknown := set(only or ()) - subject_.variables.keys():
        raise ArgumentError(f"{subject_.name} has no {min(unknown)!r}: {list(subject_.variables)}")
    for name in subject_.variables if only is None else only:
        if not check.fits(name):
            continue
        if elementwise:
            check.compare_elements(name, np.ndindex(subject_.variables[name].shape))
        else:
            check.compare_projections(name, projections, rng)
        if subject_.variables[name].size and name not in check.worst:
            check.faults.append(f"{name}: every direction ends at a kink; move the inputs")
    return GradientReport(
        subject_.name, tolerance, tuple(check.worst.values()), check.kinks, tuple(check.faults)
    )


class _Check:
    """One subject under comparison."""

    def __init__(
        self, subject: Differentiable, upstream: Float64, gradients: Mapping[str, Array],
        output: Float64, tolerance: float,
    ) -> None:  # fmt: skip
        self.subject, self.upstream, self.gradients = subject, upstream, gradients
        self.output, self.tolerance = output, tolerance
        self.rounding = self._rounding()
        self.worst: dict[str, Deviation] = {}
        self.kinks = 0
        self.faults = [] if np.isfinite(output).all() else ["the output is not finite"]

    def _rounding(self) -> float:
        """How far rounding alone moves sum(upstream * output): tried, because depth adds to it.

        Where the last bit of every input moves nothing, the output goes in steps of the size of
        something within: log(1 + 1e-9) is no more exact than 1 + 1e-9.
        """
        eps, rng = np.finfo(float).eps, np.random.default_rng(0)
        moved = []
        for _ in range(3):
            nudged = {
                name: variable * (1 + eps * rng.choice([-1.0, 1.0], variable.shape))
                for name, variable in self.subject.variables.items()
            }
            by = self.subject.output(nudged) - self.output
            moved.append(abs(float((self.upstream * by).sum())))
        within = self.output if any(moved) else 1.0
        return 4 * max(*moved, eps * float(np.abs(self.upstream * within).sum()), 1e-45)

    def fits(self, name: str) -> bool:
        """Whether there is a gradient for the variable, of its shape and finite."""
        gradient, shape = self.gradients.get(name), self.subject.variables[name].shape
        if gradient is None:
            self.faults.append(f"{name}: there is no gradient")
        elif np.shape(gradient) != shape:
            self.faults.append(f"{name}: the gradient has shape {np.shape(gradient)}, not {shape}")
        elif not np.isfinite(gradient).all():
            self.faults.append(f"{name}: the gradient is not finite")
        else:
            return True
        return False

    def compare_projections(self, name: str, projections: int, rng: np.random.Generator) -> None:
        gradient = np.asarray(self.gradients[name], np.float64)
        if not gradient.size:
            return
        size = float(np.linalg.norm(gradient))
        for _ in range(projections):
            direction = rng.standard_normal(gradient.shape)
            slope = float((gradient * direction).sum())
            self._compare(name, None, direction, slope, size)
        if name in self.worst and self.worst[name].error > self.tolerance:
            self._locate(name, gradient, rng)

    def _locate(self, name: str, gradient: Float64, rng: np.random.Generator) -> None:
        """Which element is wrong, after a projection was."""
        chosen = np.arange(gradient.size)
        if gradient.size > MOST_LOCATED:
            chosen = np.sort(rng.choice(gradient.size, MOST_LOCATED, replace=False))
        along = self.worst.pop(name)
        indices = np.stack(np.unravel_index(chosen, gradient.shape), axis=1)
        self.compare_elements(name, (tuple(map(int, index)) for index in indices))
        if name not in self.worst or self.worst[name].error <= self.tolerance:
            self.worst[name] = along

    def compare_elements(self, name: str, indices: Iterator[tuple[int, ...]]) -> None:
        gradient = np.asarray(self.gradients[name], np.float64)
        size = float(np.sqrt(np.mean(np.square(gradient)))) if gradient.size else 0.0
        for index in indices:
            direction = np.zeros_like(gradient)
            direction[index] = 1
            self._compare(name, index, direction, float(gradient[index]), size)

    def _compare(
        self, name: str, index: tuple[int, ...] | None, direction: Float64, slope: float,
        size: float,
    ) -> None:  # fmt: skip
        """Take up one deviation, or one kink."""
        found = self._quotient(name, direction)
        if found is None:
            self.kinks += 1
            return
        quotient, step = found
        # Below what rounding alone makes of a quotient there is nothing to be wrong about.
        least = self.rounding / step / self.tolerance
        error = abs(slope - quotient) / max(abs(slope), abs(quotient), size, least)
        if name not in self.worst or error > self.worst[name].error:
            self.worst[name] = Deviation(name, index, slope, quotient, error)

    def _quotient(self, name: str, direction: Float64) -> tuple[float, float] | None:
        """The slope along a direction, and the step it was taken with; None at a kink.

        From the quotients of a step and of twice the step, whose errors cancel in the leading
        term (Richardson 1911). Where they disagree, something lies between that a smaller step
        may stay on this side of: in a network some ReLU always turns.
        """
        scale = max(1e-3, float(np.abs(self.subject.variables[name]).mean()))
        best: tuple[float, float, float] | None = None
        for step in (scale * s for s in STEPS):
            far, near = self._slopes(name, direction, 2 * step), self._slopes(name, direction, step)
            if not np.isfinite((*far, *near)).all():
                continue
            largest = max(map(abs, (*far, *near)))
            noise = self.rounding / step
            bends = abs(near[0] - near[1]) > KINK * largest + noise
            straightens = abs(near[0] - near[1]) < 0.7 * abs(far[0] - far[1])
            if bends and not straightens:
                continue
            central = sum(far) / 2, sum(near) / 2
            doubt = abs(central[0] - central[1]) + noise
            if best is None or doubt < best[0]:
                best = doubt, (4 * central[1] - central[0]) / 3, step
            if doubt <= self.tolerance * largest:
                break
        return None if best is None else best[1:]

    def _slopes(self, name: str, direction: Float64, step: float) -> tuple[float, float]:
        """The quotients backward and forward."""
        before, after = (
            self.subject.output(self._moved(name, sign * step * direction)) for sign in (-1, 1)
        )
        backward = float((self.upstream * (self.output - before)).sum()) / step
        forward = float((self.upstream * (after - self.output)).sum()) / step
        return backward, forward

    def _moved(self, name: str, by: Float64) -> Variables:
        return {**self.subject.variables, name: self.subject.variables[name] + by}
