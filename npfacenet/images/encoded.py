"""Texts passed in place of a path: encoded pictures, addresses, anything else.

A face mistaken for a path would end up in messages, and so in logs. It is recognised, and the
message tells how to decode it without repeating it.
"""

from __future__ import annotations

import base64
import binascii
import re

from npfacenet.images.picture_kinds import LONGEST_SIGNATURE, kind

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_HEXADECIMAL = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2}){12,})")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_COLLAPSED = re.compile(
    r"(https?|ftp|file|s3|gs):/", re.IGNORECASE
)  # what pathlib makes of an address
_LONGEST_NAME = 255  # of a file, nearly everywhere
_LEAST = 24  # characters that count as base64


def text_for_path(text: str) -> str | None:
    """Describe a text that does not name a file, with the remedy; None if it may be a path.

    >>> text_for_path("data:image/png;base64,iVBORw0KGgo=")
    "a data URL, not a path; decode it and pass the bytes: base64.b64decode(text.partition(',')[2])"
    >>> text_for_path("me.jpg")
    """
    if found := encoding_of(text):
        what, remedy = found
        return f"{what}, not a path; decode it and pass the bytes: {remedy}"
    if text.lstrip().startswith(("b'", 'b"')):
        return "bytes that were turned into text, not a path; pass the bytes themselves"
    if _is_content(text):
        return (
            "the content of a picture file read as text, which loses bytes; open it with 'rb' and "
            "pass the bytes"
        )
    if "\n" in text or "\r" in text:
        return "text of several lines, not a path; pass the path of a picture file"
    if max(map(len, re.split(r"[/\\]", text))) > _LONGEST_NAME:
        return (
            "too long for a path; pass a path, or the bytes of a picture "
            "(for base64: base64.b64decode(text))"
        )
    return None


def encoding_of(text: str) -> tuple[str, str] | None:
    """Return how a picture was encoded as text, and how to decode it; None for another text.

    >>> encoding_of("iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB")
    ('base64 text', 'base64.b64decode(text)')
    """
    bare = text.strip().lstrip("\"'`").rstrip("\"'`")
    if bare[:5].lower() == "data:":
        return "a data URL", "base64.b64decode(text.partition(',')[2])"
    if hexadecimal := _HEXADECIMAL.match(bare):
        if kind(bytes.fromhex(hexadecimal[1][: 2 * LONGEST_SIGNATURE])):
            return "hexadecimal text", "bytes.fromhex(text)"
        return None
    compact = "".join(bare.split())
    if len(compact) < _LEAST or not _BASE64.fullmatch(compact):
        return None
    first = compact[:_LEAST].translate({ord("-"): "+", ord("_"): "/"})
    try:
        beginning = base64.b64decode(first, validate=True)
    except binascii.Error:
        return None
    if kind(beginning) is None and len(compact) < 4 * _LONGEST_NAME:
        return None
    safe = "-" in compact or "_" in compact
    return "base64 text", "base64.urlsafe_b64decode(text)" if safe else "base64.b64decode(text)"


def address(text: str) -> str | None:
    """Return the remedy for a text that is an address such as https://..., or None.

    >>> address("s3://faces/me.jpg")
    'is an address and is not fetched; download the picture first'
    """
    found = _ADDRESS.match(text.lstrip()) or _COLLAPSED.match(text.lstrip())
    if found is None:
        return None
    if found[1].lower() == "file":
        return (
            "is the address of a file; pass its path: "
            "urllib.request.url2pathname(urllib.parse.urlsplit(url).path)"
        )
    return "is an address and is not fetched; download the picture first"


def _is_content(text: str) -> bool:
    beginning = text[:64]
    if "JFIF" in beginning[:16] or "Exif\0" in beginning[:16] or "PNG\r\n" in beginning[:8]:
        return True
    codes = [ord(c) - 0xDC00 if "\udc80" <= c <= "\udcff" else ord(c) for c in beginning[:16]]
    return all(code < 256 for code in codes) and (
        bytes(codes).startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF87a", b"GIF89a"))
        or (len(codes) == 16 and b"\0" in bytes(codes) and kind(bytes(codes)) is not None)
    )
