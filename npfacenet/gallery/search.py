"""Exact search: the people whose embeddings are nearest to each probe.

Probes are compared with blocks of embeddings by products in float32, because the squared distance
|p - r|^2 is |p|^2 - 2 (p r - |r|^2 / 2). A bound of the rounding tells which embeddings may be
among the nearest; their distances are computed again from differences in float64. So the result is
that of the float64 distances, whatever the order of the blocks and the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from npfacenet.threads.blas import single_threaded
from npfacenet.threads.sharing import share_out

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32] | npt.NDArray[np.float64]

NOBODY = 0
"""The number in place of a person's where a block has no embedding."""
PROBES = 256  # compared at a time, which bounds the memory
_LARGEST = 1e15  # of a vector's length: its square still has room in float32
_MANY = 64  # people that are noted one by one
_TOGETHER = 4096  # distances computed at a time


@dataclass(frozen=True, eq=False)
class Block:
    """Some embeddings of a gallery: `vectors` float32 (N, D), `people` int64 (N,), from 1.

    A place whose person is `NOBODY` is empty. Neither array may change any more.
    """

    vectors: Vectors
    people: Numbers
    half_squares: Vectors = field(init=False)
    longest: float = field(init=False)
    most: int = field(init=False)

    def __post_init__(self) -> None:
        squares = np.einsum("ij,ij->i", self.vectors, self.vectors, dtype=np.float64)
        squares[self.people == NOBODY] = 0
        counts = np.unique(self.people[self.people != NOBODY], return_counts=True)[1]
        object.__setattr__(self, "longest", float(np.sqrt(squares.max(initial=0))))
        with np.errstate(over="ignore"):  # `longest` tells
            half = (squares / 2).astype(np.float32)
        half[self.people == NOBODY] = np.inf  # farther than everybody
        object.__setattr__(self, "half_squares", half)
        object.__setattr__(self, "most", int(counts.max(initial=0)))


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest people of one probe: `people` int64 (K,) and `distances` float64 (K,), in order.

    Of equal distances the smaller number comes first.
    """

    people: Numbers
    distances: Distances


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
    for start in range(0, len(probes), PROBES):
        some = probes[start : start + PROBES]
        parts = [_Candidates(some, nearest) for _ in range(max(1, min(threads, len(blocks))))]
        with single_threaded():
            share_out(
                range(len(parts)),
                partial(_search_part, parts, blocks),
                threads=len(parts),
            )
        found += parts[0].joined(parts[1:]).ranked()
    return found


def _search_part(parts: Sequence[_Candidates], blocks: Sequence[Block], part: int) -> None:
    for block in blocks[part :: len(parts)]:
        parts[part].compare(block)


class _Candidates:
    """The people who may be among the nearest of some probes, block after block."""

    def __init__(self, probes: Vectors, nearest: int) -> None:
        self.probes, self.nearest = probes, nearest
        self.squares = np.einsum("ij,ij->i", probes, probes, dtype=np.float64)
        self.known: list[dict[int, float]] = [{} for _ in probes]
        """Of each probe, the distances of people who may be among the nearest."""
        self.limits = np.full(len(probes), -np.inf)
        """What the score of an embedding must reach; the score is p r - |r|^2 / 2."""

    def compare(self, block: Block) -> None:
        """Note the people of a block who may be among the nearest."""
        if not block.most:
            return
        scores, slack = self._scores(block)
        limits = self.limits
        if np.isneginf(limits).any():
            limits = np.maximum(limits, _reached(scores, self.nearest * block.most) - slack)
        probes, places = np.nonzero(scores >= (limits - slack)[:, None])
        if not len(probes):
            return
        occupied = block.people[places] != NOBODY
        probes, places = probes[occupied], places[occupied]
        people, distances = block.people[places], self._distances(block, probes, places)
        ends = np.searchsorted(probes, np.arange(len(self.probes) + 1))
        for probe in np.unique(probes).tolist():
            some = slice(ends[probe], ends[probe + 1])
            self._note(probe, people[some], distances[some])

    def joined(self, others: Sequence[_Candidates]) -> _Candidates:
        """Return these candidates with those of other blocks."""
        for other in others:
            for probe, known in enumerate(other.known):
                self._update(probe, known.items())
        return self

    def ranked(self) -> list[Nearest]:
        """Return the nearest people of each probe."""
        found = []
        for known in self.known:
            ranked = sorted((distance, person) for person, distance in known.items())
            distances, people = np.array(ranked[: self.nearest]).reshape(-1, 2).T
            found.append(Nearest(people.astype(np.int64), distances))
        return found

    def _scores(self, block: Block) -> tuple[Scores, Distances]:
        """Return the scores (P, N), and by how much rounding may change those of each probe."""
        longest = max(block.longest, float(np.sqrt(self.squares.max(initial=0))))
        exactly = longest >= _LARGEST
        scores: Scores
        if exactly:
            scores = self.probes.astype(np.float64) @ block.vectors.astype(np.float64).T
        else:
            scores = self.probes @ block.vectors.T
        scores -= block.half_squares
        products = np.sqrt(self.squares) * block.longest + block.longest**2
        eps = np.finfo(np.float64 if exactly else np.float32).eps
        return scores, (self.probes.shape[1] + 4) * float(eps) * products

    def _distances(self, block: Block, probes: Numbers, places: Numbers) -> Distances:
        parts = []
        for start in range(0, len(probes), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            a, b = self.probes[probes[some]], block.vectors[places[some]]
            difference = np.subtract(a, b, dtype=np.float64)
            parts.append(np.sqrt(np.square(difference).sum(axis=1)))
        return np.concatenate(parts)

    def _note(self, probe: int, people: Numbers, distances: Distances) -> None:
        if len(people) > _MANY:
            order = np.lexsort((distances, people))
            people, first = np.unique(people[order], return_index=True)
            distances = distances[order][first]
            if len(people) > self.nearest:
                kept = np.lexsort((people, distances))[: self.nearest]
                people, distances = people[kept], distances[kept]
        self._update(probe, zip(people.tolist(), distances.tolist(), strict=True))

    def _update(self, probe: int, people: Iterable[tuple[int, float]]) -> None:
        known = self.known[probe]
        for person, distance in people:
            if distance < known.get(person, np.inf):
                known[person] = distance
        if len(known) >= self.nearest:
            farthest = sorted(known.values())[self.nearest - 1]
            self.limits[probe] = (self.squares[probe] - farthest**2) / 2


def _reached(scores: Scores, count: int) -> Distances:
    """Return what so many of each probe's scores (P, N) reach, float64 (P,)."""
    size = scores.shape[1]
    if count >= size:
        return np.full(len(scores), -np.inf)
    return np.partition(scores, size - count, axis=1)[:, size - count].astype(np.float64)
