"""Values worked out by hand or by an independent definition: what detectors end in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.layers import AveragePool, Sigmoid, Softmax, UpsampleNearest


@given(st.floats(-700, 700))
def test_sigmoid_is_the_logistic_function(x: float) -> None:
    found = Sigmoid().forward({}, np.array([[x]])).item()
    assert found == pytest.approx(1 / (1 + math.exp(-x)), rel=1e-14, abs=1e-305)


@given(st.floats(-50, 50, width=32))
def test_sigmoids_of_opposite_numbers_add_up_to_1(x: float) -> None:
    found = Sigmoid().forward({}, np.array([[x, -x]], np.float32))
    assert found.sum() == pytest.approx(1, abs=1e-6)


def test_far_from_0_a_sigmoid_has_no_slope_and_no_warning() -> None:
    for x in (np.array([[-1e30, 1e30]], np.float32), np.array([[-1e30, 1e30]])):
        output, saved, _ = Sigmoid().forward_saving({}, x)
        np.testing.assert_array_equal(output, [[0, 1]])
        (slope,), _ = Sigmoid().backward({}, saved, np.ones_like(x))
        np.testing.assert_array_equal(slope, [[0, 0]])


def test_softmax_of_two_is_a_sigmoid_of_their_difference(rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 4, 5, 2))
    found = Softmax().forward({}, x)
    expected = Sigmoid().forward({}, x[..., 1] - x[..., 0])
    np.testing.assert_allclose(found[..., 1], expected)
    np.testing.assert_allclose(found.sum(axis=-1), 1)


@given(st.floats(-1e4, 1e4), st.integers(0, 2**16))
def test_a_softmax_does_not_change_with_a_common_term(term: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((2, 3))
    found = Softmax().forward({}, x + term)
    np.testing.assert_allclose(found, Softmax().forward({}, x), atol=1e-11)


@given(st.integers(1, 4), st.integers(0, 2**16))
def test_the_mean_of_the_copies_is_the_pixel(factor: int, seed: int) -> None:
    images = np.random.default_rng(seed).standard_normal((2, 3, 2, 4))
    enlarged = UpsampleNearest(factor).forward({}, images)
    np.testing.assert_array_equal(enlarged[:, ::factor, ::factor], images)
    np.testing.assert_allclose(AveragePool(factor).forward({}, enlarged), images)


def test_an_enlarged_picture_has_blocks_of_equal_pixels() -> None:
    picture = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(UpsampleNearest().forward({}, picture)[0, :, :, 0], expected)
    with pytest.raises(ArgumentError, match="at least 1"):
        UpsampleNearest(0)
