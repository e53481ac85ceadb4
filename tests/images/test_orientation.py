"""A picture is turned upright once: by this library, or by the caller before."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from drawn_pictures import encode, exif
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ImageError
from npfacenet.images import read
from npfacenet.images.orientation import upright, upright_copy

TURNS = PIL.Image.Transpose
TO_UPRIGHT = {
    2: TURNS.FLIP_LEFT_RIGHT, 3: TURNS.ROTATE_180, 4: TURNS.FLIP_TOP_BOTTOM, 5: TURNS.TRANSPOSE,
    6: TURNS.ROTATE_270, 7: TURNS.TRANSVERSE, 8: TURNS.ROTATE_90,
}  # fmt: skip


def photograph(
    orientation: int, size: tuple[int, int] = (6, 9), told: tuple[int, int] | None = None
) -> bytes:
    """Return a file as a camera stores it, (height, width); `told` is the size in EXIF."""
    pixels = np.random.default_rng(orientation).integers(0, 256, (*size, 3), np.uint8)
    tags = exif(orientation)
    if told is not None:
        tags[0x8769] = {0xA002: told[0], 0xA003: told[1]}
    return encode(pixels, exif=tags.tobytes())


def opened(file: bytes) -> PIL.Image.Image:
    image = PIL.Image.open(io.BytesIO(file))
    image.load()
    return image


def turned_by_hand(image: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Turn it by Pillow, which leaves the old orientation in EXIF."""
    turned = image.convert("RGB").transpose(TO_UPRIGHT[orientation])
    assert turned.getexif()[0x0112] == orientation
    return turned


@given(st.integers(1, 8))
def test_an_image_straight_from_a_file_is_what_its_path_gives(orientation: int) -> None:
    file = photograph(orientation)
    np.testing.assert_array_equal(read(opened(file)), read(file))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("told", [None, (9, 6), (4000, 3000)])
def test_a_converted_photograph_is_what_its_path_gives(
    orientation: int, told: tuple[int, int] | None
) -> None:
    file = photograph(orientation, told=told)
    expected = read(file)
    assert expected.shape == (9, 6, 3)
    for derived in (
        opened(file).convert("RGB"),
        opened(file).copy(),
        turned_by_hand(opened(file), orientation),
        PIL.ImageOps.exif_transpose(opened(file)),
    ):
        assert type(derived) is PIL.Image.Image
        np.testing.assert_array_equal(read(derived), expected)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_exif_tells_of_a_camera_that_stores_high_frames(orientation: int) -> None:
    file = photograph(orientation, (9, 6), (6, 9))
    expected = read(file)
    assert expected.shape == (6, 9, 3)
    np.testing.assert_array_equal(read(opened(file).convert("RGB")), expected)
    np.testing.assert_array_equal(read(turned_by_hand(opened(file), orientation)), expected)


def test_the_size_may_stand_in_the_first_directory() -> None:
    tags = exif(6)
    tags[0x0100], tags[0x0101] = 6, 9
    pixels = np.arange(162, dtype=np.uint8).reshape(9, 6, 3)
    file = encode(pixels, exif=tags.tobytes())
    np.testing.assert_array_equal(read(opened(file).convert("RGB")), upright(pixels, 6))


@pytest.mark.parametrize(
    ("orientation", "size", "told"),
    [(2, (6, 9), None), (3, (6, 9), (9, 6)), (4, (6, 9), None), (6, (6, 6), (9, 6)),
     (8, (6, 9), (7, 7))],
)  # fmt: skip
def test_where_nothing_tells_the_caller_is_asked(
    orientation: int, size: tuple[int, int], told: tuple[int, int] | None
) -> None:
    file = photograph(orientation, size, told)
    with pytest.raises(ImageError, match=r"PIL image \(RGB.*ImageOps\.exif_transpose"):
        read(opened(file).convert("RGB"))
    with pytest.raises(ImageError, match="exif_transpose"):
        read(turned_by_hand(opened(file), orientation))
    done = PIL.ImageOps.exif_transpose(opened(file))
    np.testing.assert_array_equal(read(done), read(file))


@pytest.mark.parametrize("orientation", [2, 3, 6])
def test_exif_that_was_taken_away_turns_nothing(orientation: int) -> None:
    image = turned_by_hand(opened(photograph(orientation)), orientation)
    expected = np.asarray(image).copy()
    del image.getexif()[0x0112]
    np.testing.assert_array_equal(read(image), expected)


def test_a_resized_photograph_is_turned_once() -> None:
    file = photograph(6, (60, 90))
    small = opened(file).convert("RGB").resize((45, 30))
    assert read(small).shape == (45, 30, 3)
    assert read(small.transpose(TURNS.ROTATE_270)).shape == (45, 30, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_copy_is_turned_likewise(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 70, 3), np.uint8)
    own = upright_copy(pixels, orientation)
    np.testing.assert_array_equal(own, upright(pixels, orientation))
    assert own.flags.c_contiguous
    assert own.flags.writeable
    assert (own is pixels or own.base is pixels) == (orientation == 1)
