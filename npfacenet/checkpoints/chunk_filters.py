"""Undoing HDF5's filters on one chunk, never beyond the bytes that the chunk declares.

HDF5's own decoders allocate as much as a stream asks for: a deflate stream of 11 MB can hold 11 GB.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

Filter: TypeAlias = tuple[int, tuple[int, ...]]
"""A filter's registered number and its parameters."""

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
NAMES = {DEFLATE: "deflate", SHUFFLE: "shuffle", FLETCHER32: "fletcher32", LZF: "lzf"}
COMPRESSORS = (DEFLATE, LZF)
_SUM_BYTES = 4
_WORDS_AT_ONCE = 1 << 16  # so that sums of sums fit into 64 bits


def decoded(stored: bytes, filters: Sequence[Filter], skipped: int, size: int) -> bytes:
    """Return the `size` bytes of a chunk as they were before `filters` were applied in order.

    Bit i of `skipped` says that filter i was left out. Raises ValueError for a chunk that is
    damaged or decodes to another number of bytes; never holds more than that.

    >>> decoded(zlib.compress(b"four"), [(DEFLATE, (4,))], 0, 4)
    b'four'
    """
    used = [one for i, one in enumerate(filters) if not skipped >> i & 1]
    while used:
        number, values = used.pop()
        # A checksum that was appended before compressing is part of what was compressed.
        sums = sum(earlier == FLETCHER32 for earlier, _ in used)
        stored = _DECODERS[number](stored, values, size + _SUM_BYTES * sums)
    if len(stored) != size:
        raise ValueError(f"a chunk of {len(stored):,} bytes instead of {size:,}")
    return stored


def fletcher32(content: bytes) -> int:
    """Return HDF5's checksum: Fletcher's over big-endian words of 16 bits.

    >>> hex(fletcher32(b"abcde"))
    '0x4ff029c7'
    """
    padded = content if len(content) % 2 == 0 else content + b"\0"
    words = np.frombuffer(padded, ">u2")
    first = second = 0
    for start in range(0, len(words), _WORDS_AT_ONCE):
        some = words[start : start + _WORDS_AT_ONCE].astype(np.uint64)
        weights = np.arange(len(some), 0, -1, dtype=np.uint64)
        second += len(some) * first + int(some @ weights)
        first += int(some.sum())
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    """Return the sum that additions with an end-around carry give: 0 only if all are 0."""
    return (total - 1) % 0xFFFF + 1 if total else 0


def _inflate(stored: bytes, _values: tuple[int, ...], expected: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(stored, expected + 1)
    except zlib.error as error:
        raise ValueError(f"a chunk's deflate stream is damaged: {error}") from error
    if len(content) > expected:
        raise ValueError(f"a chunk's deflate stream is longer than its {expected:,} bytes")
    if not stream.eof:
        raise ValueError("a chunk's deflate stream ends too early")
    return content


def _without_sum(stored: bytes, _values: tuple[int, ...], _expected: int) -> bytes:
    content, stated = stored[:-_SUM_BYTES], stored[-_SUM_BYTES:]
    right = fletcher32(content)
    swapped = bytes(stated[i] for i in (1, 0, 3, 2)) if len(stated) == _SUM_BYTES else b""
    # Old versions of HDF5 wrote the sum with the bytes of each half in the machine's order.
    if right not in (int.from_bytes(stated, "little"), int.from_bytes(swapped, "little")):
        raise ValueError("a chunk's checksum differs")
    return content


def _unshuffle(stored: bytes, values: tuple[int, ...], _expected: int) -> bytes:
    width = values[0] if values else 0
    if not width:
        raise ValueError("a chunk is shuffled by no width")
    count = len(stored) // width
    if width == 1 or count <= 1:
        return stored
    whole = np.frombuffer(stored, np.uint8, width * count).reshape(width, count)
    return whole.T.tobytes() + stored[width * count :]


def _expand(stored: bytes, _values: tuple[int, ...], expected: int) -> bytes:
    """Undo LZF: literal runs of bytes, and copies of earlier ones."""
    content, place = bytearray(), 0
    try:
        while place < len(stored):
            control = stored[place]
            place += 1
            if control < 32:
                end = place + control + 1
                if end > len(stored):
                    raise IndexError
                content += stored[place:end]
                place = end
            else:
                length = control >> 5
                if length == 7:
                    length += stored[place]
                    place += 1
                start = len(content) - ((control & 31) << 8) - stored[place] - 1
                place += 1
                if start < 0:
                    raise IndexError
                piece = content[start : start + length + 2]
                content += (piece * -(-(length + 2) // len(piece)))[: length + 2]
            if len(content) > expected:
                raise ValueError(f"a chunk's lzf stream is longer than its {expected:,} bytes")
    except IndexError as error:
        raise ValueError("a chunk's lzf stream is damaged") from error
    return bytes(content)


_DECODERS: dict[int, Callable[[bytes, tuple[int, ...], int], bytes]] = {
    DEFLATE: _inflate,
    SHUFFLE: _unshuffle,
    FLETCHER32: _without_sum,
    LZF: _expand,
}
