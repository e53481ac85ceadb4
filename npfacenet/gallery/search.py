"""Exact search: the people whose embeddings are nearest to each probe.

Probes are compared with stretches of embeddings by products in float32, as `candidates.py` says.
The result is that of float64 distances, whatever the order of the blocks and the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from npfacenet.gallery.blocks import Block, Numbers, Vectors
from npfacenet.gallery.candidates import Candidates, Probes, Stretch
from npfacenet.threads.blas import single_threaded
from npfacenet.threads.sharing import share_out

PROBES = 256  # compared at a time, which bounds the memory
_SCORES = 1 << 18  # of a stretch and all probes: they stay in a core's cache
_FEWEST, _MOST = 1024, 1 << 15  # places of a stretch
_RESULTS = 1 << 18  # of all probes that are compared at a time


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest people of one probe: `people` int64 (K,) and `distances` float64 (K,), in order.

    Of equal distances the smaller number comes first.
    """

    people: Numbers
    distances: npt.NDArray[np.float64]


def search(
    probes: Vectors, blocks: Sequence[Block], nearest: int, threads: int = 1
) -> list[Nearest]:
    """Return the `nearest` people of each probe (P, D), or all if there are fewer.

    A person's distance is that of the nearest of their embeddings.

    >>> block = Block(np.eye(3, dtype=np.float32), np.array([7, 8, 7]))
    >>> found, = search(np.float32([[0.6, 0.8, 0]]), [block], nearest=2)
    >>> found.people, found.distances.round(3)
    (array([8, 7]), array([0.632, 0.894]))
    """
    found: list[Nearest] = []
    together = max(1, min(PROBES, _RESULTS // nearest))
    for start in range(0, len(probes), together):
        found += _search(probes[start : start + together], blocks, nearest, threads)
    return found


def _search(values: Vectors, blocks: Sequence[Block], nearest: int, threads: int) -> list[Nearest]:
    probes = Probes(values, nearest, blocks)
    fewest = max(_FEWEST, 2 * nearest)
    size = max(fewest, min(_MOST, _SCORES // len(values)))
    stretches = list(_stretches(blocks, fewest, size, first=threads))
    most = max((stretch.size for stretch in stretches), default=0)
    parts = [Candidates(probes, most) for _ in range(max(1, min(threads, len(stretches))))]
    idle = deque(parts)

    def compare(stretch: Stretch) -> None:
        part = idle.pop()
        part.compare(stretch)
        idle.append(part)

    with single_threaded():
        share_out(stretches, compare, threads=len(parts))
    people, distances, ends = parts[0].joined(parts[1:])
    return [
        Nearest(people[start:end], distances[start:end])
        for start, end in zip(chain([0], ends), ends, strict=False)
    ]


def _stretches(blocks: Sequence[Block], fewest: int, size: int, first: int) -> Iterator[Stretch]:
    """Cut blocks into stretches of `size` places; the first ones have the `fewest`."""
    stretch, room = Stretch(), fewest
    for block in blocks:
        start = 0
        while start < len(block.people):
            end = min(len(block.people), start + room)
            stretch.append(block, start, end)
            room, start = room - (end - start), end
            if not room:
                yield stretch
                first -= 1
                stretch, room = Stretch(), fewest if first > 0 else size
    if stretch.size:
        yield stretch
