"""The wire format of protocol buffers: the fields of a message somewhere in a file.

Only the numbers that say what a field is, and how long, are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

VARINT, LONG, BYTES, SHORT = 0, 1, 2, 5  # wire types
MOST_FIELDS = 4096


def fields(
    file: BinaryIO, start: int, end: int, most: int = MOST_FIELDS
) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, wire type, place and length of each field of a message in a file.

    Stops at the end of the message, or after `most` fields. Raises ValueError for what is not a
    message.
    """
    place = start
    for _ in range(most):
        if place >= end:
            return
        tag, place = varint(file, place)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise ValueError("a field without a number")
        length = {LONG: 8, SHORT: 4}.get(wire, 0)
        if wire == VARINT:
            length = varint(file, place)[1] - place
        elif wire == BYTES:
            length, place = varint(file, place)
        elif wire not in (LONG, SHORT):
            raise ValueError("an unknown wire type")
        yield number, wire, place, length
        place += length


def varint(file: BinaryIO, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place behind it."""
    file.seek(place)
    number = 0
    for i, byte in enumerate(file.read(10)):
        number |= (byte & 127) << 7 * i
        if byte < 128:
            return number, place + i + 1
    raise ValueError("a number that does not end")
