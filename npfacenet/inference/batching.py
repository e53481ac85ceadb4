"""How a batch is cut, and how many threads work on it: the one place that decides."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sized
from dataclasses import dataclass

TOGETHER = 8
"""Pictures that one thread works on at a time: more do not make it faster."""


@dataclass(frozen=True)
class Division:
    """A batch cut into `parts`, which `threads` threads take in turn, each on `cores` cores."""

    parts: list[slice]
    threads: int
    cores: int


@dataclass(frozen=True)
class Batching:
    """The constants of cutting a batch.

    A thread works on `together` pictures at a time, on fewer where the largest tensor would have
    more than `largest` numbers (16 MB of float32). Two cores share the operations for up to `few`
    pictures: with a picture or two each, both would read all kernels, and one would wait for the
    other.
    """

    together: int = TOGETHER
    few: int = 3
    largest: int = 1 << 22

    def division(self, count: int, cores: int, tensor: int) -> Division:
        """How `cores` cores work on `count` pictures, whose largest tensor has `tensor` numbers.

        >>> Batching().division(2, cores=2, tensor=1000)
        Division(parts=[slice(0, 2, None)], threads=1, cores=2)
        >>> Batching().division(5, cores=2, tensor=1000)
        Division(parts=[slice(0, 2, None), slice(2, 5, None)], threads=2, cores=1)
        """
        shared = cores > 1 and count <= (self.few if cores == 2 else 1)
        threads, each = (1, 2) if shared else (cores, 1)
        together = max(1, min(self.together, self.largest // max(tensor, 1)))
        return Division(batches(count, threads, together), threads, each)


def batches(count: int, threads: int, together: int = TOGETHER) -> list[slice]:
    """Cut `count` pictures into batches of `together`, or into equal shares if there are few.

    >>> batches(5, threads=2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    if count > 4 * threads * together:  # always of one size, so that memory for one is enough
        return [slice(i, min(i + together, count)) for i in range(0, count, together)]
    number = -(-count // together)
    number = min(-(-number // threads) * threads, count)
    return [slice(count * i // number, count * (i + 1) // number) for i in range(number)]


def batch_size(items: Iterable[object], threads: int, together: int = TOGETHER) -> int:
    """Return how many of the items a thread should take at a time: at least one.

    That is `together`, or the largest of their `batches` where their number is known.

    >>> batch_size(range(5), threads=2)
    3
    """
    count = len(items) if isinstance(items, Sized) else 0
    if not count:
        return min(together, sys.maxsize)
    largest: int = max(part.stop - part.start for part in batches(count, threads, together))
    return largest
