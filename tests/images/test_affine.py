"""Crops through affine maps: against exact copies, area means, ramps, and dots at known places."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from drawn_pictures import Picture
from hypothesis import assume, given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import resize
from npfacenet.images.affine import Kernel, Matrix, resampled
from npfacenet.testing import pictures

KERNELS: tuple[Kernel, ...] = ("area", "triangle")
drawn = pictures(24)
sizes = st.integers(1, 12)
degrees = st.floats(-180, 180)
kernels = st.sampled_from(KERNELS)


def turned(size: int, centre: tuple[float, float], step: float, angle: float) -> Matrix:
    """Return the map whose middle shows `centre`, with `step` pixels from one to the next."""
    cosine, sine = step * math.cos(math.radians(angle)), step * math.sin(math.radians(angle))
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([linear, np.array(centre) - linear @ (size / 2, size / 2)])


def grid(matrix: Matrix, size: int, samples: int) -> tuple[Matrix, Matrix]:
    """Return x and y in the picture of `samples` x `samples` points of each pixel of the crop."""
    v, u = (np.mgrid[: size * samples, : size * samples] + 0.5) / samples
    (a, b, x), (c, d, y) = matrix
    return a * u + b * v + x, c * u + d * v + y


def area_means(picture: Picture, matrix: Matrix, size: int, samples: int) -> Matrix:
    """Average the bilinear interpolation over each pixel of the crop, by definition."""
    height, width, _ = picture.shape
    x, y = grid(matrix, size, samples)
    x, y = (x - 0.5).clip(0, width - 1)[..., None], (y - 0.5).clip(0, height - 1)[..., None]
    column, row = x[..., 0].astype(int), y[..., 0].astype(int)
    right, below = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
    upper = picture[row, column] * (1 - x % 1) + picture[row, right] * (x % 1)
    lower = picture[below, column] * (1 - x % 1) + picture[below, right] * (x % 1)
    fine = upper * (1 - y % 1) + lower * (y % 1)
    means: Matrix = fine.reshape(size, samples, size, samples, 3).mean((1, 3))
    return means


def structured(side: int, seed: int = 3) -> Picture:
    """Return a picture with structures of all sizes down to a few pixels, as photographs have."""
    rng = np.random.default_rng(seed)
    levels = np.zeros((side, side, 3))
    for blocks in (3, 9, 27, 81):
        noise = rng.normal(0, 60 / math.sqrt(blocks), (blocks, blocks, 3))
        levels += np.kron(noise, np.ones((-(-side // blocks),) * 2 + (1,)))[:side, :side]
    picture: Picture = np.rint(128 + levels).clip(0, 255).astype(np.uint8)
    return picture


def mean_difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def mirror(size: int) -> Matrix:
    """Return the map (3, 3) of a crop to its mirror image."""
    return np.array([[-1, 0, size], [0, 1, 0], [0, 0, 1]])


@st.composite
def maps(draw: st.DrawFn, picture: Picture, size: int) -> Matrix:
    """Any map whose crop shows a part of the picture, sheared too."""
    height, width, _ = picture.shape
    longest = 2 * max(height, width)
    centre = draw(st.floats(0, width)), draw(st.floats(0, height))
    matrix = turned(size, centre, draw(st.floats(0.1, longest)) / size, draw(degrees))
    sheared: Matrix = matrix @ np.array([[1, draw(st.floats(-0.5, 0.5)), 0], [0, 1, 0], [0, 0, 1]])
    return sheared


@given(st.data(), drawn, sizes, kernels)
def test_a_crop_is_a_new_square_and_nothing_is_written_to(
    data: st.DataObject, picture: Picture, size: int, kernel: Kernel
) -> None:
    matrix = data.draw(maps(picture, size))
    before = picture.copy()
    picture.flags.writeable = matrix.flags.writeable = False
    one, two = (resampled(picture, matrix, size, kernel) for _ in range(2))
    assert one.shape == (size, size, 3)
    assert one.dtype == np.uint8
    assert one.flags.c_contiguous
    assert one.flags.writeable
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(picture, before)
    assert not np.shares_memory(one, picture)


@given(st.data(), drawn, sizes, kernels)
def test_one_colour_stays_that_colour(
    data: st.DataObject, picture: Picture, size: int, kernel: Kernel
) -> None:
    flat = np.broadcast_to(picture[0, 0], picture.shape)
    crop = resampled(flat, data.draw(maps(picture, size)), size, kernel)
    np.testing.assert_array_equal(crop, np.broadcast_to(picture[0, 0], (size, size, 3)))


@given(drawn, st.integers(1, 24), st.integers(-30, 30), st.integers(-30, 30), kernels)
def test_whole_shifts_copy_pixels_and_repeat_edges(
    picture: Picture, size: int, right: int, down: int, kernel: Kernel
) -> None:
    height, width, _ = picture.shape
    reach = 4 * max(height, width)
    assume(-reach <= min(right, down) and max(right - width, down - height) + size <= reach)
    rows = np.arange(down, down + size).clip(0, height - 1)
    columns = np.arange(right, right + size).clip(0, width - 1)
    crop = resampled(picture, np.array([[1, 0, right], [0, 1, down]]), size, kernel)
    np.testing.assert_array_equal(crop, picture[rows][:, columns])


@given(pictures(12), st.integers(1, 4), st.integers(0, 3), st.booleans())
def test_quarter_turns_mirrors_and_small_whole_factors_are_exact(
    picture: Picture, factor: int, quarters: int, mirrored: bool
) -> None:
    """Every pixel is enlarged to a block, whose mean is that pixel."""
    side = min(picture.shape[:2])
    square = picture[:side, :side]
    large = np.kron(square, np.ones((factor, factor, 1), np.uint8))
    matrix = turned(side, (side * factor / 2,) * 2, factor, 90 * quarters)
    expected = np.rot90(square, quarters)
    if mirrored:
        matrix = matrix @ mirror(side)
        expected = expected[:, ::-1]
    np.testing.assert_array_equal(resampled(large, matrix, side), expected)


@pytest.mark.parametrize("step", [0.3, 1.7, 5.2, 18.0])
@pytest.mark.parametrize("angle", [0, 23])
@pytest.mark.parametrize("kernel", KERNELS)
def test_turned_mirrored_and_enlarged_pictures_give_the_same_crop(
    step: float, angle: float, kernel: Kernel
) -> None:
    picture, size = structured(600), int(min(40, 400 / step))
    matrix = turned(size, (301.3, 288.9), step, angle)
    crop = resampled(picture, matrix, size, kernel)
    whole = np.eye(3)[:2]
    quarter = np.array([[0, 1, 0], [-1, 0, 600]])  # where a point lies after np.rot90
    flip = np.array([[-1, 0, 600], [0, 1, 0]])
    for changed, to in (
        (picture, whole),
        (np.rot90(picture), quarter),
        (np.rot90(picture, 2), quarter @ np.vstack([quarter, (0, 0, 1)])),
        (picture[:, ::-1], flip),
        (np.kron(picture, np.ones((2, 2, 1), np.uint8)), 2 * whole),
        (np.kron(picture, np.ones((3, 3, 1), np.uint8)), 3 * whole),
    ):
        there = resampled(changed, to @ np.vstack([matrix, (0, 0, 1)]), size, kernel)
        assert mean_difference(there, crop) <= (0.7 if kernel == "area" else 2)


@given(degrees, st.floats(0.3, 20), kernels)
def test_a_ramp_stays_a_ramp(angle: float, step: float, kernel: Kernel) -> None:
    y, x = np.mgrid[:600, :700] + 0.5
    ramps = 255 * np.stack([x / 700, y / 600, (x + y) / 1300], -1)
    size = int(max(2, min(24, 400 / step)))
    matrix = turned(size, (353, 297), step, angle)
    u, v = grid(matrix, size, 1)
    inside = (abs(u - 350) < 345 - 2 * step) & (abs(v - 300) < 295 - 2 * step)
    assume(inside.any())
    expected = 255 * np.stack([u / 700, v / 600, (u + v) / 1300], -1)
    crop = resampled(np.rint(ramps).astype(np.uint8), matrix, size, kernel)
    # The picture, what is shrunk of it and the crop are rounded: up to 1/2 each; Pillow's transform
    # of uint8, for triangles, cuts fractions off: up to 1.
    limit = 1.51 if kernel == "area" else 2.01
    assert np.abs(crop - expected)[inside].max() <= limit


@pytest.mark.parametrize("step", [0.3, 0.9, 1.1, 2, 3.3, 4.6, 10.5, 20])
@pytest.mark.parametrize("angle", [0, 7, 121.5])
def test_pixels_are_means_of_the_area_they_show(step: float, angle: float) -> None:
    picture = structured(700)
    size = int(min(64, 480 / step))
    matrix = turned(size, (353.3, 341.7), step, angle)
    expected = area_means(picture, matrix, size, max(8, math.ceil(2 * step)))
    away = np.abs(resampled(picture, matrix, size) - expected)
    assert math.sqrt((away**2).mean()) <= 1.7  # rounding alone is 0.29
    assert away.mean() <= 1.2


@pytest.mark.parametrize("stripes", [1, 2, 3])
@pytest.mark.parametrize("angle", [0, 1, 17, 45, 90])
def test_stripes_too_fine_for_the_crop_give_their_mean(stripes: int, angle: float) -> None:
    columns = np.arange(1200) // stripes % 2 * 255
    picture = np.broadcast_to(columns[None, :, None], (1200, 1200, 3)).astype(np.uint8)
    crop = resampled(picture, turned(40, (600, 600), 20, angle), 40)
    assert np.abs(crop - 127.5).max() <= 3.5
    assert abs(crop.mean() - 127.5) <= 0.51


@given(drawn, sizes, sizes)
def test_an_enlarged_picture_is_that_of_bilinear_resizing(
    picture: Picture, more: int, size: int
) -> None:
    height, width, _ = picture.shape
    size = max(height, width) + more
    matrix = np.array([[width / size, 0, 0], [0, height / size, 0]])
    expected = resize(picture, size, "bilinear")
    assert np.abs(resampled(picture, matrix, size) - expected.astype(int)).max() <= 1
    triangle = resampled(picture, matrix, size, "triangle")
    np.testing.assert_array_equal(triangle, expected)


@given(st.data(), drawn, sizes)
def test_triangles_of_an_upright_region_are_its_crop_resized(
    data: st.DataObject, picture: Picture, size: int
) -> None:
    height, width, _ = picture.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    matrix = np.array([[(right - left) / size, 0, left], [0, (bottom - top) / size, top]])
    crop = resampled(picture, matrix, size, "triangle")
    np.testing.assert_array_equal(crop, resize(picture[top:bottom, left:right], size, "bilinear"))


@given(degrees, st.sampled_from([0.5, 1, 1.7, 5, 12, 20]), st.floats(-7, 7), st.floats(-7, 7))
def test_dots_land_where_the_matrix_says(
    angle: float, step: float, right: float, down: float
) -> None:
    size, side = 48, math.ceil(72 * step) + 40
    point = side / 2 + step * right, side / 2 + step * down
    y, x = np.mgrid[:side, :side] + 0.5
    width = max(2.5 * step, 1.5)
    dot = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * width**2))
    dots = np.rint(dot[..., None] * (255, 238, 221))  # rounded in three ways, which is averaged
    total = dots.sum(axis=2)
    point = (total * x).sum() / total.sum(), (total * y).sum() / total.sum()  # moved by rounding
    matrix = turned(size, (side / 2, side / 2), step, angle)
    crop = resampled(dots.astype(np.uint8), matrix, size)
    expected = np.linalg.solve(matrix[:, :2], np.array(point) - matrix[:, 2])
    levels = crop.sum(axis=2, dtype=np.float64)
    v, u = np.mgrid[:size, :size] + 0.5
    found = np.array([(levels * u).sum(), (levels * v).sum()]) / levels.sum()
    assert np.abs(found - expected).max() <= 0.01


@given(st.data(), drawn, sizes, kernels)
def test_beyond_the_picture_its_edges_repeat(
    data: st.DataObject, picture: Picture, size: int, kernel: Kernel
) -> None:
    matrix = data.draw(maps(picture, size))
    wide = 12 * max(picture.shape)  # a multiple of every block, so that these lie alike
    padded = np.pad(picture, ((wide, wide), (wide, wide), (0, 0)), mode="edge")
    moved = matrix + np.array([[0, 0, wide], [0, 0, wide]])
    there, within = (resampled(p, m, size, kernel) for p, m in ((picture, matrix), (padded, moved)))
    assert np.abs(there.astype(int) - within).max() <= 1


@pytest.mark.parametrize("side", ["left", "right", "above", "below"])
@pytest.mark.parametrize("step", [0.4, 1.3, 9])
def test_wholly_outside_of_the_picture_there_are_only_edges(side: str, step: float) -> None:
    picture = structured(60)
    picture[:, 0] = picture[:, -1] = picture[0] = picture[-1] = (1, 2, 3)
    away = {"left": (-90, 30), "right": (150, 30), "above": (30, -90), "below": (30, 150)}
    crop = resampled(picture, turned(8, away[side], step, 30), 8)
    assert (crop == (1, 2, 3)).all()


def test_memory_is_that_of_the_window_and_of_the_crop() -> None:
    picture = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (3000, 3000, 3))
    small, far = turned(96, (2500, 700), 2, 20), turned(96, (1500, 1500), 130, 20)
    cut = turned(96, (2500, 700), 2, 20)[:, :2] * 1e-3
    tiny = np.column_stack([cut, (2500, 700)])
    for matrix, most in ((small, 2e6), (tiny, 2e6), (far, 3.2 * picture.size)):
        tracemalloc.start()
        resampled(picture, matrix, 96)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert used <= most


def test_what_no_map_can_be_is_refused() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    good = np.array([[1.0, 0, 3], [0, 1, 4]])

    def refused(said: str, matrix: object, size: int = 8, kernel: str = "area") -> None:
        with pytest.raises(ArgumentError, match=said):
            resampled(picture, matrix, size, kernel)  # type: ignore[arg-type]  # the fault

    refused("size must be at least 1, not 0", good, size=0)
    refused("kernel must be 'area' or 'triangle', not 'box'", good, kernel="box")
    refused(r"matrix has the shape \(2, 3\), not \(2, 2\)", good[:, :2])
    refused("matrix are an array of real numbers|matrix", "no")
    for fault in (math.nan, math.inf):
        for place in np.ndindex(2, 3):
            broken = good.copy()
            broken[place] = fault
            refused("matrix must be finite", broken)
    for linear in ([[0, 0], [0, 0]], [[1, 1], [1, 1]], [[1, 0], [0, 0]], [[1e-9, 0], [0, 1e-9]]):
        refused("matrix is singular", np.column_stack([linear, (3, 4)]))
    for scale, shift in ((1e3, 0), (1e300, 0), (1, 1e3), (1, -1e3), (1, 1e300)):
        refused("farther than 240 pixels beyond a picture of 60 x 40", good * scale + shift)
    with pytest.raises(ImageError):
        resampled(picture[..., 0], good, 8)
