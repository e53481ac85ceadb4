"""The first directory of tags of a TIFF file (EXIF is one), checked before Pillow reads it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_PREFIX = b"Exif\0\0"
_STRIPS = (273, 279, 324, 325)  # offsets and lengths of strips and tiles

MOST_ENTRIES = 4096
MOST_STRIPS = 1 << 18
ROOM = 1 << 20  # bytes by which tags may overlap


@dataclass(frozen=True)
class Directory:
    """Counts of a directory: entries, bytes of their values, and strips or tiles."""

    entries: int
    values: int
    strips: int
    holds: int  # bytes of the whole file

    @property
    def is_sound(self) -> bool:
        """Whether reading it costs no more than the size of its file suggests.

        Entries may share their values: ten megabytes can claim six hundred gigabytes.
        """
        return (
            self.entries <= MOST_ENTRIES
            and self.strips <= MOST_STRIPS
            and self.values <= self.holds + ROOM
        )


def first_directory(content: bytes) -> Directory:
    r"""Count what the first directory of a TIFF file or of EXIF data claims to hold.

    A damaged one counts as empty: Pillow reports it better.

    >>> first_directory(b"II*\0" + bytes([8, 0, 0, 0, 0, 0]))
    Directory(entries=0, values=0, strips=0, holds=10)
    """
    if content.startswith(
        3 * _PREFIX
    ):  # Pillow removes them one by one, and copies the rest each time
        return Directory(MOST_ENTRIES + 1, 0, 0, len(content))
    while content.startswith(_PREFIX):
        content = content.removeprefix(_PREFIX)
    order = ">" if content[:2] == b"MM" else "<"
    big = content[2:4] in (b"+\0", b"\0+")
    offset_at, offset, count, entry, inline = (
        (8, "Q", "Q", "HHQQ", 8) if big else (4, "I", "H", "HHII", 4)
    )
    try:
        (start,) = struct.unpack_from(order + offset, content, offset_at)
        (entries,) = struct.unpack_from(order + count, content, start)
    except (struct.error, OverflowError):
        return Directory(0, 0, 0, len(content))
    present = 0
    first, size = start + struct.calcsize(count), struct.calcsize("<" + entry)
    values = strips = 0
    for at in range(first, first + min(entries, MOST_ENTRIES + 1) * size, size):
        if at + size > len(content):
            break
        present += 1
        tag, kind, number, where = struct.unpack_from(order + entry, content, at)
        taken = number * _SIZES.get(kind, 0)
        if taken > inline and where + taken <= len(content):
            values += taken
            strips = max(strips, number if tag in _STRIPS else 0)
    return Directory(present, values, strips, len(content))
