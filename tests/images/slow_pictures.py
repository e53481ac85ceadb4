"""Files of a megabyte or two that would keep a decoder busy for seconds or much longer."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import PIL.Image
from drawn_pictures import encode

MEGABYTE = 1 << 20


def png_chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def _jpeg(**options: object) -> bytes:
    scene = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    return encode(scene, "JPEG", **options)


def _before_pixels(segments: bytes) -> bytes:
    jpeg = _jpeg()
    return jpeg[:20] + segments + jpeg[20:]


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def greedy_directory(size: int, order: str = "<") -> bytes:
    """Return a TIFF of `size` bytes whose tags each claim nearly all of it."""
    entries = min(65000, (size - 14) // 12)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, entries)
    each = b"".join(
        struct.pack(order + "HHII", 256 + i, 1, size - 200, 100) for i in range(entries)
    )
    return (head + each).ljust(size, b"\0")


def _gif(middle: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + middle


def _png(*chunks: bytes) -> bytes:
    whole = encode(np.zeros((4, 4, 3), np.uint8))
    return whole[:33] + b"".join(chunks) + whole[33:]


def _many_scans() -> bytes:
    jpeg = encode(PIL.Image.new("L", (64, 64)), "JPEG", progressive=True)
    first = jpeg.index(b"\xff\xda")
    following = jpeg.index(b"\xff", first + 2 + jpeg[first + 3])
    scan = jpeg[first:following]
    return jpeg[:following] + scan * (MEGABYTE // len(scan)) + b"\xff\xd9"


def _many_idats() -> bytes:
    chunk = png_chunk(b"IDAT", b"")
    return _png(chunk * (MEGABYTE // len(chunk)))


def _run_lengths(width: int, height: int, data: bytes) -> bytes:
    palette = bytes(1024)
    offset = 54 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + head + palette + data


SLOW = {
    "JPEG of fill": b"\xff\xd8\xff" + b"\xff" * MEGABYTE,
    "JPEG of fill, then pixels": _before_pixels(b"\xff" * MEGABYTE),
    "JPEG of junk": _before_pixels(b"\0" * MEGABYTE),
    "JPEG of escaped bytes": _before_pixels(b"\xff\0" * (MEGABYTE // 2)),
    "JPEG of empty segments": _before_pixels(_segment(0xE0, b"") * (MEGABYTE // 4)),
    "JPEG of markers": _before_pixels(b"\xff\xd0" * (MEGABYTE // 2)),
    "JPEG of tables": _before_pixels(_segment(0xDB, bytes(65 * 1000)) * 200),
    "JPEG of resources": _before_pixels(
        _segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\0\0\0\0\0\0" * 5000) * 150
    ),
    "JPEG of EXIF": _before_pixels(_segment(0xE1, b"Exif\0\0" * 10000) * 60),
    "JPEG of greedy EXIF": _before_pixels(_segment(0xE1, b"Exif\0\0" + greedy_directory(60000))),
    "JPEG of a greedy list of pictures": _before_pixels(
        _segment(0xE2, b"MPF\0" + greedy_directory(60000))
    ),
    "JPEG of scans": _many_scans(),
    "GIF of zeros": _gif(bytes(MEGABYTE)),
    "GIF of empty extensions": _gif(b"!\xf9\0" * (MEGABYTE // 3)),
    "GIF of comments": _gif(b"!\xfe" + b"\1x" * MEGABYTE),
    "PNG of tiny chunks": _png(png_chunk(b"prVt", b"") * (MEGABYTE // 12)),
    "PNG of empty pixels": _many_idats(),
    "PNG of text bombs": _png(
        png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MEGABYTE - 1))) * 200
    ),
    "TIFF of greedy tags": greedy_directory(2 * MEGABYTE),
    "TIFF of greedy tags, big-endian": greedy_directory(2 * MEGABYTE, ">"),
    "TIFF of many tags": b"II+\0\x08\0\0\0"
    + struct.pack("<QQ", 16, 100000)
    + b"".join(struct.pack("<HHQQ", i % 65536, 3, 1, 1) for i in range(100000)),
    "BMP of line ends": _run_lengths(9000, 9000, b"\0\0" * 9000),
    "BMP of nothing": _run_lengths(2, 2, b"\0\2\0\0" * (MEGABYTE // 2)),
    "PPM of a comment": b"P6\n#" + b"x" * MEGABYTE,
    "PPM of space": b"P6" + b" " * MEGABYTE,
    "PPM of uncommon depth": b"P6 4000 4000 100\n" + bytes(MEGABYTE),
    "PPM as text": b"P3 4000 4000 255\n" + b"1 " * MEGABYTE,
    "PPM of comments": b"P2 9 9 255\n" + b"#\n" * (MEGABYTE // 2),
    "JPEG 2000 of boxes": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x08free" * (MEGABYTE // 8),
    "JPEG 2000 of markers": b"\xff\x4f\xff\x51\0\x29"
    + struct.pack(">HIIIIIIIIHBBB", 0, 4, 4, 0, 0, 4, 4, 0, 0, 1, 7, 1, 1)
    + b"\xff\x52\0\2" * (MEGABYTE // 4),
}

PROFILE_BOMB = _png(png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(500 * MEGABYTE), 1)))
