"""Formats that a plugin registers with Pillow, as pillow-heif does for HEIC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from npfacenet.errors import ImageError
from npfacenet.images import read

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
PLUGIN = (
    f"HEIC = {HEIC!r}"
    + """
import io, sys
from pathlib import Path
import numpy as np
import PIL.Image, PIL.ImageFile

class Heif(PIL.ImageFile.ImageFile):
    format = "HEIF"
    def _open(self):
        content = self.fp.read()
        self._size, self._mode = (content[32], content[33]), "RGB"
        self.tile = [("raw", (0, 0, *self._size), 34, ("RGB", 0, 1))]

PIL.Image.register_open("HEIF", Heif, lambda prefix: prefix[4:12] == b"ftypheic")

from npfacenet.images import read
pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
content = bytes(bytearray(HEIC).ljust(32, b"\\0")) + bytes([4, 3]) + pixels.tobytes()
path = Path(sys.argv[1]) / "face.heic"
path.write_bytes(content)
for source in (path, str(path), content, memoryview(content), PIL.Image.open(path)):
    assert (read(source) == pixels).all()
path.write_bytes(content[:40])
try:
    read(path)
except OSError as error:
    print(error)
"""
)


def test_heic_is_read_where_a_plugin_reads_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN, tmp_path], capture_output=True, text=True, check=True
    )
    assert "face.heic' is damaged or cut short" in done.stdout


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1", b"msf1"])
def test_without_one_the_message_says_how(brand: bytes, tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(HEIC.replace(b"ftypheic", b"ftyp" + brand))
    for source in (path, path.read_bytes()):
        with pytest.raises(ImageError, match=r"pip install pillow-heif and call pillow_heif\.reg"):
            read(source)


def test_postscript_is_never_run_whatever_is_registered(tmp_path: Path) -> None:
    path = tmp_path / "face.eps"
    path.write_bytes(b"\n\n%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ImageError, match="PostScript, which is never run"):
        read(path)
