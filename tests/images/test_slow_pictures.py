"""Pictures that would keep a decoder busy are refused at once; real ones are not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from drawn_pictures import encode
from slow_pictures import PROFILE_BOMB, SLOW, greedy_directory, png_chunk

from npfacenet.errors import ImageError
from npfacenet.images import MAX_BYTES, read
from npfacenet.images.directory import first_directory


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_is_refused_in_no_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(SLOW[name])
    for source in (path, SLOW[name]):
        start = time.process_time()
        with pytest.raises(ImageError, match=r"face\.jpg' is|bytes \([\d,]+ bytes\) is"):
            read(source)
        assert time.process_time() - start < (2 if "bombs" in name else 0.5)


def test_a_profile_that_is_a_bomb_is_not_unpacked() -> None:
    start = time.process_time()
    assert read(PROFILE_BOMB).ndim == 3  # the profile is ignored, as any that cannot be used
    assert time.process_time() - start < 0.5


@pytest.mark.skipif(os.name == "nt", reason="sparse files need POSIX here")
def test_a_sparse_terabyte_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match="1,099,511,627,776 bytes, more than a picture can have"):
        read(path)


def test_as_many_bytes_are_refused_as_a_file_of_them() -> None:
    content = memoryview(bytearray(MAX_BYTES + 1))
    with pytest.raises(ImageError, match="more than a picture can have"):
        read(content)


@pytest.mark.parametrize("path", ["/proc/self/pagemap", "/dev/zero", "/proc/self/mem"])
def test_files_of_the_system_are_refused(path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"there is no {path}")
    with pytest.raises(ImageError, match=r"is empty|a device"):
        read(path)


def test_files_with_much_beside_their_pixels_are_read() -> None:
    scene = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    image = PIL.Image.fromarray(scene)
    jpeg = encode(scene, "JPEG", icc_profile=bytes(3 << 20), comment=b"x" * 60000)
    padded = jpeg[:20] + b"\xff" * 300 + jpeg[20:]
    for file in (jpeg, padded, encode(scene, "JPEG", progressive=True)):
        assert read(file, colours="stored").shape == scene.shape
    png = encode(scene)
    many = png[:33] + png_chunk(b"tEXt", b"a\0b") * 3000 + png[33:]
    np.testing.assert_array_equal(read(many), scene)
    frames = [image.rotate(i) for i in range(80)]
    assert read(
        encode(image, "GIF", save_all=True, append_images=frames, comment=b"c" * 9999)
    ).any()
    assert read(encode(image, "TIFF", tiffinfo={270: "x" * 100000})).any()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_directory_is_counted(order: str) -> None:
    greedy = first_directory(greedy_directory(20000, order))
    assert greedy.entries == (20000 - 14) // 12
    assert greedy.values == greedy.entries * 19800
    assert not greedy.is_sound
    for cut in (0, 3, 7, 9, 20, 21):
        assert first_directory(greedy_directory(20000, order)[:cut]).is_sound


def test_a_run_length_bmp_and_a_text_ppm_are_read() -> None:
    grey = np.arange(96, dtype=np.uint8).reshape(4, 24)
    text = b"P2 24 4 255 # as text\n" + b" ".join(str(x).encode() for x in grey.ravel()) + b"\n"
    np.testing.assert_array_equal(read(text), np.stack([grey] * 3, -1))
    raw = b"P5 # comment\n24 4 100\n" + (grey % 100).tobytes()
    assert read(raw).max() == 242
