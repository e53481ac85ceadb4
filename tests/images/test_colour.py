"""Every mode of Pillow becomes RGB as people see it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from drawn_pictures import encode
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npfacenet.errors import ImageError
from npfacenet.images import read

rgba = hnp.arrays(np.uint8, (3, 4, 4))


@given(rgba)
def test_alpha_goes_over_white_and_is_rounded(pixels: npt.NDArray[np.uint8]) -> None:
    colour, alpha = pixels[..., :3].astype(float), pixels[..., 3:].astype(float)
    exact = (colour * alpha + 255 * (255 - alpha)) / 255
    found = read(encode(PIL.Image.fromarray(pixels)))
    assert np.abs(found - exact).max() <= 0.5 + 1e-9
    np.testing.assert_array_equal(found[pixels[..., 3] == 0], 255)
    opaque = pixels[..., 3] == 255
    np.testing.assert_array_equal(found[opaque], pixels[opaque][:, :3])


@given(hnp.arrays(np.uint8, (2, 3)))
def test_grey_is_repeated(grey: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(read(encode(PIL.Image.fromarray(grey))), np.stack([grey] * 3, -1))


@given(
    hnp.arrays(np.uint16, (2, 3), elements=st.integers(0, 65535)), st.sampled_from(["PNG", "TIFF"])
)
def test_sixteen_bits_are_divided_by_257(values: npt.NDArray[np.uint16], kind: str) -> None:
    file = encode(PIL.Image.fromarray(values), kind)
    expected = np.rint(values / 257).astype(np.uint8)
    np.testing.assert_array_equal(read(file), np.stack([expected] * 3, -1))


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I;16", "La", "RGBa"],
)
def test_white_is_white_and_black_is_black(mode: str) -> None:
    black: dict[str, tuple[int, ...]] = {
        "CMYK": (0, 0, 0, 255),
        "YCbCr": (0, 128, 128),
        "HSV": (0, 0, 0),
    }
    white: dict[str, tuple[int, ...]] = {
        "CMYK": (0, 0, 0, 0),
        "YCbCr": (255, 128, 128),
        "HSV": (0, 0, 255),
    }
    if mode == "PA":
        images = [PIL.Image.new("LA", (2, 2), (v, 255)).convert("PA") for v in (0, 255)]
    elif mode in ("La", "RGBa"):
        straight = "LA" if mode == "La" else "RGBA"
        images = [PIL.Image.new(straight, (2, 2), c).convert(mode) for c in ("black", "white")]
    elif mode == "P":
        images = [PIL.Image.new("RGB", (2, 2), c).convert("P") for c in ("black", "white")]
    elif mode == "I;16":
        images = [PIL.Image.new(mode, (2, 2), v) for v in (0, 65535)]
    else:
        images = [
            PIL.Image.new(mode, (2, 2), black.get(mode, "black")),
            PIL.Image.new(mode, (2, 2), white.get(mode, "white")),
        ]
    assert read(images[0]).tolist() == [[[0, 0, 0]] * 2] * 2
    assert read(images[1]).tolist() == [[[255, 255, 255]] * 2] * 2


def test_a_cmyk_jpeg() -> None:
    image = PIL.Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixel = read(encode(image, "JPEG"))[8, 8]
    assert pixel[0] > 240
    assert pixel[1:].max() < 16


def test_a_transparent_palette() -> None:
    image = PIL.Image.new("P", (2, 1), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    file = encode(image, transparency=0)
    np.testing.assert_array_equal(read(file), [[[255, 255, 255], [0, 0, 200]]])


def test_a_transparent_colour() -> None:
    pixels = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)
    file = encode(pixels, transparency=(10, 20, 30))
    np.testing.assert_array_equal(read(file), [[[255, 255, 255], [40, 50, 60]]])


@pytest.mark.parametrize("mode", ["F", "I"])
def test_values_without_a_range_are_refused(mode: str) -> None:
    image = PIL.Image.new(mode, (2, 2), 70000)
    with pytest.raises(ImageError, match="no defined range"):
        read(encode(image, "TIFF"))
