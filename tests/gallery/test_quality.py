"""Measures of a face: what changes them and what does not, on drawn people and on photographs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_faces import SIDE, Floats, Portrait, drawn, face_at, portrait, portraits

from npfacenet.errors import ArgumentError, FaceError, ImageError
from npfacenet.faces import Finder
from npfacenet.faces.choice import chosen
from npfacenet.gallery.quality import NOSE_AHEAD, PART_OF_CROP, Quality, quality_of, turn_of
from npfacenet.images import read, resize
from npfacenet.images.degradation import blurred, jpeg_compressed, relit
from npfacenet.samples import conditions, face_of, identity

some = settings(max_examples=12, deadline=None)
FRONT = np.array([[30.0, 40], [70, 40], [50, 60], [35, 80], [65, 80]])


def measured(one: Portrait) -> Quality:
    return quality_of(one.pixels, one.face)


def size_of(quality: Quality) -> float:
    assert quality.size is not None
    return quality.size


@some
@given(portraits)
def test_a_mirror_image_turns_the_other_way_and_changes_nothing_else(one: Portrait) -> None:
    here, there = measured(one), measured(one.mirrored)
    assert here.turn is not None
    assert there.turn == pytest.approx(-here.turn, abs=1e-9)
    assert there.size == pytest.approx(here.size)
    # The template is not quite symmetric: of all 144 portraits, one differs by 0.045.
    assert there.sharpness == pytest.approx(here.sharpness, abs=0.06)
    assert there.brightness == pytest.approx(here.brightness, abs=0.01)
    assert there.contrast == pytest.approx(here.contrast, abs=0.01)


@some
@given(portraits, st.floats(0, 6), st.floats(0, 3))
def test_blur_never_makes_a_face_sharper(one: Portrait, radius: float, more: float) -> None:
    faces = [Portrait(blurred(one.pixels, r), one.landmarks) for r in (radius, radius + more)]
    less, most = (measured(face).sharpness for face in faces)
    assert most <= less + 0.04  # Pillow's blur is made of boxes: 0.023 in 144 portraits
    if radius <= 1 and more >= 2:
        assert most < less - 0.05


@some
@given(portraits, st.floats(0.7, 3))
def test_a_scaled_photograph_scales_the_size_alone(one: Portrait, scale: float) -> None:
    side = round(scale * SIDE)
    scaled = Portrait(resize(one.pixels, side, "bilinear"), one.landmarks * side / SIDE)
    here, there = measured(one), measured(scaled)
    assert there.size == pytest.approx(size_of(here) * side / SIDE)
    assert there.turn == pytest.approx(here.turn)
    assert there.brightness == pytest.approx(here.brightness, abs=0.01)
    assert there.contrast == pytest.approx(here.contrast, abs=0.02)
    assert there.sharpness == pytest.approx(here.sharpness, abs=0.1)


@some
@given(portraits, st.integers(0, 40), st.integers(0, 40))
def test_what_is_around_a_face_does_not_matter(one: Portrait, right: int, down: int) -> None:
    wide = np.pad(one.pixels, ((down, 30), (right, 30), (0, 0)), mode="edge")
    shift = np.array([right, down])
    moved = measured(Portrait(wide, one.landmarks + shift))
    here = measured(one)
    for name in ("size", "turn", "sharpness", "brightness", "contrast"):
        assert getattr(moved, name) == pytest.approx(getattr(here, name), abs=1e-3)


@some
@given(portraits, st.floats(0.1, 3), st.floats(0, 2))
def test_more_light_is_brighter(one: Portrait, light: float, more: float) -> None:
    pictures = [relit(one.pixels, brightness=factor) for factor in (light, light + more)]
    dark, bright = (quality_of(pixels, one.face) for pixels in pictures)
    assert bright.brightness >= dark.brightness - 0.002  # half a level of rounding
    if light + more <= 1:  # nothing is clipped
        assert dark.brightness == pytest.approx(light * measured(one).brightness, abs=0.005)


@some
@given(portraits, st.floats(0.3, 1))
def test_contrast_is_measured_and_sharpness_does_not_follow_it(one: Portrait, flat: float) -> None:
    here, there = measured(one), quality_of(relit(one.pixels, contrast=flat), one.face)
    assert there.contrast == pytest.approx(flat * here.contrast, abs=0.005)
    assert there.sharpness == pytest.approx(here.sharpness, abs=0.03)


@pytest.mark.parametrize("person", range(6))
def test_noise_and_compression_do_not_pass_for_focus(person: int) -> None:
    one = portrait(person, person)
    soft = blurred(one.pixels, 4)
    noise = np.random.default_rng(person).normal(0, 8, soft.shape)
    noisy = np.clip(np.rint(soft + noise), 0, 255).astype(np.uint8)
    sharp = measured(one).sharpness
    for pixels in (soft, noisy, jpeg_compressed(soft, 20)):
        assert quality_of(pixels, one.face).sharpness < 0.85 * sharp
    assert quality_of(jpeg_compressed(one.pixels, 50), one.face).sharpness > 0.9 * sharp


angles = st.floats(-math.pi, math.pi)


@given(portraits, st.floats(0.01, 100), angles, st.floats(-1e3, 1e3))
def test_a_turn_is_that_of_the_head_and_not_of_the_camera(
    one: Portrait, scale: float, roll: float, shift: float
) -> None:
    rotation = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    moved: Floats = scale * one.landmarks @ rotation.T + shift
    assert turn_of(moved) == pytest.approx(turn_of(one.landmarks), abs=1e-6)


def test_a_turn_is_about_the_angle_by_which_drawn_heads_turn() -> None:
    angles = np.random.default_rng(37).uniform(-40, 40, 300).tolist()
    turned = [replace(conditions(seed), yaw=yaw) for seed, yaw in enumerate(angles)]
    places = [face_of(identity(seed), now).landmarks for seed, now in enumerate(turned)]
    off = np.abs([turn_of(place) - yaw for place, yaw in zip(places, angles, strict=True)])
    assert np.median(off) < 2
    assert off.max() < 10


def test_a_nose_at_the_tangent_of_a_turn() -> None:
    nose = 40 * NOSE_AHEAD * math.tan(math.radians(30))
    assert turn_of(FRONT + np.array([[0, 0], [0, 0], [nose, 0], [0, 0], [0, 0]])) == (
        pytest.approx(30)
    )
    assert turn_of(np.ones((5, 2))) == 0


@given(portraits)
def test_a_turn_to_the_right_is_one_upside_down_too(one: Portrait) -> None:
    upside_down = one.landmarks * (1, -1)
    assert turn_of(upside_down) == pytest.approx(turn_of(one.landmarks))


def test_a_crop_is_measured_in_its_middle() -> None:
    one = portrait(3, 5)
    crop = quality_of(one.pixels)
    assert (crop.size, crop.turn, crop.faces) == (None, None, None)
    assert crop.sharpness == pytest.approx(measured(one).sharpness, abs=0.15)
    edge = math.floor(SIDE * (1 - PART_OF_CROP) / 2) - 1
    framed = one.pixels.copy()
    framed[:edge] = framed[-edge:] = framed[:, :edge] = framed[:, -edge:] = 0
    assert quality_of(framed) == crop
    wide = np.pad(one.pixels, ((0, 0), (50, 50), (0, 0)))
    assert quality_of(wide).brightness == pytest.approx(crop.brightness, abs=1e-3)


def test_the_number_of_faces_is_the_detectors() -> None:
    one = portrait(1, 1)
    assert quality_of(one.pixels, face_at(one.landmarks, count=4)).faces == 4


@pytest.mark.parametrize("level", [0, 51, 255])
def test_one_colour_has_no_detail(level: int) -> None:
    seen = quality_of(np.full((40, 30, 3), level, np.uint8), face_at(FRONT / 4))
    assert (seen.sharpness, seen.contrast) == (0, 0)
    assert seen.brightness == pytest.approx(level / 255)


@pytest.mark.parametrize(("channel", "share"), list(enumerate((0.299, 0.587, 0.114))))
def test_brightness_is_luminance(channel: int, share: float) -> None:
    pixels = np.zeros((40, 30, 3), np.uint8)
    pixels[:, :, channel] = 255
    assert quality_of(pixels).brightness == pytest.approx(share)


def test_nothing_is_written_to_and_results_are_values() -> None:
    one = drawn(2, replace(conditions(2), exposure=-1))
    pixels = one.pixels.copy()
    pixels.flags.writeable = False
    seen = quality_of(pixels, one.face)
    assert seen == measured(one)
    assert Quality(**json.loads(json.dumps(seen.as_json()))) == seen


def test_what_is_not_a_picture_or_a_face_is_one_error() -> None:
    pixels = portrait(0, 0).pixels
    for wrong in (pixels / 255, pixels[:, :, 0], None, pixels[:0]):
        with pytest.raises(ImageError):
            quality_of(wrong)  # type: ignore[arg-type]
    for face in ("largest", (1, 2, 3, 4), FRONT):
        with pytest.raises(ArgumentError, match="ChosenFace"):
            quality_of(pixels, face)  # type: ignore[arg-type]
    with pytest.raises(FaceError, match="degenerate"):
        quality_of(pixels, face_at(np.ones((5, 2))))
    for points in (FRONT[:4], FRONT * math.nan, FRONT * 1e12, "eyes", None):
        with pytest.raises(ArgumentError, match="landmarks"):
            turn_of(points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sharpness": math.inf}, {"sharpness": -1}, {"brightness": 1.1}, {"contrast": None},
        {"size": math.nan}, {"turn": 91}, {"faces": 0}, {"faces": 1.5}, {"brightness": "dark"},
        {"size": True},
    ],
)  # fmt: skip
def test_measures_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"sharpness": 0.7, "brightness": 0.4, "contrast": 0.2}
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Quality(**(right | wrong))  # type: ignore[arg-type]


def of_photograph(finder: Finder, path: Path) -> Quality:
    pixels = read(path)
    height, width, _ = pixels.shape
    return quality_of(pixels, chosen(finder.detect(pixels), "largest", width, height, path.name)[0])


def test_photographs_of_one_and_of_several_people(finder: Finder, photographs: Path) -> None:
    one = of_photograph(finder, photographs / "pictures/kate_siegel.jpg")
    assert one.faces == 1
    assert one.sharpness == pytest.approx(0.7, abs=0.15)
    assert 0.3 < one.brightness < 0.7
    several = of_photograph(finder, photographs / "pictures/multiface.jpg")
    assert several.faces is not None
    assert several.faces >= 5
