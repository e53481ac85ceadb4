"""Recognising picture files, by the suffix of their name or by their first bytes."""

from __future__ import annotations

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo"),
        *(".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
        *(".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"),
    )
)
"""Suffixes of pictures, in lower case; of some that are not read too, so that this is said."""

LONGEST_SIGNATURE = 16

_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm"), "HEIC"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
}
_BMP_OFFSETS = range(26, 1 << 16)  # where the pixels of a bitmap begin


def kind(beginning: bytes) -> str | None:
    r"""Return the kind of a picture file by its first bytes (16 suffice); None if it is not one.

    >>> kind(b"\xff\xd8\xff\xe0\0\x10JFIF"), kind(b"RIFF\x24\0\0\0WEBPVP8 "), kind(b"P6 2 2 255 ")
    ('JPEG', 'WebP', 'PNM')
    >>> kind(b"BMW drivers") is None
    True
    """
    for start, name in _BEGINNINGS.items():
        if beginning.startswith(start):
            return name
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "WebP"
    if beginning[4:8] == b"ftyp":
        return _BRANDS.get(beginning[8:12])
    if beginning[:1] == b"P" and beginning[1:2] in b"123456" and beginning[2:3] in b" \t\r\n#":
        return "PNM" if len(beginning) > 2 else None
    # Many texts begin with "BM": in a bitmap four reserved bytes are 0, and pixels begin nearby.
    if beginning[:2] == b"BM" and int.from_bytes(beginning[10:14], "little") in _BMP_OFFSETS:
        return "BMP" if beginning[6:10] == bytes(4) else None
    return None
