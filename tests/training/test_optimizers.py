"""Optimizers against a few lines in float64, and the row of numbers that they work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import ParameterSpec
from npfacenet.networks.flat_parameters import Vector
from npfacenet.training.optimizers import CHUNK, SGD, Adam, Optimizer, blend, clip
from npfacenet.training.parameter_vector import ParameterVector

Floats = npt.NDArray[np.float64]

OPTIMIZERS = (
    SGD(),
    SGD(0.1, momentum=0.0),
    SGD(0.3, momentum=0.7),
    Adam(),
    Adam(0.1, beta1=0.0),
    Adam(0.3, beta1=0.8, beta2=0.95, epsilon=0.05),
)
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
seeds = st.integers(0, 2**32 - 1)


def taught(
    optimizer: Optimizer,
    start: npt.ArrayLike,
    gradients: Sequence[npt.ArrayLike],
    rate: float,
    decaying: int,
) -> Vector:
    """What an optimizer makes of the numbers at `start`, one gradient after the other."""
    numbers = np.array(start, np.float32)
    slots = [np.zeros_like(numbers) for _ in range(optimizer.slots)]
    for step, gradient in enumerate(gradients, 1):
        row = np.array(gradient, np.float32)
        row.flags.writeable = False  # whoever writes to it is found out
        optimizer.update(numbers, row, slots, step=step, rate=rate, decaying=decaying)
    return numbers


def expected(
    optimizer: Optimizer, start: Floats, gradients: Floats, rate: float, decaying: int
) -> Floats:
    """The same by the papers' formulas, in float64."""
    x, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    decays = np.arange(len(x)) < decaying
    for t, g in enumerate(gradients, 1):
        x = x - rate * optimizer.weight_decay * x * decays
        if isinstance(optimizer, SGD):
            first = optimizer.momentum * first + g
            x = x - rate * first
        elif isinstance(optimizer, Adam):
            first = optimizer.beta1 * first + (1 - optimizer.beta1) * g
            second = optimizer.beta2 * second + (1 - optimizer.beta2) * g**2
            mean, square = first / (1 - optimizer.beta1**t), second / (1 - optimizer.beta2**t)
            x = x - rate * mean / (np.sqrt(square) + optimizer.epsilon)
    return x


@every_optimizer
@given(seed=seeds, steps=st.integers(1, 6), size=st.integers(0, 9), scale=st.floats(1e-2, 10))
def test_steps_are_those_of_the_papers(
    optimizer: Optimizer, seed: int, steps: int, size: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(size)
    gradients = scale * rng.standard_normal((steps, size))
    rate, decaying = float(rng.uniform(0.001, 0.5)), int(rng.integers(size + 1))
    found = taught(optimizer, start, list(gradients), rate, decaying)
    assert found.dtype == np.float32
    wanted = expected(optimizer, start, gradients, rate, decaying)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * (1 + scale))


# What torch 2.13 makes of these, in float64:
#
#   start = [1.0, -2.0, 0.5]
#   def run(make):
#       kernel = torch.tensor(start[:2], requires_grad=True)
#       bias = torch.tensor(start[2:], requires_grad=True)
#       opt = make([{"params": [kernel], "weight_decay": 0.1},
#                   {"params": [bias], "weight_decay": 0.0}])
#       for g in gradients:
#           kernel.grad, bias.grad = torch.tensor(g[:2]), torch.tensor(g[2:])
#           opt.step()
#       return kernel.tolist() + bias.tolist()
#   run(lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.99), eps=1e-6))
#
# and torch.optim.SGD([x], lr=0.1, momentum=0.9), whose own weight decay is the coupled one.
START = [1.0, -2.0, 0.5]
GRADIENTS = [[0.5, -1.0, 0.25], [-0.75, 0.125, 2.0], [1.0, 0.5, -0.5], [0.25, -0.25, 0.0]]


def test_adam_is_torchs_adamw() -> None:
    adam = Adam(0.1, beta1=0.8, beta2=0.99, epsilon=1e-6)
    torchs = [0.9066968186733251, -1.8753431940980345, 0.36921399531468646]
    np.testing.assert_allclose(taught(adam, START, GRADIENTS, 0.05, 2), torchs, rtol=2e-6)


def test_sgd_is_torchs() -> None:
    torchs = [0.8163, -1.759975, -0.032975]
    np.testing.assert_allclose(taught(SGD(), START, GRADIENTS, 0.1, 0), torchs, rtol=1e-5)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_adams_first_step_is_the_rate_whatever_the_gradient(size: float) -> None:
    found = taught(Adam(), [0.0, 0.0], [[size, -size]], 0.01, 0)
    np.testing.assert_allclose(found, [-0.01, 0.01], rtol=2e-5)


@every_optimizer
def test_decay_shrinks_what_decays_and_nothing_else(optimizer: Optimizer) -> None:
    found = taught(optimizer, [3.0, -2.0, 3.0, -2.0], [np.zeros(4)] * 3, 0.5, 2)
    kept = (1 - 0.5 * optimizer.weight_decay) ** 3
    np.testing.assert_allclose(found[:2], [3 * kept, -2 * kept], rtol=1e-6)
    np.testing.assert_array_equal(found[2:], [3, -2])


@every_optimizer
@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_long_rows_are_updated_as_their_pieces_would_be(optimizer: Optimizer, size: int) -> None:
    rng = np.random.default_rng(size)
    start, *gradients = rng.standard_normal((4, size)).astype("f4")
    whole = taught(optimizer, start, gradients, 0.1, size // 2)
    for piece in (slice(0, 50), slice(size // 2, size // 2 + 50), slice(size - 50, size)):
        decaying = 50 if piece.stop <= size // 2 else 0
        alone = taught(optimizer, start[piece], [g[piece] for g in gradients], 0.1, decaying)
        np.testing.assert_array_equal(whole[piece], alone)
    wanted = expected(optimizer, start.astype(float), np.array(gradients, float), 0.1, size // 2)
    np.testing.assert_allclose(whole, wanted, atol=1e-4)


@pytest.mark.parametrize(("optimizer", "rate"), [(SGD(), 0.05), (SGD(0, 0.0), 0.2), (Adam(), 0.05)])
def test_a_quadratic_is_minimised(optimizer: Optimizer, rate: float) -> None:
    steepness, lowest = np.array([0.5, 1, 3], "f4"), np.array([1, -2, 0.5], "f4")
    numbers = np.zeros(3, np.float32)
    slots = [np.zeros_like(numbers) for _ in range(optimizer.slots)]
    for step in range(1, 401):
        gradient = steepness * (numbers - lowest)
        optimizer.update(numbers, gradient, slots, step=step, rate=rate, decaying=0)
    np.testing.assert_allclose(numbers, lowest, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SGD(1.0), r"SGD: weight_decay is in \[0, 1\), not 1.0"),
        (lambda: Adam(-0.1), r"Adam: weight_decay .* not -0.1"),
        (lambda: SGD(momentum=1.0), r"SGD: momentum is in \[0, 1\), not 1.0"),
        (lambda: SGD(momentum=-0.1), "SGD: momentum .* not -0.1"),
        (lambda: SGD(momentum=float("nan")), "SGD: momentum .* not nan"),
        (lambda: Adam(beta1=1.0), "Adam: beta1 .* not 1.0"),
        (lambda: Adam(beta2=1.0), "Adam: beta2 .* not 1.0"),
        (lambda: Adam(beta2=-1e-3), "Adam: beta2 .* not -0.001"),
        (lambda: Adam(epsilon=0.0), "Adam: epsilon must be positive, not 0.0"),
        (lambda: Adam(epsilon=float("nan")), "Adam: epsilon must be positive, not nan"),
    ],
)
def test_impossible_hyperparameters_are_refused(make: Callable[[], Optimizer], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        make()


@given(seed=seeds, size=st.integers(1, 9), most=st.floats(1e-3, 1e3), scale=st.floats(1e-3, 1e3))
def test_clipping_shortens_what_is_too_long_and_turns_nothing(
    seed: int, size: int, most: float, scale: float
) -> None:
    before = (scale * np.random.default_rng(seed).standard_normal(size)).astype("f4")
    gradient = before.copy()
    norm = clip(gradient, most)
    assert norm == pytest.approx(np.linalg.norm(before.astype(float)), rel=1e-6)
    if norm <= most:
        np.testing.assert_array_equal(gradient, before)
    else:
        assert np.linalg.norm(gradient.astype(float)) == pytest.approx(most, rel=1e-5)
        np.testing.assert_allclose(gradient, before * (most / norm), rtol=1e-5)


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_every_number_counts_in_the_norm(size: int) -> None:
    gradient = np.full(size, 0.5, np.float32)
    assert clip(gradient, 1.0) == pytest.approx(0.5 * np.sqrt(size), rel=1e-6)
    assert np.linalg.norm(gradient.astype(float)) == pytest.approx(1, rel=1e-5)


def test_a_gradient_of_nothing_stays() -> None:
    for size in (0, 3):
        gradient = np.zeros(size, np.float32)
        assert clip(gradient, 0.0) == 0
        np.testing.assert_array_equal(gradient, np.zeros(size))


def test_without_a_limit_nothing_is_clipped() -> None:
    gradient = np.array([1e15, -1e15], np.float32)
    assert clip(gradient, float("inf")) == pytest.approx(np.sqrt(2) * 1e15)
    np.testing.assert_array_equal(gradient, np.array([1e15, -1e15], np.float32))


@given(seed=seeds, decay=st.floats(0, 1))
def test_blending_is_between_the_two(seed: int, decay: float) -> None:
    average, numbers = np.random.default_rng(seed).standard_normal((2, 5)).astype("f4")
    wanted = decay * average.astype(float) + (1 - decay) * numbers
    numbers.flags.writeable = False
    blend(average, numbers, decay)
    np.testing.assert_allclose(average, wanted, atol=1e-6)


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_long_rows_are_blended_to_their_end(size: int) -> None:
    average = np.zeros(size, np.float32)
    blend(average, np.full(size, 4, np.float32), 0.75)
    np.testing.assert_array_equal(average, np.ones(size))


SPECS = {
    ("a", "bias"): ParameterSpec((2,), "zeros"),
    ("a", "kernel"): ParameterSpec((2, 3), "ones", decays=True),
    ("b", "gamma"): ParameterSpec((3,), "ones"),
    ("b", "kernel"): ParameterSpec((4,), "ones", decays=True),
}


def test_a_row_holds_each_number_once_and_those_that_decay_first() -> None:
    rng = np.random.default_rng(3)
    values = {n: rng.standard_normal(s.shape).astype("f4") for n, s in SPECS.items()}
    vector = ParameterVector(SPECS, values)
    assert vector.numbers.shape == (15,)
    assert vector.decaying == 10
    for name, value in values.items():
        np.testing.assert_array_equal(vector.views[name], value)
        assert not np.shares_memory(vector.numbers, value)
        assert np.shares_memory(vector.numbers[:10], vector.views[name]) == SPECS[name].decays
    vector.numbers[:] = np.arange(15)
    assert sorted(x for view in vector.views.values() for x in view.flat) == list(range(15))


def test_other_rows_split_and_fill_alike() -> None:
    vector = ParameterVector(SPECS, {n: np.zeros(s.shape, "f4") for n, s in SPECS.items()})
    row = np.zeros(15, np.float32)
    vector.fill(row, {n: np.full(s.shape, i, "f4") for i, (n, s) in enumerate(SPECS.items())})
    for i, name in enumerate(SPECS):
        assert (vector.split(row)[name] == i).all()
    assert not vector.numbers.any()


def test_a_value_of_another_shape_is_refused_by_name() -> None:
    values = {n: np.zeros(s.shape, "f4") for n, s in SPECS.items()}
    with pytest.raises(ShapeError, match=r"a/kernel: \(3, 2\) is not \(2, 3\)"):
        ParameterVector(SPECS, values | {("a", "kernel"): np.zeros((3, 2), "f4")})
