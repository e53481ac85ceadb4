"""Erasing what SQLite leaves in the unused bytes of a database's pages.

`secure_delete` overwrites a row that is deleted where it lies. But rows move to other pages as
tables grow and shrink, and SQLite then leaves the old copies between a page's list of rows and its
first row; no later deletion finds them there. See "B-tree Pages" in SQLite's file format.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_INTERIOR, _LEAVES = (2, 5), (10, 13)  # types of pages: of indexes, of tables
_HEADER_OF_FILE = 100


def erase_unused(descriptor: int, roots: Iterable[int], size: int) -> None:
    """Overwrite unused bytes in the trees with these root pages, which have `size` bytes each.

    Nobody may write to the database meanwhile, nor write its log back.
    """
    waiting, seen = [*roots], set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen or number < 1:
            continue
        seen.add(number)
        os.lseek(descriptor, (number - 1) * size, os.SEEK_SET)
        page = os.read(descriptor, size)
        if len(page) < size:
            continue  # damaged
        start = _HEADER_OF_FILE if number == 1 else 0
        first, end = _unused(page, start)
        if page[first:end].strip(b"\0"):
            os.lseek(descriptor, (number - 1) * size + first, os.SEEK_SET)
            os.write(descriptor, bytes(end - first))
        waiting += _children(page, start)


def _rows(page: bytes, start: int) -> int:
    return int.from_bytes(page[start + 3 : start + 5], "big")


def _list_of_rows(page: bytes, start: int) -> int:
    return start + (12 if page[start] in _INTERIOR else 8)


def _unused(page: bytes, start: int) -> tuple[int, int]:
    """Return where the unused bytes begin, and where they end; nothing of other kinds of pages."""
    if page[start] not in _INTERIOR + _LEAVES:
        return 0, 0
    first = int.from_bytes(page[start + 5 : start + 7], "big") or 1 << 16
    return _list_of_rows(page, start) + 2 * _rows(page, start), min(first, len(page))


def _children(page: bytes, start: int) -> list[int]:
    if page[start] not in _INTERIOR:
        return []
    at = _list_of_rows(page, start)
    rows = [
        int.from_bytes(page[at + 2 * i : at + 2 * i + 2], "big") for i in range(_rows(page, start))
    ]
    return [int.from_bytes(page[row : row + 4], "big") for row in (*rows, start + 8)]
