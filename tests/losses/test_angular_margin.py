"""The margin that ArcFace adds to an angle, at the poles, at the seam and between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.losses import AngularMargin, CrossEntropy
from npfacenet.losses.angular_margin import SMALLEST_SINE, with_margin

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, scale=st.floats(0.5, 64))
def test_without_margin_it_is_the_cross_entropy_of_scaled_cosines(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    cosines, labels = rng.uniform(-1, 1, (4, 3)), rng.integers(0, 3, 4)
    found = AngularMargin(0.0, scale).value_and_gradient(cosines, labels)
    plain = CrossEntropy().value_and_gradient(scale * cosines, labels)
    assert found.value == pytest.approx(plain.value)
    np.testing.assert_allclose(found.gradient, scale * plain.gradient, atol=1e-12)
    assert found.measures == plain.measures


@given(theta=st.floats(0.01, np.pi - 0.01), margin=st.floats(0, 1.5))
def test_the_margin_is_added_to_the_angle(theta: float, margin: float) -> None:
    moved, slope = with_margin(np.cos([theta]), margin)
    if theta + margin < np.pi - 1e-6:
        assert moved[0] == pytest.approx(np.cos(theta + margin), abs=1e-9)
        assert slope[0] == pytest.approx(np.sin(theta + margin) / np.sin(theta), abs=1e-6)
    elif theta + margin > np.pi + 1e-6:
        assert moved[0] == pytest.approx(np.cos(theta) - margin * np.sin(margin))
        assert slope[0] == 1


@given(margin=st.floats(0, 1.57))
def test_the_margined_cosine_rises_with_the_cosine_everywhere(margin: float) -> None:
    moved, slope = with_margin(np.linspace(-1, 1, 2001), margin)
    assert (np.diff(moved) > 0).all()
    assert (slope >= -1e-9).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beyond", [0.0, 5e-5])
def test_near_the_poles_the_gradient_stays_finite(dtype: str, beyond: float) -> None:
    cosines = np.array([[1 + beyond, 1.0], [-1 - beyond, -1.0]], dtype)
    found = AngularMargin().value_and_gradient(cosines, np.array([0, 0]))
    assert np.isfinite(found.value)
    assert np.abs(found.gradient).max() <= 32 * (1 + 1 / SMALLEST_SINE)


def test_the_value_at_the_pole_is_exact() -> None:
    moved, _ = with_margin(np.array([1.0]), 0.3)
    assert moved[0] == pytest.approx(np.cos(0.3), rel=1e-15)


def test_the_slope_is_exact_up_to_near_the_poles() -> None:
    theta = np.arccos(1 - 6e-7)
    _, slope = with_margin(np.cos([theta]), 0.3)
    assert slope[0] == pytest.approx(np.sin(theta + 0.3) / np.sin(theta), rel=1e-6)


def test_accuracy_is_measured_without_the_margin() -> None:
    found = AngularMargin(0.5).value_and_gradient(np.array([[0.9, 0.8]]), np.array([0]))
    assert np.cos(np.arccos(0.9) + 0.5) < 0.8
    assert found.measures == {"accuracy": 1.0}


def test_what_is_no_cosine_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"from -1 to 1, received -0\.5 to 1\.5"):
        AngularMargin().value_and_gradient(np.array([[-0.5, 1.5]]), np.array([0]))
