"""Cropping and resizing: identities, bounds, and Pillow as the independent reference."""

from __future__ import annotations

from typing import Literal

import numpy as np
import PIL.Image
import pytest
from drawn_pictures import Picture, pictures
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import central_square, centre_crop, resize

Filters = Literal["nearest", "bilinear"]
filters = st.sampled_from(["nearest", "bilinear"])


@given(pictures)
def test_the_central_square_is_the_largest_in_the_middle(picture: Picture) -> None:
    height, width = picture.shape[:2]
    side = min(height, width)
    square = central_square(picture)
    assert square.shape == (side, side, 3)
    top, left = (height - side) // 2, (width - side) // 2
    np.testing.assert_array_equal(square, picture[top : top + side, left : left + side])
    np.testing.assert_array_equal(central_square(square), square)
    assert np.shares_memory(square, picture)


@given(pictures, st.integers(1, 9))
def test_a_centre_crop_is_in_the_centre(picture: Picture, size: int) -> None:
    if size > min(picture.shape[:2]):
        with pytest.raises(ImageError, match=f"{size} x {size} pixels cannot be cut out"):
            centre_crop(picture, size)
    else:
        assert centre_crop(picture, size).shape == (size, size, 3)


@given(pictures, filters)
def test_resizing_to_its_own_size_changes_nothing(picture: Picture, name: Filters) -> None:
    square = central_square(picture)
    np.testing.assert_array_equal(resize(square, len(square), name), square)


@given(pictures, st.integers(1, 12), filters)
def test_one_colour_stays_that_colour(picture: Picture, size: int, name: Filters) -> None:
    flat = np.broadcast_to(picture[0, 0], picture.shape)
    resized = resize(flat, size, name)
    np.testing.assert_array_equal(resized, np.broadcast_to(picture[0, 0], (size, size, 3)))


@given(pictures, st.integers(1, 12))
def test_nearest_takes_the_pixel_under_the_middle(picture: Picture, size: int) -> None:
    height, width = picture.shape[:2]
    twice = 2 * np.arange(size) + 1
    # Between two pixels neither is nearer, and rounding decides.
    assume((twice * height % (2 * size)).all() and (twice * width % (2 * size)).all())
    rows, columns = twice * height // (2 * size), twice * width // (2 * size)
    np.testing.assert_array_equal(resize(picture, size, "nearest"), picture[rows][:, columns])


@given(pictures, st.integers(1, 12))
def test_bilinear_is_pillows(picture: Picture, size: int) -> None:
    bilinear = PIL.Image.Resampling.BILINEAR
    expected = np.asarray(PIL.Image.fromarray(picture).resize((size, size), bilinear))
    np.testing.assert_array_equal(resize(picture, size, "bilinear"), expected)


def test_what_cannot_be_is_refused() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    for size in (0, -1):
        with pytest.raises(ArgumentError):
            resize(picture, size, "nearest")
        with pytest.raises(ArgumentError):
            centre_crop(picture, size)
    with pytest.raises(ArgumentError, match="not 'cubic'"):
        resize(picture, 2, "cubic")  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(ImageError):
        central_square(np.zeros((4, 4), np.uint8))
