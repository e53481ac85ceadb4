"""Augmentation: what each switch does, that it does nothing else, and that draws repeat."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError, NpfacenetError
from npfacenet.images import central_square, centre_crop, resize
from npfacenet.images.affine import resampled
from npfacenet.images.degradation import blurred, jpeg_compressed
from npfacenet.testing import pictures
from npfacenet.training.augmentation import Augmentation

Picture = npt.NDArray[np.uint8]

NONE = Augmentation.none()
drawn = pictures(24)
sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def augmentations(draw: st.DrawFn) -> Augmentation:
    def pair(low: float, high: float) -> tuple[float, float]:
        one, two = draw(st.floats(low, high)), draw(st.floats(low, high))
        return min(one, two), max(one, two)

    qualities = sorted(draw(st.tuples(st.integers(1, 100), st.integers(1, 100))))
    share = st.floats(0, 1)
    return Augmentation(
        flip=draw(share),
        shift=draw(st.floats(0, 0.5)),
        scale=draw(st.floats(0, 0.5)),
        rotation=draw(st.floats(0, 180)),
        brightness=draw(share),
        contrast=draw(share),
        blur=draw(share),
        blur_radius=pair(0, 100),
        jpeg=draw(share),
        jpeg_quality=(qualities[0], qualities[1]),
        erase=draw(share),
        erase_area=pair(0, 1),
    )


@pytest.fixture
def face(rng: np.random.Generator) -> Picture:
    """Smooth, without symmetry, 90 x 80."""
    coarse = np.array(rng.integers(60, 190, (6, 6, 3)), np.uint8)
    return np.ascontiguousarray(resize(coarse, 90, "bilinear")[:, :80])


@given(augmentations(), drawn, sizes, seeds)
def test_a_variant_is_a_picture_of_the_size_that_the_generator_repeats(
    augmentation: Augmentation, picture: Picture, size: int, seed: int
) -> None:
    before = picture.copy()
    picture.flags.writeable = False
    rng, again = rng_of(seed), rng_of(seed)
    variant = augmentation(picture, size, rng)
    assert variant.shape == (size, size, 3)
    assert variant.dtype == np.uint8
    assert variant.flags.writeable
    np.testing.assert_array_equal(augmentation(picture, size, again), variant)
    np.testing.assert_array_equal(picture, before)
    plain = rng_of(seed)
    NONE(picture, size, plain)
    assert rng.bit_generator.state == plain.bit_generator.state


@given(st.data(), drawn, sizes, seeds)
def test_none_is_crop_and_resize(
    data: st.DataObject, picture: Picture, size: int, seed: int
) -> None:
    expected = resize(central_square(picture), size, "bilinear")
    variant = NONE(picture, size, rng_of(seed))
    np.testing.assert_array_equal(variant, expected)
    assert not np.shares_memory(variant, picture)
    crop = data.draw(st.integers(1, min(picture.shape[:2])))
    cropped = NONE(picture, size, rng_of(seed), crop=crop)
    np.testing.assert_array_equal(cropped, resize(centre_crop(picture, crop), size, "bilinear"))


@given(drawn, sizes, seeds)
def test_geometry_and_blur_keep_one_colour(picture: Picture, size: int, seed: int) -> None:
    grey = np.full(picture.shape, picture[0, 0, 0])
    augmentation = Augmentation(
        shift=0.5, scale=0.5, rotation=180, jpeg=0, erase=0, blur=1, brightness=0
    )
    variant = augmentation(grey, size, rng_of(seed))
    np.testing.assert_array_equal(variant, np.full((size, size, 3), grey[0, 0]))


@pytest.mark.parametrize("name", ["flip", "blur", "jpeg", "erase"])
def test_probabilities_are_kept_and_0_and_1_are_never_and_always(name: str, face: Picture) -> None:
    plain = resize(central_square(face), 24, "bilinear")

    def changed(probability: float, times: int) -> int:
        on: dict[str, Any] = {name: probability}
        one = dataclasses.replace(NONE, **on, blur_radius=(1, 2))
        rng = rng_of(3)
        return sum(not np.array_equal(one(face, 24, rng), plain) for _ in range(times))

    assert changed(0, 50) == 0
    assert changed(1, 50) == 50
    assert abs(changed(0.3, 400) - 120) < 5 * math.sqrt(400 * 0.3 * 0.7)


def test_each_degradation_is_what_its_name_says(face: Picture) -> None:
    plain = resize(central_square(face), 24, "bilinear")

    def variant(**on: Any) -> Picture:
        return dataclasses.replace(NONE, **on)(face, 24, rng_of(5))

    np.testing.assert_array_equal(variant(flip=1), plain[:, ::-1])
    np.testing.assert_array_equal(variant(blur=1, blur_radius=(2, 2)), blurred(plain, 2))
    compressed = variant(jpeg=1, jpeg_quality=(7, 7))
    np.testing.assert_array_equal(compressed, jpeg_compressed(plain, 7))


@pytest.mark.parametrize("switched", ["flip", "brightness", "jpeg", "blur", "shift"])
def test_a_switch_leaves_what_the_others_draw(switched: str, face: Picture) -> None:
    # The erased rectangle is the last thing drawn and the last thing done: it tells on them all.
    everything = Augmentation(flip=0.9, jpeg=1, blur=1, erase=1)
    off: dict[str, Any] = {switched: 0}
    without = dataclasses.replace(everything, **off)
    for seed in range(20):
        rectangle = dataclasses.replace(NONE, erase=1)(np.zeros_like(face), 24, rng_of(seed))
        where = rectangle.any(-1)
        for augmentation in (everything, without):
            variant = augmentation(face, 24, rng_of(seed))
            np.testing.assert_array_equal(variant[where], rectangle[where])


def test_switching_erasure_off_leaves_the_rest_of_the_picture(face: Picture) -> None:
    on, off = Augmentation(erase=1), Augmentation(erase=0)
    for seed in range(20):
        same = (on(face, 48, rng_of(seed)) == off(face, 48, rng_of(seed))).all(-1)
        rows, columns = np.nonzero(~same)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert same.size - same.sum() <= height * width <= 0.15 * 48 * 48 * 1.1
        assert same.sum() > 0.8 * same.size


def middles_of(variants: list[Picture]) -> npt.NDArray[np.float64]:
    """Where two dots lie, (N, 2 dots, 2): red and green, each the middle of its brightness."""
    grid = np.arange(len(variants[0])) + 0.5
    found = []
    for variant in variants:
        light = variant[..., :2].astype(float)
        total = light.sum((0, 1))
        across, down = light.sum(0) * grid[:, None], light.sum(1) * grid[:, None]
        found.append(np.stack([across.sum(0) / total, down.sum(0) / total], -1))
    return np.array(found)


def dots() -> Picture:
    """Red at (70, 80), green at (90, 80), in a picture of 160 x 160."""
    scene = np.zeros((160, 160, 3), np.uint8)
    scene[77:83, 67:73, 0] = 255
    scene[77:83, 87:93, 1] = 255
    return scene


@pytest.mark.parametrize(
    "on",
    [{"shift": 0.1}, {"scale": 0.2}, {"rotation": 30.0}],
    ids=str,
)
def test_jitter_fills_its_range_and_does_not_leave_it(on: dict[str, Any]) -> None:
    augmentation = dataclasses.replace(NONE, **on)
    rng = rng_of(4)
    found = middles_of([augmentation(dots(), 80, rng, crop=80) for _ in range(200)])
    middle, between = found.mean(1) - 40, found[:, 1] - found[:, 0]
    moved = np.abs(middle).max(0)
    size = np.hypot(*between.T)
    turned = np.degrees(np.arctan2(between[:, 1], between[:, 0]))
    shift = 80 * on.get("shift", 0)
    assert (0.9 * shift - 0.3 < moved).all()
    assert (moved < shift + 0.3).all()
    scale = on.get("scale", 0)
    assert 1 / (1 + scale) - 0.02 < size.min() / 20 < 1 / (1 + 0.9 * scale) + 0.02
    assert 1 / (1 - 0.9 * scale) - 0.02 < size.max() / 20 < 1 / (1 - scale) + 0.02
    most = on.get("rotation", 0)
    assert 0.9 * most - 0.5 < turned.max() < most + 0.5
    assert -most - 0.5 < turned.min() < -0.9 * most + 0.5


def test_each_thing_is_drawn_by_itself(face: Picture) -> None:
    jitter = dataclasses.replace(NONE, shift=0.1, scale=0.2, rotation=30)
    rng = rng_of(8)
    found = middles_of([jitter(dots(), 80, rng, crop=80) for _ in range(300)]) @ (1, 1j)
    # As complex numbers: from one dot to the other, and in that frame to the crop's middle.
    middle, between = found.mean(1) - 40 - 40j, found[:, 1] - found[:, 0]
    moved = middle / between
    geometry = np.array([moved.real, moved.imag, np.abs(between), np.angle(between)])
    plain = NONE(face, 16, rng)
    switches = (
        dataclasses.replace(NONE, flip=0.5),
        dataclasses.replace(NONE, blur=0.5, blur_radius=(1, 1)),
        dataclasses.replace(NONE, jpeg=0.5),
        dataclasses.replace(NONE, erase=0.5),
    )
    happened = np.array(
        [[(one(face, 16, rng_of(s)) != plain).any() for s in range(300)] for one in switches]
    )
    for things in (geometry, happened):
        assert np.abs(np.corrcoef(things) - np.eye(4)).max() < 0.25


@pytest.mark.parametrize(("brighter", "stronger"), [(0.2, 0.4), (0.2, 0), (0, 0.4)])
def test_light_fills_its_range_and_does_not_leave_it(brighter: float, stronger: float) -> None:
    halves = np.full((20, 20, 3), 80, np.uint8)
    halves[:, 10:] = 120
    rng = rng_of(6)
    augmentation = dataclasses.replace(NONE, brightness=brighter, contrast=stronger)
    variants = np.array([augmentation(halves, 20, rng)[0, [0, -1], 0] for _ in range(300)], float)
    brightness = variants.mean(1) / 100
    contrast = (variants[:, 1] - variants[:, 0]) / 40 / brightness
    for factor, most in ((brightness, brighter), (contrast, stronger)):
        assert 1 - most - 0.03 < factor.min() <= 1 - 0.9 * most
        assert 1 + 0.9 * most <= factor.max() < 1 + most + 0.03


def test_erased_rectangles_have_the_area_and_lie_anywhere() -> None:
    augmentation = dataclasses.replace(NONE, erase=0.5, erase_area=(0.04, 0.2))
    black, rng = np.zeros((50, 50, 3), np.uint8), rng_of(7)
    every = np.array([augmentation(black, 50, rng) for _ in range(600)])
    variants = every[every.reshape(600, -1).any(axis=1)]
    covered = variants.max(-1) > 0
    heights, widths = covered.any(2).sum(1), covered.any(1).sum(1)
    np.testing.assert_array_equal(covered.sum((1, 2)), heights * widths)
    areas, aspects = heights * widths / 2500, heights / widths
    assert 0.035 < areas.min() < 0.05
    assert 0.19 < areas.max() < 0.215
    assert 0.29 < aspects.min() < 0.4
    assert 2.5 < aspects.max() < 3.45
    assert abs(np.log(aspects).mean()) < 0.1
    for side in (covered[:, 0], covered[:, -1], covered[:, :, 0], covered[:, :, -1]):
        assert side.any()
    # Aspect, place and colour have nothing to do with each other.
    tops, lefts = covered.any(2).argmax(1), covered.any(1).argmax(1)
    things = [np.log(aspects), tops / (51 - heights), lefts / (51 - widths)]
    correlations = np.corrcoef([*things, *variants.max((1, 2)).T])
    assert np.abs(correlations - np.eye(6)).max() < 0.25


def test_it_travels_as_json() -> None:
    augmentation = Augmentation(shift=0.125, jpeg_quality=(40, 41))
    read = Augmentation(**json.loads(json.dumps(dataclasses.asdict(augmentation))))
    assert read == augmentation
    assert hash(read) == hash(augmentation)


NUMBERS = {"shift": 0.5, "scale": 0.5, "rotation": 180} | dict.fromkeys(
    ["flip", "brightness", "contrast", "jpeg", "blur", "erase"], 1
)


@pytest.mark.parametrize(("name", "largest"), sorted(NUMBERS.items()))
def test_numbers_out_of_range_are_refused_by_name(name: str, largest: float) -> None:
    for value in (0, largest):
        Augmentation(**{name: value})  # type: ignore[arg-type]  # drawn by name
    for bad in (-0.01, largest + 0.01, math.nan, None, "0.1", (0, 0.1)):
        with pytest.raises(ArgumentError) as error:
            Augmentation(**{name: bad})  # type: ignore[arg-type]  # the fault under test
        assert str(error.value).startswith(f"{name} is 0 to {largest}")
        assert str(error.value).endswith(f"not {bad!r}")


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("jpeg_quality", (0, 90)),
        ("jpeg_quality", (30, 101)),
        ("jpeg_quality", (90, 30)),
        ("jpeg_quality", (30.5, 90)),
        ("jpeg_quality", 30),
        ("blur_radius", (-1, 1)),
        ("blur_radius", (1, 0.5)),
        ("blur_radius", (0.5, math.nan)),
        ("blur_radius", (0.5, 101)),
        ("erase_area", (0.1, 1.1)),
        ("erase_area", (0.1, 0.2, 0.3)),
        ("erase_area", "ab"),
    ],
)
def test_pairs_out_of_range_are_refused_by_name(name: str, bad: object) -> None:
    with pytest.raises(ArgumentError) as error:
        Augmentation(**{name: bad})  # type: ignore[arg-type]  # the fault under test
    assert str(error.value).startswith(f"{name} is two numbers")
    assert str(error.value).endswith(f"not {bad!r}")


@pytest.mark.parametrize(
    ("shape", "size", "crop", "refused"),
    [
        ((8, 9, 3), 0, None, ArgumentError),
        ((8, 9, 3), 4, 0, ArgumentError),
        ((8, 9, 3), 4, 9, ImageError),
        ((8, 9), 4, None, ImageError),
    ],
)
def test_what_cannot_be_augmented_is_refused(
    shape: tuple[int, ...], size: int, crop: int | None, refused: type[NpfacenetError]
) -> None:
    with pytest.raises(refused):
        Augmentation()(np.zeros(shape, np.uint8), size, rng_of(0), crop)


@st.composite
def squares(draw: st.DrawFn, picture: Picture, size: int) -> npt.NDArray[np.float64]:
    """Draw a map from a square of `size` pixels to a turned one within a picture."""
    height, width, _ = picture.shape
    side, angle = draw(st.floats(0.3, 1)) * min(height, width), draw(st.floats(-3, 3))
    linear = (
        side / size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    )
    middle = np.array([width, height]) * draw(st.floats(0.3, 0.7))
    return np.column_stack([linear, middle - linear @ [size / 2, size / 2]])


@given(st.data(), augmentations(), drawn, sizes, seeds)
def test_through_a_map_a_variant_repeats_and_draws_as_many_numbers(
    data: st.DataObject, augmentation: Augmentation, picture: Picture, size: int, seed: int
) -> None:
    matrix = data.draw(squares(picture, size))
    rng, plain = rng_of(seed), rng_of(seed)
    variant = augmentation.through(picture, matrix, size, rng)
    assert variant.shape == (size, size, 3)
    np.testing.assert_array_equal(
        augmentation.through(picture, matrix, size, rng_of(seed)), variant
    )
    np.testing.assert_array_equal(
        NONE.through(picture, matrix, size, plain), resampled(picture, matrix, size)
    )
    assert rng.bit_generator.state == plain.bit_generator.state


@given(seeds, st.integers(40, 70))
def test_through_the_map_of_a_crop_a_variant_is_that_of_the_crop(seed: int, crop: int) -> None:
    coarse = np.array(rng_of(seed).integers(60, 190, (5, 5, 3)), np.uint8)
    picture = resize(coarse, 90, "bilinear")
    augmentation = Augmentation(shift=0.2, scale=0.3, rotation=40)
    step, corner = crop / 96, (90 - crop) // 2
    matrix = np.array([[step, 0, corner], [0, step, corner]])
    through = augmentation.through(picture, matrix, 96, rng_of(seed)).astype(int)
    called = augmentation(picture, 96, rng_of(seed), crop=crop).astype(int)
    assert np.abs(through - called).mean() < 1.5


def test_through_a_map_needs_a_generator_and_a_size(face: Picture) -> None:
    matrix = np.eye(2, 3)
    with pytest.raises(ArgumentError, match="the generator of random numbers is of type"):
        NONE.through(face, matrix, 8, 5)  # type: ignore[arg-type]  # the fault
    with pytest.raises(ArgumentError, match="the size of a variant"):
        NONE.through(face, matrix, 0, rng_of(1))
