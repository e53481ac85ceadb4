"""Values worked out by hand or by an independent definition, layer by layer."""

from __future__ import annotations

import numpy as np
import pytest

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import (
    AveragePool,
    BatchNorm,
    Concatenate,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    L2Pool,
    LocalResponseNorm,
    MaxPool,
    PReLU,
    ReLU,
    ResidualAdd,
    ZeroPadding,
)

SQUARE = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0], [7.0, 8.0, 9.0]]).reshape(1, 3, 3, 1)


def test_max_pool() -> None:
    pooled = MaxPool(2, stride=1).forward({}, SQUARE)
    np.testing.assert_array_equal(pooled[0, :, :, 0], [[5, 5], [8, 9]])


def test_padding_never_wins_a_max_pool() -> None:
    pooled = MaxPool(3, stride=2, padding=1).forward({}, -np.abs(SQUARE))
    np.testing.assert_array_equal(pooled[0, :, :, 0], [[-1, -2], [-4, -5]])


def test_average_pool() -> None:
    assert AveragePool(3).forward({}, SQUARE).item() == pytest.approx(29 / 9)


def test_padding_does_not_count_in_an_average() -> None:
    pooled = AveragePool(3, stride=1, padding="same").forward({}, np.ones_like(SQUARE))
    np.testing.assert_array_equal(pooled, np.ones_like(SQUARE))


def test_l2_pool_is_the_root_of_the_sum_of_squares() -> None:
    assert L2Pool(3).forward({}, SQUARE).item() == pytest.approx(np.sqrt(285))


def test_global_average_pool() -> None:
    picture = np.concatenate([SQUARE, 2 * SQUARE], axis=3)
    np.testing.assert_allclose(GlobalAveragePool().forward({}, picture), [[29 / 9, 58 / 9]])


def test_batch_norm() -> None:
    parameters = {
        "gamma": np.array([2.0, -1.0]),
        "beta": np.array([0.5, 0.0]),
        "moving_mean": np.array([1.0, 3.0]),
        "moving_variance": np.array([0.25 - 1e-3, 4.0 - 1e-3]),
    }
    output = BatchNorm().forward(parameters, np.array([[2.0, 1.0]]))
    np.testing.assert_allclose(output, [[4.5, 1.0]])
    del parameters["gamma"]
    output = BatchNorm(scale=False).forward(parameters, np.array([[2.0, 1.0]]))
    np.testing.assert_allclose(output, [[2.5, -1.0]])


def test_local_response_norm_against_its_definition(rng: np.random.Generator) -> None:
    layer = LocalResponseNorm(5, alpha=0.3, beta=0.75, k=1.5)
    x = rng.standard_normal((1, 1, 1, 8))
    for c in range(8):
        around = (x[..., max(0, c - 2) : c + 3] ** 2).sum()
        expected = x[..., c] / (1.5 + 0.3 / 5 * around) ** 0.75
        np.testing.assert_allclose(layer.forward({}, x)[..., c], expected)


def test_activations() -> None:
    x = np.array([[-2.0, 0.0, 3.0]])
    np.testing.assert_array_equal(ReLU().forward({}, x), [[0, 0, 3]])
    alpha = {"alpha": np.array([0.25, 0.5, 0.5])}
    np.testing.assert_array_equal(PReLU().forward(alpha, x), [[-0.5, 0, 3]])


def test_dense() -> None:
    parameters = {"kernel": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias": np.array([0.5, -0.5])}
    np.testing.assert_array_equal(
        Dense(2).forward(parameters, np.array([[1.0, 1.0]])), [[4.5, 5.5]]
    )


def test_zero_padding() -> None:
    padded = ZeroPadding(((1, 0), (0, 2))).forward({}, np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(padded[0, :, :, 0], [[0, 0, 0], [1, 0, 0]])


def test_concatenate_keeps_the_order() -> None:
    joined = Concatenate().forward({}, np.array([[1.0]]), np.array([[2.0, 3.0]]))
    np.testing.assert_array_equal(joined, [[1, 2, 3]])


def test_residual_add() -> None:
    total = ResidualAdd(0.1).forward({}, np.array([[1.0]]), np.array([[20.0]]))
    np.testing.assert_allclose(total, [[3.0]])


def test_dropout_changes_nothing_at_inference() -> None:
    np.testing.assert_array_equal(Dropout(0.9).forward({}, SQUARE), SQUARE)


def test_l2_normalize() -> None:
    unit = L2Normalize().forward({}, np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0.0, 0.0]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: BatchNorm(0.0),
        lambda: Dense(0),
        lambda: Dropout(1.0),
        lambda: Dropout(-0.1),
        lambda: L2Normalize(0.0),
        lambda: LocalResponseNorm(4),
        lambda: LocalResponseNorm(alpha=-1.0),
        lambda: MaxPool(0),
        lambda: MaxPool(2, padding=2),
        lambda: AveragePool((3, 1), padding=((0, 0), (0, 1))),
        lambda: ZeroPadding(-1),
    ],
)
def test_impossible_hyperparameters_are_refused(make) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with pytest.raises(ArgumentError):
        make()


def test_errors_name_what_was_expected_and_received() -> None:
    with pytest.raises(ShapeError, match=r"\(height, width, channels\), received \(4,\)"):
        MaxPool(2).output_shape((4,))
    with pytest.raises(ShapeError, match=r"differ in channels only, received"):
        Concatenate().output_shape((2, 2, 1), (3, 2, 1))
    with pytest.raises(ShapeError, match="two inputs of one shape"):
        ResidualAdd().output_shape((2,), (3,))
