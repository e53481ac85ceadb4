"""Pictures read at a reduced scale: sizes, where pixels lie, and what they show."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from npfacenet.errors import ImageError
from npfacenet.images import read, read_reduced
from npfacenet.images.reduction import averaged, possible

SIDES = st.integers(1, 70)


def encoded(pixels: npt.NDArray[np.uint8], kind: str, orientation: int = 1) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


def slope(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A picture in which red says how far right a pixel lies, and green how far down."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[..., 0] = 20 + 3 * np.arange(width)
    pixels[..., 1] = 20 + 3 * np.arange(height)[:, None]
    return pixels


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@given(height=SIDES, width=SIDES, factor=st.integers(1, 11), orientation=st.integers(1, 8))
def test_pixels_stay_where_they_are(
    kind: str, height: int, width: int, factor: int, orientation: int
) -> None:
    """The centre of each whole block shows the colour that the whole picture has there."""
    content = encoded(slope(height, width), kind, orientation)
    whole = read(content).astype(float)
    seen = read_reduced(content, lambda *_: factor)
    assert seen.factor == possible(factor, width, height)
    rows, columns = np.indices(seen.pixels.shape[:2])
    centres = np.stack([columns, rows], axis=-1).astype(np.float32) + np.float32(0.5)
    x, y = np.moveaxis(seen.whole(centres), -1, 0)
    half = seen.factor / 2
    inside = (x >= half) & (y >= half) & (x <= whole.shape[1] - half) & (y <= whole.shape[0] - half)
    left, top = (x - half).astype(int), (y - half).astype(int)
    for row, column in np.argwhere(inside):
        block = whole[top[row, column] :, left[row, column] :][: seen.factor, : seen.factor]
        apart = np.abs(block.mean(axis=(0, 1)) - seen.pixels[row, column])
        assert apart.max() < (4 if kind == "JPEG" else 0.75)


@given(height=SIDES, width=SIDES, factor=st.sampled_from([1, 2, 4, 8]))
def test_blocks_are_averaged(height: int, width: int, factor: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    expected = [
        [
            pixels[top : top + factor, left : left + factor].mean(axis=(0, 1))
            for left in range(0, width, factor)
        ]
        for top in range(0, height, factor)
    ]
    assert np.abs(averaged(pixels, factor) - np.array(expected)).max() < 0.75  # Pillow rounds so


def test_every_source_is_reduced() -> None:
    pixels = slope(30, 41)
    image = Image.fromarray(pixels)
    content = encoded(pixels, "JPEG")
    lazy = Image.open(io.BytesIO(content))
    for source in (pixels, image, content, lazy):
        seen = read_reduced(source, lambda *_: 2)
        assert seen.pixels.shape == (15, 21, 3)
        assert seen.factor == 2
    assert lazy.size == (41, 30), "a PIL image of the caller was changed"
    turned = read_reduced(pixels, lambda *_: 2, "bgr")
    np.testing.assert_array_equal(turned.pixels, averaged(pixels[..., ::-1], 2))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_strips_of_a_high_picture_join(factor: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (517, 13, 3), np.uint8)
    whole = Image.fromarray(pixels).reduce(factor)
    np.testing.assert_array_equal(averaged(pixels, factor), np.asarray(whole))


def test_damage_is_seen_at_any_scale() -> None:
    content = encoded(slope(64, 64), "JPEG")
    with pytest.raises(ImageError, match="cut short"):
        read_reduced(content[: len(content) // 2], lambda *_: 4)
