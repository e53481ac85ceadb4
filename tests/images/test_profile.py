"""Colour profiles: a network sees the colours that a picture means."""

from __future__ import annotations

import io
import logging
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from drawn_pictures import Picture, encode, exif
from drawn_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    SRGB_CURVE,
    Floats,
    cmyk_profile,
    decoded,
    encoded,
    grey_profile,
    rgb_profile,
    to_srgb,
)
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from npfacenet.errors import ArgumentError
from npfacenet.images import read
from npfacenet.images.png import without_large_profile, write_png
from npfacenet.images.profile import LARGEST_PROFILE

SPACES: dict[str, tuple[Floats, float | str]] = {
    "linear": (SRGB, 1.0),
    "Display P3": (DISPLAY_P3, SRGB_CURVE),
    "Adobe RGB": (ADOBE_RGB, 2.19921875),
    "gamma 1.8": (SRGB, 1.8),
}
spaces = pytest.mark.parametrize("space", SPACES)


def scene(seed: int = 0, size: tuple[int, int] = (6, 8)) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def close(found: Picture, exact: Floats, levels: float = 1.5) -> None:
    assert np.abs(found - exact).max() <= levels


@spaces
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_rgb_comes_out_as_arithmetic_says(space: str, kind: str) -> None:
    pixels, profile = scene(), rgb_profile(*SPACES[space])
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encode(pixels, kind, icc_profile=profile, **options)
    exact = to_srgb(pixels, *SPACES[space])
    assert np.abs(exact - pixels).max() > 10
    close(read(file), exact)
    np.testing.assert_array_equal(read(file, colours="stored"), pixels)
    image = PIL.Image.fromarray(pixels)
    image.info["icc_profile"] = profile
    close(read(image), exact)
    np.testing.assert_array_equal(read(image, colours="stored"), pixels)
    np.testing.assert_array_equal(np.asarray(image), pixels)


@given(st.sampled_from(sorted(SPACES)), st.integers(0, 2**16))
def test_any_colour_of_any_space(space: str, seed: int) -> None:
    pixels = scene(seed)
    file = encode(pixels, icc_profile=rgb_profile(*SPACES[space]))
    close(read(file), to_srgb(pixels, *SPACES[space]))


def test_a_jpeg_is_converted_after_decoding() -> None:
    pixels = np.full((16, 16, 3), (60, 90, 120), np.uint8)
    file = encode(pixels, "JPEG", quality=100, icc_profile=rgb_profile(SRGB, 1.0))
    close(read(file), to_srgb(read(file, colours="stored"), SRGB, 1.0))


@pytest.mark.parametrize(
    "profile",
    [rgb_profile(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()],
    ids=["by hand", "by LittleCMS"],
)
def test_srgb_changes_nothing(profile: bytes) -> None:
    pixels = scene(size=(40, 40))
    np.testing.assert_array_equal(read(encode(pixels, icc_profile=profile)), pixels)


@pytest.mark.parametrize("gamma", [1.0, 1.8, SRGB_CURVE])
def test_grey_with_a_profile_for_grey_or_for_rgb(gamma: float | str) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    exact = np.stack([encoded(decoded(grey, gamma))] * 3, -1)
    for profile in (grey_profile(gamma), rgb_profile(SRGB, gamma)):
        image = PIL.Image.fromarray(grey)
        close(read(encode(image, icc_profile=profile)), exact)
        with_alpha = image.convert("LA")
        close(read(encode(with_alpha, icc_profile=profile)), exact)
        if gamma == SRGB_CURVE:
            np.testing.assert_array_equal(
                read(encode(image, icc_profile=profile)), np.stack([grey] * 3, -1)
            )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX"])
def test_grey_that_the_caller_made_rgb_keeps_its_profile(mode: str) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    opened = PIL.Image.open(
        io.BytesIO(encode(PIL.Image.fromarray(grey), icc_profile=grey_profile(1.0)))
    )
    close(
        read(opened.convert("RGB").convert(mode)), np.stack([encoded(decoded(grey, 1.0))] * 3, -1)
    )


def test_sixteen_bits_of_linear_grey_keep_their_shadows() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    file = encode(PIL.Image.fromarray(values), icc_profile=grey_profile(1.0))
    exact = np.stack([encoded(values / 65535)] * 3, -1)
    found = read(file)
    close(found, exact, 2)
    assert len(np.unique(found)) > 200
    stored = np.rint(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(read(file, colours="stored")[..., 0], stored)


def test_alpha_lies_over_white_after_the_conversion() -> None:
    pixels = np.concatenate([scene(), np.full((6, 8, 1), 100, np.uint8)], axis=-1)
    pixels[0, 0, 3], pixels[1, 1, 3] = 0, 255
    alpha = pixels[..., 3:] / 255
    exact = to_srgb(pixels[..., :3], DISPLAY_P3, SRGB_CURVE) * alpha + 255 * (1 - alpha)
    close(read(encode(PIL.Image.fromarray(pixels), icc_profile=rgb_profile(DISPLAY_P3))), exact)


def test_palettes_are_converted_and_stay_transparent() -> None:
    image = PIL.Image.new("P", (3, 1), 0)
    image.putpalette([200, 0, 0, 0, 60, 200, 10, 20, 30])
    for place in (1, 2):
        image.putpixel((place, 0), place)
    profile = rgb_profile(SRGB, 1.0)
    exact = to_srgb([[[200, 0, 0], [0, 60, 200], [10, 20, 30]]], SRGB, 1.0)
    close(read(encode(image, icc_profile=profile)), exact)
    exact[0, 0] = 255
    close(read(encode(image, icc_profile=profile, transparency=0)), exact)


def test_cmyk_goes_through_its_own_profile() -> None:
    inks = np.zeros((1, 4, 4), np.uint8)
    inks[0, 1] = (0, 0, 0, 255)
    inks[0, 2] = (0, 255, 0, 0)
    inks[0, 3] = (0, 0, 0, 128)
    file = encode(PIL.Image.frombytes("CMYK", (4, 1), inks.tobytes()), "TIFF",
                  icc_profile=cmyk_profile())  # fmt: skip
    found = read(file)
    assert found[0, 0].min() >= 253
    assert found[0, 1].max() <= 2
    close(found[0, 2], encoded(_light_of_lab(100 * 170 / 255, 30, -15)), 3)
    close(found[0, 3], encoded(_light_of_lab(100 * 127 / 255, 0, 0)), 3)
    stored = read(file, colours="stored")
    assert stored[0, 2].tolist() == [255, 0, 255]


def _light_of_lab(lightness: float, a: float, b: float) -> Floats:
    y = (lightness + 16) / 116
    steps = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(steps > 6 / 29, steps**3, 3 * (6 / 29) ** 2 * (steps - 4 / 29))
    return np.asarray(np.linalg.inv(SRGB) @ (xyz * (0.9642, 1.0, 0.8249)))


def test_a_turned_picture_is_converted_too() -> None:
    pixels = scene(size=(6, 9))
    file = encode(pixels, exif=exif(6), icc_profile=rgb_profile(DISPLAY_P3))
    close(read(file), to_srgb(np.rot90(pixels, -1), DISPLAY_P3, SRGB_CURVE))


@pytest.mark.parametrize(
    "profile",
    [
        b"junk",
        bytes(200),
        rgb_profile()[:150],
        rgb_profile(SRGB, 1.0)[:200] + bytes(300),
        cmyk_profile(),
        grey_profile(1.0),
        rgb_profile().replace(b"RGB ", b"LAB "),
        bytes(16) + b"RGB " + bytes(LARGEST_PROFILE),
    ],
    ids=["text", "zeros", "cut", "emptied", "CMYK", "grey", "Lab", "huge"],
)
def test_a_profile_that_cannot_be_used_is_ignored_with_a_note(
    profile: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = scene()
    with caplog.at_level(logging.WARNING, "npfacenet"):
        found = read(encode(pixels, "TIFF", icc_profile=profile))
    np.testing.assert_array_equal(found, pixels)
    assert "colour profile" in caplog.text
    assert len(caplog.text) < 500


@given(st.binary(min_size=1, max_size=40), st.integers(0, 500))
def test_noise_in_a_profile_does_not_cost_the_picture(noise: bytes, place: int) -> None:
    profile = bytearray(rgb_profile(DISPLAY_P3))
    profile[place : place + len(noise)] = noise
    assert read(encode(scene(), "TIFF", icc_profile=bytes(profile))).shape == (6, 8, 3)


def test_what_is_not_a_profile_in_an_image_of_the_callers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    image = PIL.Image.fromarray(scene())
    image.info["icc_profile"] = "text"
    with caplog.at_level(logging.WARNING, "npfacenet"):
        np.testing.assert_array_equal(read(image), scene())
    assert "ignored" in caplog.text


def test_without_littlecms_profiles_are_ignored() -> None:
    code = """
import sys
sys.modules["PIL._imagingcms"] = None
import io, logging, numpy as np, PIL.Image
from npfacenet.images import read
logging.basicConfig(format="%(message)s")
image = PIL.Image.fromarray(np.full((2, 2, 3), 77, np.uint8))
image.info["icc_profile"] = bytes(16) + b"RGB " + bytes(200)
assert (read(image) == 77).all()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "its colour profile cannot be used" in done.stderr


def test_the_course_picture_with_a_profile(course_pictures: Path) -> None:
    path = course_pictures / "danielle.png"
    with PIL.Image.open(path) as image:
        stored = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read(path, colours="stored"), stored)
    assert np.abs(read(path).astype(int) - stored).max() > 4


def test_other_colours_are_refused() -> None:
    for junk in ("p3", None, 3, ["srgb"]):
        with pytest.raises(ArgumentError, match="colours must be 'srgb' or 'stored', not"):
            read(scene(), colours=junk)  # type: ignore[arg-type]  # the fault under test


def test_threads_share_a_profile() -> None:
    files = [
        encode(scene(i, (60, 60)), icc_profile=rgb_profile(*SPACES[space]))
        for i in range(6)
        for space in SPACES
    ]
    expected = [read(file) for file in files]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, one in zip(pool.map(read, files), expected, strict=True):
                np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize("packed", [b"\0" + zlib.compress(bytes(7 << 20)), b"\1method one", b""])
def test_a_png_with_a_profile_that_pillow_refuses_is_read_without_it(
    packed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = np.random.default_rng(18).integers(0, 256, (9, 7, 3), np.uint8)
    file = io.BytesIO()
    write_png(pixels, file)
    plain = file.getvalue()
    chunk = b"iCCP" + b"large\0" + packed
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    content = plain[:33] + whole + plain[33:]  # behind the header
    with pytest.raises((ValueError, SyntaxError, OSError, IndexError)):
        PIL.Image.open(io.BytesIO(content)).load()
    np.testing.assert_array_equal(read(content), pixels)
    assert "its colour profile is too large or damaged; ignored" in caplog.text
    assert without_large_profile(plain, "a picture") is plain
