"""A cheap check of a file's structure before Pillow decodes it.

Pillow walks over the parts of a file in Python, for some formats byte by byte: a megabyte of fill
bytes in a JPEG takes seconds, and a file of a few hundred megabytes keeps a server busy for an
hour. Structures that no camera and no program writes are therefore refused. The limits are far
beyond those of real files.
"""

from __future__ import annotations

import re
import struct

from npfacenet.errors import ImageError
from npfacenet.images.directory import first_directory

MOST_PARTS = 4096
"""Segments of a JPEG before its pixels, boxes of a JPEG 2000, chunks of a small PNG."""
MOST_JUNK = 4096
"""Bytes between the parts of a file that belong to none."""
MOST_SCANS = 128
"""Of a progressive JPEG; each is a pass over the whole picture."""
MOST_SLOW_PIXELS = 1 << 20
"""Of the formats that Pillow decodes in Python."""

_COSTLY = {0xDB, 0xED, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # tables, Photoshop's, frames
_MOST_COSTLY = 100
_MOST_EXIF = 1 << 20  # bytes; most files have one segment
_MOST_BLOCKS = 1 << 16  # of 255 bytes, of a GIF before its pixels
_STANDING_ALONE = {0x01, *range(0xD0, 0xDA)}  # markers without a length
_PPM = re.compile(
    rb"P([1-6])(?:\s|#[^\r\n]*[\r\n])*(\d+)(?:\s|#[^\r\n]*[\r\n])+(\d+)"
    rb"(?:(?:\s|#[^\r\n]*[\r\n])+(\d+))?"
)


def require_sound(content: bytes, name: str) -> None:
    """Raise ImageError, naming the picture and the fault, if decoding it would take very long."""
    fault = None
    if content.startswith(b"\xff\xd8\xff"):
        fault = _fault_of_jpeg(content)
    elif content.startswith(b"\x89PNG"):
        fault = _fault_of_png(content)
    elif content.startswith(b"GIF8"):
        fault = _fault_of_gif(content)
    elif content[:2] in (b"II", b"MM"):
        if not first_directory(content).is_sound:
            fault = "a TIFF whose tags claim more than it holds"
    elif content.startswith(b"BM"):
        fault = _fault_of_bmp(content)
    elif content.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")):
        fault = _fault_of_jpeg2000(content)
    elif content[:1] == b"P" and content[1:2] in b"0123456fy" and len(content) > 1:
        fault = _fault_of_ppm(content)
    if fault:
        raise ImageError(f"{name} is {fault}; save the picture again, as PNG or JPEG")


def _fault_of_jpeg(content: bytes) -> str | None:
    parts = junk = costly = 0
    exif, at = b"", 2
    while True:
        start = content.find(b"\xff", at)
        end = len(content) if start < 0 else start
        junk += end - at
        if junk > MOST_JUNK:
            return f"a JPEG with more than {MOST_JUNK:,} bytes of fill"
        if end + 4 > len(content):
            break
        marker = content[start + 1]
        at = start + 2
        if marker in (0x00, 0xFF):
            at -= marker == 0xFF
            junk += 1
            continue
        if marker == 0xDA:
            break
        if marker not in _STANDING_ALONE:
            at = start + 2 + max(2, int.from_bytes(content[start + 2 : start + 4], "big"))
            if marker == 0xE1 and content[start + 4 : start + 10] == b"Exif\0\0":
                exif += content[start + 10 : at]
            if content[start + 4 : start + 8] == b"MPF\0" and not _is_sound(
                content[start + 8 : at]
            ):
                return "a JPEG whose list of pictures claims more than it holds"
        parts += 1
        costly += marker in _COSTLY
        if parts > MOST_PARTS or costly > _MOST_COSTLY or len(exif) > _MOST_EXIF:
            return "a JPEG with thousands of segments before its pixels"
    if not _is_sound(exif):
        return "a JPEG whose EXIF claims more than it holds"
    if content.count(b"\xff\xda", at) > MOST_SCANS:
        return f"a JPEG of more than {MOST_SCANS} scans"
    return None


def _is_sound(exif: bytes) -> bool:
    return not exif or first_directory(exif).is_sound


def _fault_of_png(content: bytes) -> str | None:
    parts, at, most = 0, 8, MOST_PARTS + len(content) // 512
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        parts += 1
        if kind == b"IEND":
            break
        if parts > most:
            return "a PNG of thousands of tiny chunks"
    return None


def _fault_of_gif(content: bytes) -> str | None:
    if len(content) < 13:
        return None
    flags = content[10]
    at = 13 + ((6 << (flags & 7)) if flags & 0x80 else 0)
    blocks = junk = 0
    while at < len(content) and content[at : at + 1] not in (b",", b";"):
        if content[at] != 0x21:
            at, junk = at + 1, junk + 1
            if junk > MOST_JUNK:
                return f"a GIF with more than {MOST_JUNK:,} bytes that belong to no part of it"
            continue
        at += 2
        while at < len(content):
            length = content[at]
            at, blocks = at + 1 + length, blocks + 1
            if blocks > _MOST_BLOCKS:
                return "a GIF with tens of thousands of blocks before its pixels"
            if not length:
                break
    return None


def _fault_of_bmp(content: bytes) -> str | None:
    if len(content) < 34:
        return None
    header, width, height, _, _, compression = struct.unpack_from("<IiiHHI", content, 14)
    if header < 40 or compression not in (1, 2):
        return None
    pixels = abs(width * height)
    if pixels > MOST_SLOW_PIXELS or len(content) > 4 * pixels + (1 << 20):
        return _slow("a BMP in run lengths", width, height)
    return None


def _fault_of_ppm(content: bytes) -> str | None:
    header = _PPM.match(content[:MOST_JUNK])
    if header is None:
        if content[1:2] in b"123456":
            return f"a PPM whose header does not end within {MOST_JUNK:,} bytes"
        return None
    kind, width, height, highest = header.groups()
    plain = kind in b"123"
    raw = kind == b"4" or highest == b"255" or (kind == b"5" and highest == b"65535")
    if plain or not raw:
        if len(width) > 10 or len(height) > 10 or int(width) * int(height) > MOST_SLOW_PIXELS:
            return _slow("a PPM as text, or of uncommon depth,", width.decode(), height.decode())
        if plain and content.count(b"#") > 1000:
            return "a PPM with thousands of comments"
    return None


def _slow(what: str, width: object, height: object) -> str:
    return (
        f"{what} of {width} x {height} pixels, and with more than {MOST_SLOW_PIXELS:,} of them, or "
        "many more bytes, decoding takes too long"
    )


def _fault_of_jpeg2000(content: bytes) -> str | None:
    fault = "a JPEG 2000 file of thousands of parts"
    if content.startswith(b"\0\0\0\x0cjP"):
        before, header, end = _boxes(content, 0, len(content), until=b"jp2h")
        if before > MOST_PARTS or _boxes(content, header + 8, end)[0] > MOST_PARTS:
            return fault
    at = content.find(b"\xff\x4f\xff\x51") + 2
    for _ in range(MOST_PARTS):
        if at + 4 > len(content) or content[at + 1] in (0x90, 0xD9, 0x64):
            return None
        at += 2 + max(0, int.from_bytes(content[at + 2 : at + 4], "big"))
    return fault


def _boxes(content: bytes, at: int, end: int, until: bytes = b"") -> tuple[int, int, int]:
    """Count the boxes in a stretch of a file, up to one of a kind; return also where that lies.

    Counting stops at the limit.
    """
    number = 0
    while at + 8 <= end and number <= MOST_PARTS:
        length, kind = struct.unpack_from(">I4s", content, at)
        if length == 1 and at + 16 <= len(content):
            (length,) = struct.unpack_from(">Q", content, at + 8)
        following = min(at + max(length, 8), end)
        number += 1
        if kind == until:
            return number, at, following
        at = following
    return number, end, end
