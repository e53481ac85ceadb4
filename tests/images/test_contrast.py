"""Contrast: none for empty pictures, and enough for every face."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_pictures import Picture, encode
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ImageError
from npfacenet.images import (
    LEAST_CONTRAST,
    central_square,
    centre_crop,
    contrast,
    read,
    require_contrast,
    resize,
)
from npfacenet.images.degradation import blurred, jpeg_compressed, relit
from npfacenet.models import load
from npfacenet.samples import conditions, draw, identity, picture
from npfacenet.training.augmentation import Augmentation

SIDE = 160
sides = st.integers(1, 200)


@given(st.tuples(*[st.integers(0, 255)] * 3), sides, sides)
def test_one_colour_has_none(colour: tuple[int, int, int], height: int, width: int) -> None:
    flat = np.broadcast_to(np.array(colour, np.uint8), (height, width, 3))
    assert contrast(flat) < 1e-3
    with pytest.raises(ImageError, match=r"'x' has a contrast of 0\.00"):
        require_contrast(flat, "'x'")


@given(st.integers(0, 2**16), st.sampled_from([0, 30, 128, 255]), st.floats(0, 6))
def test_the_noise_of_a_sensor_is_not_contrast(seed: int, level: int, noise: float) -> None:
    grain = np.random.default_rng(seed).normal(level, noise, (96, 96, 3))
    frame = np.rint(grain).clip(0, 255).astype(np.uint8)
    assert contrast(frame) < 0.8 * LEAST_CONTRAST
    assert contrast(jpeg_compressed(frame, 75)) < LEAST_CONTRAST


def walls() -> dict[str, npt.NDArray[np.float64]]:
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    from_centre = np.hypot(x - 0.5, y - 0.5)
    return {
        "gradient": 255 * x,
        "diagonal": 255 * (x + y) / 2,
        "vignette": 255 * (1 / (1 + from_centre**2) ** 2) ** 0.45,
        "lamp beside": 250 / (1 + 0.5 * np.hypot(x - 1.5, y) ** 2),
        "white with shade": 250 - 12 * x * y,
    }


@pytest.mark.parametrize("name", walls())
def test_light_on_a_wall_is_not_contrast(name: str) -> None:
    noise = np.random.default_rng(3).normal(0, 4, (SIDE, SIDE))
    wall = np.rint(walls()[name] + noise).clip(0, 255).astype(np.uint8)
    with pytest.raises(ImageError, match=r"at least 1\.00"):
        require_contrast(wall[..., None].repeat(3, 2), name)


@pytest.mark.parametrize("side", [96, 160, 640])
@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_not_contrast(side: int, level: int, channels: int) -> None:
    noise = np.random.default_rng(5).normal(level, 10, (side, side, channels))
    grey = np.broadcast_to(np.rint(noise).clip(0, 255).astype(np.uint8), (side, side, 3))
    seen = (resize(grey, 96, "nearest"), grey if side < 160 else resize(grey, 160, "bilinear"))
    for pixels in seen:
        with pytest.raises(ImageError, match=r"at least 1\.00"):
            require_contrast(pixels, "a dark frame")


@pytest.mark.parametrize("side", [8, 12, 24, 48, 95])
def test_nor_is_noise_that_is_enlarged(side: int) -> None:
    noise = np.random.default_rng(5).normal(128, 2.5, (side, side, 1))
    grey = np.rint(noise).astype(np.uint8).repeat(3, 2)
    with pytest.raises(ImageError, match=r"at least 1\.00"):
        load().embed(grey, detect=False)


def test_a_face_in_noise_keeps_its_contrast() -> None:
    face = relit(picture(3, 1, 96), 0.5, 0.3)
    noise = np.random.default_rng(5).normal(0, 8, face.shape)
    noisy = np.rint(face + noise).clip(0, 255).astype(np.uint8)
    assert contrast(noisy) == pytest.approx(contrast(face), rel=0.1)


@given(st.integers(0, 2**16))
def test_halving_light_halves_contrast_and_mirroring_does_nothing(seed: int) -> None:
    face = picture(seed % 50, 1, 48)
    whole = contrast(face)
    assert contrast(relit(face, 0.5)) == pytest.approx(whole / 2, abs=0.3)
    assert contrast(face[::-1]) == pytest.approx(whole, abs=1e-6)
    assert contrast(face[:, ::-1]) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("who", range(6))
def test_drawn_people_have_contrast_in_the_darkest_conditions(who: int) -> None:
    now = replace(conditions(who), exposure=-2, contrast=0.4, light=0, ambient=2)
    assert contrast(draw(identity(who), now)) > 1.5 * LEAST_CONTRAST
    assert contrast(darkest_view(picture(who, 1, 112))) > 4 * LEAST_CONTRAST


def darkest_view(face: Picture) -> Picture:
    """Return the view with the least contrast that the default augmentation can make."""
    most = Augmentation()
    dark = relit(face, 1 - most.brightness, 1 - most.contrast)
    return jpeg_compressed(blurred(dark, most.blur_radius[1]), most.jpeg_quality[0])


def test_the_course_and_photographs_have_contrast(course_pictures: Path) -> None:
    for path in (*course_pictures.iterdir(), *(course_pictures.parent / "pictures").iterdir()):
        assert contrast(central_square(read(path))) > 10 * LEAST_CONTRAST, path


def photographs(shared: Path) -> Iterator[tuple[str, str, Picture]]:
    with zipfile.ZipFile(shared / "faces.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                yield "faces.zip", name, read(archive.read(name))
    for path in sorted((shared / "lfw" / "images").rglob("*.jpg")):
        yield "lfw", path.name, read(path)
        yield "lfw, crop 150", path.name, centre_crop(read(path), 150)


@pytest.mark.slow
def test_the_lowest_contrast_of_all_photographs(course_pictures: Path) -> None:
    """Check what `LEAST_CONTRAST` states; with -s, print the figures."""
    lowest: dict[str, tuple[float, str]] = {}
    for source, name, image in photographs(course_pictures.parent):
        square = central_square(image)
        seen = {
            "96 nearest": resize(square, 96, "nearest"),
            "160 bilinear": resize(square, 160, "bilinear"),
            "darkest view": darkest_view(resize(square, 112, "bilinear")),
        }
        for kind, pixels in seen.items():
            found = (contrast(pixels), name)
            lowest[f"{source}, {kind}"] = min(found, lowest.get(f"{source}, {kind}", found))
    for kind, (value, name) in lowest.items():
        print(f"{kind:32}{value:8.2f}  {name}")
    assert min(lowest.values())[0] > 2 * LEAST_CONTRAST


@pytest.mark.slow
def test_the_lowest_contrast_of_drawn_people() -> None:
    plain = min(contrast(picture(who, 1, 112)) for who in range(1000))
    corners = [(0, 0), (1, 0.5), (3, 2), (0, 2)]
    darkest = min(
        contrast(
            draw(
                identity(who),
                replace(conditions(who), exposure=-2, contrast=0.4, light=light, ambient=ambient),
            )
        )
        for who in range(300)
        for light, ambient in corners
    )
    print(f"1,000 drawn people: {plain:.2f}; the darkest conditions: {darkest:.2f}")
    assert plain > 7 * LEAST_CONTRAST
    assert darkest > 1.5 * LEAST_CONTRAST


def test_a_grey_file_is_measured_as_it_is_seen() -> None:
    assert contrast(read(encode(PIL.Image.new("L", (64, 64), 200)))) == pytest.approx(0, abs=1e-3)
