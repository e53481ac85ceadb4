"""Geometry against crops, quarter turns and a formula; degradations against their docstrings."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from drawn_pictures import Picture
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import central_square, resize
from npfacenet.images.blending import blended
from npfacenet.images.degradation import blurred, erased, jpeg_compressed, relit
from npfacenet.images.warp import LEAST_TURN, warp
from npfacenet.testing import pictures

drawn = pictures(24)
sizes = st.integers(1, 12)
degrees = st.floats(-400, 400)


@st.composite
def regions(draw: st.DrawFn, picture: Picture) -> tuple[tuple[float, float], float]:
    height, width, _ = picture.shape
    centre = draw(st.floats(0, width)), draw(st.floats(0, height))
    return centre, draw(st.floats(0.1, 2 * max(height, width)))


def waves(side: int, shift: tuple[float, float] = (0, 0), turn: float = 0) -> Picture:
    """Return a smooth picture, defined between pixels too, rotated clockwise about its middle."""
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    x, y = x + shift[0], y + shift[1]
    channels = 3 * x / side * 60, 60 * np.sin(4 * y / side), 50 * np.cos(3 * (x + 2 * y) / side)
    levels: Picture = np.rint(128 + np.stack(channels, -1)).clip(0, 255).astype(np.uint8)
    return levels


def interpolated(
    picture: Picture, size: int, centre: tuple[float, float], extent: float, degrees: float
) -> npt.NDArray[np.float64]:
    """Compute a bilinear warp by its definition, pixel by pixel, without averaging."""
    height, width, _ = picture.shape
    down, right = ((np.mgrid[:size, :size] + 0.5) / size - 0.5) * extent
    offset = (right + 1j * down) * np.exp(1j * math.radians(degrees))
    x = (centre[0] + offset.real - 0.5).clip(0, width - 1)[..., None]
    y = (centre[1] + offset.imag - 0.5).clip(0, height - 1)[..., None]
    column, row = x[..., 0].astype(int), y[..., 0].astype(int)
    next_column, next_row = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
    upper = picture[row, column] * (1 - x % 1) + picture[row, next_column] * (x % 1)
    lower = picture[next_row, column] * (1 - x % 1) + picture[next_row, next_column] * (x % 1)
    expected: npt.NDArray[np.float64] = upper * (1 - y % 1) + lower * (y % 1)
    return expected


def difference(a: Picture, b: Picture) -> int:
    return int(np.abs(a.astype(int) - b).max())


# Geometry


@given(st.data(), drawn, sizes, degrees, st.booleans())
def test_a_warp_is_a_square_of_the_size_and_writes_to_nothing(
    data: st.DataObject, picture: Picture, size: int, angle: float, mirrored: bool
) -> None:
    centre, extent = data.draw(regions(picture))
    before = picture.copy()
    picture.flags.writeable = False
    one, two = (
        warp(picture, size, centre=centre, extent=extent, degrees=angle, mirrored=mirrored)
        for _ in range(2)
    )
    assert one.shape == (size, size, 3)
    assert one.dtype == np.uint8
    assert one.flags.c_contiguous
    assert one.flags.writeable
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(picture, before)


@given(st.data(), drawn, sizes, degrees)
def test_one_colour_stays_that_colour_whatever_the_region(
    data: st.DataObject, picture: Picture, size: int, angle: float
) -> None:
    flat = np.broadcast_to(picture[0, 0], picture.shape)
    centre, extent = data.draw(regions(picture))
    warped = warp(flat, size, centre=centre, extent=extent, degrees=angle)
    np.testing.assert_array_equal(warped, np.broadcast_to(picture[0, 0], (size, size, 3)))


@given(st.data(), drawn, sizes)
def test_a_region_of_whole_pixels_is_that_crop_resized(
    data: st.DataObject, picture: Picture, size: int
) -> None:
    height, width, _ = picture.shape
    side = data.draw(st.integers(1, min(height, width)))
    top, left = data.draw(st.integers(0, height - side)), data.draw(st.integers(0, width - side))
    crop = picture[top : top + side, left : left + side]
    centre = (left + side / 2, top + side / 2)
    warped = warp(picture, size, centre=centre, extent=side)
    np.testing.assert_array_equal(warped, resize(crop, size, "bilinear"))
    same = warp(picture, side, centre=centre, extent=side)
    np.testing.assert_array_equal(same, crop)
    assert not np.shares_memory(same, picture)


@given(drawn, st.integers(-3, 3))
def test_quarter_turns_are_exact_and_counter_clockwise(picture: Picture, quarters: int) -> None:
    square = central_square(picture)
    side = len(square)
    turned = warp(square, side, centre=(side / 2, side / 2), extent=side, degrees=90 * quarters)
    assert difference(turned, np.rot90(square, quarters)) <= 1


@given(st.data(), drawn, sizes, degrees)
def test_mirroring_is_last_and_twice_is_not_at_all(
    data: st.DataObject, picture: Picture, size: int, angle: float
) -> None:
    centre, extent = data.draw(regions(picture))
    plain = warp(picture, size, centre=centre, extent=extent, degrees=angle)
    once = warp(picture, size, centre=centre, extent=extent, degrees=angle, mirrored=True)
    np.testing.assert_array_equal(once, plain[:, ::-1])
    middle = (size / 2, size / 2)
    twice = warp(once, size, centre=middle, extent=size, mirrored=True)
    np.testing.assert_array_equal(twice, plain)


@given(st.data(), drawn, sizes, degrees)
def test_outside_of_the_picture_its_edges_repeat(
    data: st.DataObject, picture: Picture, size: int, angle: float
) -> None:
    (x, y), extent = data.draw(regions(picture))
    wide = int(extent) + 20
    padded = np.pad(picture, ((wide, wide), (wide, wide), (0, 0)), mode="edge")
    there = warp(picture, size, centre=(x, y), extent=extent, degrees=angle)
    within = warp(padded, size, centre=(x + wide, y + wide), extent=extent, degrees=angle)
    assert difference(there, within) <= 1


@given(st.data(), drawn, sizes, degrees)
def test_where_nothing_shrinks_a_turned_region_is_interpolated(
    data: st.DataObject, picture: Picture, size: int, angle: float
) -> None:
    centre, extent = data.draw(regions(picture))
    extent = min(extent, 1.4 * size)
    assume(abs(math.remainder(angle, 360)) >= LEAST_TURN)
    warped = warp(picture, size, centre=centre, extent=extent, degrees=angle)
    expected = interpolated(picture, size, centre, extent, angle)
    assert np.abs(warped - expected).max() <= 1.01


def test_rounding_does_not_push_a_region_out_of_its_window() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    assert (86.8 - 77) - 19.6 / 2 < 0
    assert warp(picture, 4, centre=(86.8, 86.8), extent=19.6).shape == (4, 4, 3)


@given(st.floats(-180, 180), st.floats(-9, 9), st.floats(-9, 9), st.sampled_from([24, 40, 96]))
def test_a_smooth_picture_moves_as_its_formula_says(
    angle: float, right: float, down: float, size: int
) -> None:
    scene, extent = waves(160), 80
    warped = warp(scene, size, centre=(80 + right, 80 + down), extent=extent, degrees=angle)
    fine = waves(160, (right, down), math.radians(angle))
    expected = warp(fine, size, centre=(80, 80), extent=extent)
    assert difference(warped, expected) <= 3


@pytest.mark.parametrize("extent", [150, 250, 400, 700])
def test_turned_and_upright_pictures_are_equally_sharp(
    extent: int, rng: np.random.Generator
) -> None:
    noise = rng.integers(0, 256, (1100, 1100, 3), np.uint8)
    upright, turned, quarter = (
        warp(noise, 96, centre=(550.3, 550.7), extent=extent, degrees=angle).std()
        for angle in (0, 31, 90)
    )
    # Without averaging, noise would stay as strong as it is: 74.
    assert turned == pytest.approx(upright, rel=0.2)
    assert quarter == pytest.approx(upright, rel=0.2)


def test_what_no_warp_can_be_is_refused() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)

    def refused(said: str, size: int = 2, **options: object) -> None:
        given_options = {"centre": (3, 2), "extent": 4, **options}
        with pytest.raises(ArgumentError, match=said):
            warp(picture, size, **given_options)  # type: ignore[arg-type]  # drawn from one dict

    refused("size must be at least 1, not 0", size=0)
    for centre in ((6.1, 2), (3, 4.1), (-0.1, 2), (3, -0.1), (math.nan, 2), (3, math.inf)):
        refused("centre", centre=centre)
    for extent in (0, 0.09, -1, 12.1, math.nan, math.inf):
        refused("extent must be 0.1 to 12 pixels here", extent=extent)
    for angle in (math.nan, math.inf):
        refused("degrees must be finite", degrees=angle)
    with pytest.raises(ImageError):
        warp(picture[..., 0], 2, centre=(1, 1), extent=2)


# Degradations


@given(drawn, st.integers(1, 100), st.floats(0, 20), st.floats(0, 3), st.floats(0, 3))
def test_degradations_keep_shape_and_dtype_and_write_to_nothing(
    picture: Picture, quality: int, radius: float, brightness: float, contrast: float
) -> None:
    before = picture.copy()
    picture.flags.writeable = False
    for degraded in (
        jpeg_compressed(picture, quality),
        blurred(picture, radius),
        relit(picture, brightness, contrast),
        erased(picture, 0, 0, 1, 1, (1, 2, 3)),
    ):
        assert degraded.shape == picture.shape
        assert degraded.dtype == np.uint8
        assert degraded.flags.writeable
        assert not np.shares_memory(degraded, picture)
    np.testing.assert_array_equal(picture, before)


def test_a_better_quality_is_nearer_to_the_picture() -> None:
    scene = waves(64)
    errors = [
        float(np.abs(jpeg_compressed(scene, quality).astype(float) - scene).mean())
        for quality in (100, 60, 20, 2)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 1
    assert errors[-1] > 4


@given(pictures(24), st.floats(0, 1000))
def test_blur_keeps_the_levels_within_bounds_and_at_0_the_picture(
    picture: Picture, radius: float
) -> None:
    degraded = blurred(picture, radius)
    assert (degraded >= picture.min((0, 1))).all()
    assert (degraded <= picture.max((0, 1))).all()
    np.testing.assert_array_equal(blurred(picture, 0), picture)


def test_blur_spreads_a_point_as_a_gaussian_does() -> None:
    point = np.zeros((61, 61, 3), np.uint8)
    point[27:34, 27:34] = 255  # variance (7 * 7 - 1) / 12 along each side
    for radius in (1.0, 2.5, 5.0):
        spread = blurred(point, radius).astype(float)[..., 0]
        assert abs(spread.mean() - point.mean()) < 1
        across = np.arange(61) - 30
        variance = (spread.sum(0) * across**2).sum() / spread.sum()
        assert variance == pytest.approx(4 + radius**2, rel=0.1)


@given(drawn, st.floats(0, 3), st.floats(0, 3))
def test_light_is_the_formula(picture: Picture, brightness: float, contrast: float) -> None:
    values = picture.astype(np.float64)
    formula = brightness * (values.mean() + contrast * (values - values.mean()))
    assert np.abs(relit(picture, brightness, contrast) - formula.clip(0, 255)).max() <= 0.5 + 1e-9
    np.testing.assert_array_equal(relit(picture, 1, 1), picture)
    np.testing.assert_array_equal(relit(picture), picture)


@given(st.data(), drawn)
def test_erasing_changes_the_rectangle_and_nothing_else(
    data: st.DataObject, picture: Picture
) -> None:
    rows, columns, _ = picture.shape
    top, left = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    height = data.draw(st.integers(1, rows - top))
    width = data.draw(st.integers(1, columns - left))
    covered = erased(picture, top, left, height, width, (1, 2, 255))
    inside = np.zeros((rows, columns), bool)
    inside[top : top + height, left : left + width] = True
    assert (covered[inside] == (1, 2, 255)).all()
    np.testing.assert_array_equal(covered[~inside], picture[~inside])


def test_what_no_degradation_can_be_is_refused() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    for quality in (0, 101):
        with pytest.raises(ArgumentError, match=f"quality must be 1 to 100, not {quality}"):
            jpeg_compressed(picture, quality)
    for radius in (-0.1, 1001, math.nan):
        with pytest.raises(ArgumentError, match="radius must be 0 to 1000 pixels"):
            blurred(picture, radius)
    for factor in (-0.1, math.nan, math.inf):
        with pytest.raises(ArgumentError, match="brightness"):
            relit(picture, brightness=factor)
        with pytest.raises(ArgumentError, match="contrast"):
            relit(picture, contrast=factor)
    for rectangle in ((0, 0, 0, 1), (0, 0, 1, 0), (-1, 0, 2, 2), (3, 0, 2, 2), (0, 5, 2, 2)):
        with pytest.raises(ArgumentError, match="does not lie within 4 x 6 pixels"):
            erased(picture, *rectangle, (0, 0, 0))
    for colour in ((0, 0, 256), (0, -1, 0), (0, 0), (0, 0, 0, 0)):
        with pytest.raises(ArgumentError, match="colour must be three numbers"):
            erased(picture, 0, 0, 1, 1, colour)  # type: ignore[arg-type]  # the fault under test
    grey = picture[..., 0]
    with pytest.raises(ImageError):
        jpeg_compressed(grey, 50)
    with pytest.raises(ImageError):
        blurred(grey, 1)
    with pytest.raises(ImageError):
        relit(grey)
    with pytest.raises(ImageError):
        erased(grey, 0, 0, 1, 1, (0, 0, 0))


@given(st.integers(0, 2**16), st.floats(0, 1))
def test_a_blend_lies_between_its_pictures(seed: int, share: float) -> None:
    one, other = np.random.default_rng(seed).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8)
    mixed = blended(one, other, share)
    assert (np.minimum(one, other) <= mixed).all()
    assert (mixed <= np.maximum(one, other)).all()
    assert np.array_equal(mixed, blended(other, one, 1 - share)) or 0 < share < 1
    exact = (1 - share) * one.astype(float) + share * other
    assert np.abs(mixed - exact).max() <= 0.5 + 1e-4


def test_what_cannot_be_blended_is_refused() -> None:
    one = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ArgumentError, match=r"share must be 0 to 1, not 1\.5"):
        blended(one, one, 1.5)
    with pytest.raises(ArgumentError, match="not nan"):
        blended(one, one, float("nan"))
    with pytest.raises(ImageError, match="cannot be blended"):
        blended(one, one[:1], 0.5)
