"""Batches: what one training step learns from, and preparing them in a background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

AHEAD = 2

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Batch:
    """Network inputs (N, S, S, 3), float32, and what is to be learned from them.

    `identities` (N,) number the people; `teacher` (N, D) holds another model's embeddings of the
    same views if a loss needs them.
    """

    images: npt.NDArray[np.float32]
    identities: npt.NDArray[np.intp]
    teacher: npt.NDArray[np.float32] | None = None


class Batches(Protocol):
    """Numbered batches; the same number always gives the same batch."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Return the batches from number `start` up to `stop`, which is excluded."""


def prefetched(make: Callable[[int], Prepared], start: int, stop: int) -> Iterator[Prepared]:
    """Return the batches from `start` up to `stop`, made up to two ahead by a background thread."""
    with ThreadPoolExecutor(1, "npfacenet-feed") as pool:
        coming = (pool.submit(make, number) for number in range(start, stop))
        waiting = deque(islice(coming, AHEAD))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(islice(coming, 1))
                yield batch
        finally:
            for future in waiting:
                future.cancel()
