"""Files often passed in place of a picture, recognised by their first bytes."""

from __future__ import annotations

from npfacenet.images.encoded import encoding_of

SIGNATURE_LENGTH = 256

_BEGINNINGS = {
    b"version https://git-lfs": "a Git LFS pointer, not the picture; run `git lfs pull`",
    b"%!ps": "PostScript, which is never run; save it as PNG or JPEG",
    b"\xc5\xd0\xd3\xc6": "PostScript, which is never run; save it as PNG or JPEG",
    b"%pdf": "a PDF document; save the picture as PNG or JPEG",
    b"<!doctype html": "a web page, not the picture; download the picture itself",
    b"<html": "a web page, not the picture; download the picture itself",
    b"<svg": "an SVG drawing; save it as PNG",
    b"<?xml": "an XML document or an SVG drawing; save it as PNG",
}
_HEIF_BRANDS = (
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
)  # fmt: skip


def impostor(beginning: bytes) -> str | None:
    """Describe a file that is not a picture, with the remedy; None if it may be a picture.

    >>> impostor(b"<!DOCTYPE html><title>Not found</title>")
    'a web page, not the picture; download the picture itself'
    """
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what in _BEGINNINGS.items():
        if text.startswith(start):
            return what
    if beginning.isascii() and (found := encoding_of(beginning.decode("ascii"))):
        what, remedy = found
        return f"{what}, not the picture itself; decode it: {remedy}"
    return None


def is_heif(beginning: bytes) -> bool:
    """Return whether this is HEIC or another file of the HEIF family except AVIF.

    >>> is_heif(bytes(4) + b"ftypheic")
    True
    """
    return beginning[4:8] == b"ftyp" and beginning[8:12] in _HEIF_BRANDS
