"""Depthwise convolution against a full one, and what its parameters begin with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array, Convolution, DepthwiseConvolution
from npfacenet.networks import Builder

sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
paddings = st.one_of(st.just("valid"), st.just("same"), st.integers(0, 2), st.tuples(sides, sides))


def as_full(kernel: Array) -> Array:
    """The kernel (h, w, C, C) of a convolution in which no channel sees another."""
    channels = kernel.shape[2]
    return kernel * np.eye(channels, dtype=kernel.dtype)


@given(sizes, sizes, paddings, st.integers(1, 3), st.integers(0, 2**16))
def test_equals_a_convolution_without_cross_talk(size, stride, padding, channels, seed) -> None:  # type: ignore[no-untyped-def]  # drawn
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal((*size, channels, 1))
    bias = rng.standard_normal(channels)
    images = rng.standard_normal((2, 5, 6, channels))
    depthwise = DepthwiseConvolution(size, stride, padding)
    full = Convolution(channels, size, stride, padding)
    found = depthwise.forward({"kernel": kernel, "bias": bias}, images)
    expected = full.forward({"kernel": as_full(kernel), "bias": bias}, images)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert depthwise.multiply_adds(images.shape[1:]) * channels == full.multiply_adds(
        images.shape[1:]
    )


def test_gradients_equal_those_of_the_full_convolution(rng: np.random.Generator) -> None:
    kernel, bias = rng.standard_normal((3, 3, 4, 1)), rng.standard_normal(4)
    images = rng.standard_normal((2, 6, 5, 4))
    depthwise, full = DepthwiseConvolution(3, 2, "same"), Convolution(4, 3, 2, "same")
    own, wide = {"kernel": kernel, "bias": bias}, {"kernel": as_full(kernel), "bias": bias}
    output, saved, _ = depthwise.forward_saving(own, images)
    _, saved_by_full, _ = full.forward_saving(wide, images)
    upstream = rng.standard_normal(output.shape)
    (to_images,), to_own = depthwise.backward(own, saved, upstream)
    (expected,), to_wide = full.backward(wide, saved_by_full, upstream)
    np.testing.assert_allclose(to_images, expected, atol=1e-12)
    diagonal = np.einsum("hwcc->hwc", to_wide["kernel"])[..., None]
    np.testing.assert_allclose(to_own["kernel"], diagonal, atol=1e-12)
    np.testing.assert_allclose(to_own["bias"], to_wide["bias"], atol=1e-12)
    assert depthwise.backward(own, saved, upstream, to_inputs=False)[0] == ()


def test_a_channel_begins_with_the_variance_of_its_own_window() -> None:
    build = Builder("drawn", (8, 8, 4096))
    build.add("depthwise", DepthwiseConvolution(3), build.input)
    kernel = build.network().initialise(0)["depthwise", "kernel"]
    assert kernel.std() == pytest.approx(np.sqrt(2 / 9), rel=0.02)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 1"):
        DepthwiseConvolution(0)
    with pytest.raises(ArgumentError, match="bias is True or False, not 'no'"):
        DepthwiseConvolution(1, bias="no")  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(ShapeError, match="does not fit"):
        DepthwiseConvolution(3).output_shape((2, 2, 1))
