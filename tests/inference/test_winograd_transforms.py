"""Winograd's filtering gives the sums of products of the plain definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError
from npfacenet.inference.winograd_transforms import MOST_POINTS, transforms


@given(
    outputs=st.integers(1, 6),
    taps=st.integers(1, 7),
    stride=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_one_dimension(outputs: int, taps: int, stride: int, seed: int) -> None:
    assume(taps >= stride)
    if outputs + -(-taps // stride) - 1 > MOST_POINTS:
        with pytest.raises(ArgumentError, match="points"):
            transforms(outputs, taps, stride)
        return
    rng = np.random.default_rng(seed)
    matrices = transforms(outputs, taps, stride)
    length = (outputs - 1) * stride + taps
    d, g = rng.standard_normal(length), rng.standard_normal(taps)
    found = matrices.output @ ((matrices.kernel @ g) * (matrices.input @ d))
    expected = [d[i * stride : i * stride + taps] @ g for i in range(outputs)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("outputs", "taps", "products"), [(2, 3, 4), (4, 3, 6), (4, 7, 10)])
def test_fewer_products_than_the_definition(outputs: int, taps: int, products: int) -> None:
    assert len(transforms(outputs, taps).input) == products < outputs * taps


def test_the_published_matrices() -> None:
    """Lavin and Gray 2016, equation 6, whose rows may differ in sign and scale."""
    matrices = transforms(2, 3)
    published = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]
    for found, row in zip(matrices.input, published, strict=True):
        there = np.array(row) != 0
        ratio = found[there] / np.array(row)[there]
        np.testing.assert_array_equal(found != 0, there)
        np.testing.assert_allclose(np.abs(ratio), np.abs(ratio[0]))


@pytest.mark.parametrize("outputs", [2, 3, 4, 5, 6])
def test_rounding_stays_small(outputs: int, rng: np.random.Generator) -> None:
    """In float32, of 64 channels, relative to the largest result."""
    matrices = [m.astype(np.float32) for m in transforms(outputs, 3)]
    d = np.abs(rng.standard_normal((outputs + 2, 50, 64))).astype(np.float32)
    g = rng.standard_normal((3, 64, 32)).astype(np.float32)
    points = np.tensordot(matrices[0], d, 1) @ np.tensordot(matrices[1], g, 1)
    found = np.tensordot(matrices[2], points, 1)
    exact = [sum(d[i + t].astype(float) @ g[t] for t in range(3)) for i in range(outputs)]
    assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
