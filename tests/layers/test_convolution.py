"""Convolution against its definition, and the laws of a linear, shift-invariant operation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ShapeError
from npfacenet.layers import Array, Convolution, Window, im2col

sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
sides = st.tuples(st.integers(0, 3), st.integers(0, 3))
paddings = st.one_of(st.just("valid"), st.just("same"), st.integers(0, 3), st.tuples(sides, sides))


def by_definition(layer: Convolution, kernel: Array, bias: Array, images: Array) -> Array:
    """Sum over the window, number by number, in float64."""
    (top, bottom), (left, right) = layer.window.margins(*images.shape[1:3])
    padded = np.pad(images.astype("f8"), ((0, 0), (top, bottom), (left, right), (0, 0)))
    (h, w), (down, across) = layer.window.size, layer.window.stride
    rows = (padded.shape[1] - h) // down + 1
    columns = (padded.shape[2] - w) // across + 1
    output = np.zeros((len(images), rows, columns, layer.filters))
    for n, y, x, f in np.ndindex(*output.shape):
        patch = padded[n, y * down : y * down + h, x * across : x * across + w]
        output[n, y, x, f] = (patch * kernel[..., f]).sum() + bias[f]
    return output


@given(sizes, strides, paddings, st.integers(4, 7), st.integers(4, 7), st.integers(0, 2**32 - 1))
def test_equals_its_definition(size, stride, padding, height, width, seed) -> None:  # type: ignore[no-untyped-def]  # drawn
    rng = np.random.default_rng(seed)
    layer = Convolution(2, size, stride, padding)
    images = rng.standard_normal((2, height, width, 3)).astype("f4")
    kernel, bias = rng.standard_normal((*size, 3, 2)), rng.standard_normal(2)
    parameters = {"kernel": kernel.astype("f4"), "bias": bias.astype("f4")}
    expected = by_definition(layer, kernel, bias, images)
    np.testing.assert_allclose(layer.forward(parameters, images), expected, rtol=1e-4, atol=1e-5)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_linear(a: float, b: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = Convolution(3, 3, padding="same", bias=False)
    x, y = rng.standard_normal((2, 1, 5, 5, 2))
    parameters = {"kernel": rng.standard_normal((3, 3, 2, 3))}
    mixed = layer.forward(parameters, a * x + b * y)
    separate = a * layer.forward(parameters, x) + b * layer.forward(parameters, y)
    np.testing.assert_allclose(mixed, separate, atol=1e-10)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_a_shifted_picture_gives_a_shifted_output(down: int, right: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = Convolution(2, 3)
    parameters = {"kernel": rng.standard_normal((3, 3, 1, 2)), "bias": rng.standard_normal(2)}
    scene = rng.standard_normal((1, 9, 9, 1))
    whole = layer.forward(parameters, scene)
    part = layer.forward(parameters, scene[:, down : down + 6, right : right + 6])
    np.testing.assert_allclose(part, whole[:, down : down + 4, right : right + 4], atol=1e-12)


def test_same_padding_puts_the_odd_pixel_at_the_bottom_right() -> None:
    # TensorFlow: a 2x2 window over 3 pixels with stride 1 pads 1, after the picture.
    assert Window((2, 2), (1, 1), "same").margins(3, 3) == ((0, 1), (0, 1))
    assert Window((3, 3), (2, 2), "same").margins(6, 6) == ((0, 1), (0, 1))
    assert Window((3, 3), (2, 2), "same").margins(5, 5) == ((1, 1), (1, 1))


@given(sizes, strides, st.integers(1, 12), st.integers(1, 12))
def test_same_padding_gives_ceil_of_size_by_stride(size, stride, height, width) -> None:  # type: ignore[no-untyped-def]  # drawn
    positions = Window(size, stride, "same").positions(height, width)
    assert positions == (-(-height // stride[0]), -(-width // stride[1]))


def test_im2col_of_a_1x1_window_stores_nothing_twice() -> None:
    images = np.ones((2, 3, 4, 5), "f4")
    assert np.shares_memory(im2col(images, Window((1, 1), (1, 1), "valid")), images)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 0},
        {"filters": 2, "size": 0},
        {"filters": 2, "stride": 0},
        {"filters": 2, "padding": -1},
        {"filters": 2, "padding": ((0, 0), (-1, 0))},
        {"filters": 2, "padding": "full"},
    ],
)
def test_impossible_hyperparameters_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        Convolution(**options)  # type: ignore[arg-type]  # the fault under test


def test_a_window_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="5x5 does not fit into a picture of 4x6"):
        Convolution(2, 5).output_shape((4, 6, 3))
