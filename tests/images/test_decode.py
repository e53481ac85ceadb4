"""Reading pictures: every source gives their pixels, and anything else is refused."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from drawn_pictures import Picture, encode, exif, pictures
from hypothesis import given
from hypothesis import strategies as st

from npfacenet.errors import ArgumentError, ImageError
from npfacenet.images import MAX_PIXELS, read, source_name

LOSSLESS = ["PNG", "BMP", "TIFF", "PPM"]


@given(pictures, st.sampled_from(LOSSLESS))
def test_lossless_files_give_what_was_put_in(picture: Picture, kind: str) -> None:
    np.testing.assert_array_equal(read(encode(picture, kind)), picture)
    np.testing.assert_array_equal(read(PIL.Image.fromarray(picture)), picture)
    np.testing.assert_array_equal(read(picture), picture)


@pytest.mark.parametrize("height", [256, 257, 700])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK"])
def test_strips_of_a_high_picture_join(height: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, 7, 3), np.uint8)
    image = PIL.Image.fromarray(pixels).convert(mode)
    seen = read(image)
    np.testing.assert_array_equal(seen, np.asarray(image.convert("RGB")))
    assert seen.flags.writeable
    assert seen.flags.c_contiguous


@given(pictures)
def test_bgr_is_rgb_reversed_and_concerns_arrays_only(picture: Picture) -> None:
    np.testing.assert_array_equal(read(picture, channel_order="bgr"), picture[..., ::-1])
    np.testing.assert_array_equal(read(encode(picture), channel_order="bgr"), picture)


@given(pictures)
def test_odd_memory_is_read_and_not_written(picture: Picture) -> None:
    for odd in (np.asfortranarray(picture), picture[::-1, ::-1], np.repeat(picture, 2, 0)[::2]):
        odd.flags.writeable = False
        np.testing.assert_array_equal(read(odd), odd)


def stored(upright: Picture, orientation: int) -> PIL.Image.Image:
    """Return the picture as a camera held that way stores it: the inverse of the viewer's turn."""
    turn = PIL.Image.Transpose
    inverse = {
        1: None, 2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE, 6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270,
    }[orientation]  # fmt: skip
    image = PIL.Image.fromarray(upright)
    return image if inverse is None else image.transpose(inverse)


@given(pictures, st.integers(1, 8), st.sampled_from(["PNG", "TIFF", "WEBP"]))
def test_all_eight_orientations_come_out_upright(
    picture: Picture, orientation: int, kind: str
) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    file = encode(stored(picture, orientation), kind, exif=exif(orientation), **options)
    np.testing.assert_array_equal(read(file), picture)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_upright(orientation: int) -> None:
    scene = np.zeros((32, 48, 3), np.uint8)
    scene[:16, :24] = (250, 0, 0)
    file = encode(stored(scene, orientation), "JPEG", exif=exif(orientation), quality=95)
    pixels = read(file)
    assert pixels.shape == scene.shape
    assert pixels[4, 4, 0] > 200
    assert pixels[28, 44].max() < 50


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_unknown_orientations_leave_the_picture_as_stored(value: int) -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(read(encode(picture, exif=exif(value))), picture)


def test_damaged_exif_leaves_the_picture_as_stored() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    tags = exif(6).tobytes()
    np.testing.assert_array_equal(read(encode(picture, exif=tags[:12] + b"\xff" * 8)), picture)


@given(st.sampled_from(["JPEG", "PNG"]), st.binary(min_size=1, max_size=30), st.integers(6, 25))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_noise_in_exif_does_not_cost_the_picture(kind: str, noise: bytes, start: int) -> None:
    tags = exif(6).tobytes()
    file = encode(np.zeros((4, 8, 3), np.uint8), kind, exif=tags[:start] + noise)
    assert read(file).shape in ((4, 8, 3), (8, 4, 3))


def test_a_pil_image_is_turned_and_stays_as_it_was() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    image = stored(picture, 6)
    image.getexif()[0x0112] = 6
    before = image.copy()
    np.testing.assert_array_equal(read(image), picture)
    assert image.size == before.size
    assert image.tobytes() == before.tobytes()


def test_the_first_of_several_frames() -> None:
    frames = [PIL.Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    file = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read(file)[0, 0], [255, 0, 0])


def test_names_of_every_kind(tmp_path: Path) -> None:
    picture = np.full((2, 2, 3), 9, np.uint8)
    for name in ("Ünïcode 顔.png", "with space.png", "-dash.png", "quote'.png", "no_suffix"):
        path = tmp_path / name
        path.write_bytes(encode(picture))
        np.testing.assert_array_equal(read(path), picture)
        np.testing.assert_array_equal(read(str(path)), picture)
        assert source_name(path) == str(path)


@pytest.mark.skipif(os.name == "nt", reason="names of bytes are a matter of POSIX")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb") as file:
        file.write(encode(np.zeros((1, 1, 3), np.uint8)))
    assert read(os.fsdecode(path)).shape == (1, 1, 3)


# What is refused


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_cut_and_flipped_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(len(kind))
    whole = encode(rng.integers(0, 256, (40, 30, 3), np.uint8), kind)
    path = tmp_path / f"damaged.{kind.lower()}"
    read_well = refused = 0
    for turn in range(150):
        damaged = bytearray(whole)
        if turn < 50:
            del damaged[int(rng.integers(len(whole))) :]
        for position in rng.integers(0, len(damaged), 4) if damaged and turn >= 25 else ():
            damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged))
        try:
            read_well += read(path).dtype == np.uint8
        except ImageError as error:
            refused += path.name in str(error) and "\n" not in str(error)
    assert read_well + refused == 150
    assert refused > 20


@given(st.binary(max_size=300))
def test_bytes_at_random_are_refused(content: bytes) -> None:
    with pytest.raises(ImageError):
        read(content)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png_bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels)


@pytest.mark.parametrize("size", [(9460, 9460), (60000, 60000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    assert size[0] * size[1] > MAX_PIXELS
    with pytest.raises(ImageError, match=r"make it smaller"):
        read(png_bomb(*size))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript, which is never run"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"hello", "is not a picture that can be read"),
    ],
)
def test_what_is_not_a_picture_is_called_by_its_name(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"face\.jpg'.*{said}"):
        read(path)


def test_paths_that_are_not_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        read(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(ImageError, match="path of the picture is empty"):
        read("")
    with pytest.raises(ImageError, match="cannot be opened"):
        read("nul\0.jpg")
    with pytest.raises(ImageError, match="is not fetched; download"):
        read("https://example.org/face.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="a device, a pipe or a socket"):
        read(tmp_path / "pipe.jpg")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 3)), r"astype\(np\.uint8\)"),
        (np.zeros((4, 4), np.uint8), r"np\.stack"),
        (np.zeros((4, 4, 4), np.uint8), "alpha"),
        (np.zeros((3, 4, 5), np.uint8), "channels come first"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (np.zeros((4, 4, 3), bool), "255"),
        (np.zeros((4, 4, 3), object), "as numbers"),
    ],
)
def test_arrays_that_are_not_pictures_are_refused(array: Picture, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        read(array)


def test_other_things_are_refused() -> None:
    with pytest.raises(ImageError, match="not int"):
        read(3)  # type: ignore[arg-type]  # the fault under test
    with pytest.raises(ArgumentError, match="channel_order must be 'rgb' or 'bgr'"):
        read(np.zeros((1, 1, 3), np.uint8), channel_order="gbr")  # type: ignore[arg-type]  # the fault under test
