"""The people who may be among the nearest of some probes, found stretch after stretch.

The squared distance |p - r|^2 is |p|^2 - 2 (p r - |r|^2 / 2), so the nearest embedding has the
highest score p r - |r|^2 / 2. Scores are products in float32. A bound of their rounding tells
which embeddings may be among the nearest, and the distances of these are computed from differences
in float64.

The bound: a product of D numbers differs from the exact one by at most D eps / 2 |p| |r|, the
half square by D eps / 4 |r|^2, and their difference is rounded by at most eps / 2 of its value,
where eps is float32's. Twice their sum is allowed, and what rounding in float64 may change of a
squared distance: of distances that it makes equal, the person decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npfacenet.gallery.blocks import NOBODY, UNIT, Block, Numbers, Vectors

Distances = npt.NDArray[np.float64]
Scores = npt.NDArray[np.floating]  # float32 or float64

WIDE = 64
"""Places whose highest score is looked at first."""
_SHORTEST, _LONGEST = 1e-15, 1e15  # of a vector's length: its square has all digits in float32
_TOGETHER = 4096  # distances computed at a time


class Stretch:
    """Consecutive places of one block, or of several small ones."""

    def __init__(self) -> None:
        self.parts: list[tuple[Block, int, int]] = []
        self.ends: list[int] = []

    def append(self, block: Block, start: int, end: int) -> None:
        """Add places of a block."""
        self.ends.append(self.size + end - start)
        self.parts.append((block, start, end))

    @property
    def size(self) -> int:
        """How many places there are."""
        return self.ends[-1] if self.ends else 0

    def people(self) -> Numbers:
        """Return whose each place is, int64 (N,)."""
        return np.concatenate([block.people[start:end] for block, start, end in self.parts])

    def at(self, places: Numbers) -> tuple[Numbers, Vectors]:
        """Return whose these places are, int64 (K,), and the vectors there, float32 (K, D)."""
        if len(self.parts) == 1:
            block, start, _ = self.parts[0]
            return block.people[places + start], block.vectors[places + start]
        people = np.empty(len(places), np.int64)
        vectors = np.empty((len(places), self.parts[0][0].vectors.shape[1]), np.float32)
        which = np.searchsorted(self.ends, places, side="right")
        for part in set(which.tolist()):
            here, (block, _, end) = which == part, self.parts[part]
            rows = places[here] - self.ends[part] + end
            people[here], vectors[here] = block.people[rows], block.vectors[rows]
        return people, vectors


class Probes:
    """The probes of a search, float32 (P, D), and what the threads know of the result together."""

    def __init__(self, values: Vectors, nearest: int, blocks: Sequence[Block]) -> None:
        self.values, self.nearest = values, nearest
        self.squares = np.einsum("ij,ij->i", values, values, dtype=np.float64)
        lengths = np.sqrt(self.squares)
        longest = max((block.longest for block in blocks), default=0.0)
        self.exactly = not (longest > _SHORTEST and max(longest, lengths.max()) < _LONGEST)
        """Whether scores are computed in float64, because squares do not fit into float32."""
        self.unit = all(block.unit for block in blocks) and not self.exactly
        """Whether 1/2 is not subtracted from scores, because it is the same for all embeddings."""
        eps = float(np.finfo(np.float64 if self.exactly else np.float32).eps)
        error = eps * (lengths * longest + longest**2)
        error += np.finfo(np.float64).eps * (lengths + longest) ** 2
        self.slack = (values.shape[1] + 4) * error + (UNIT if self.unit else 0)
        """By how much a score of each probe may be wrong."""
        self.limits = np.full(len(values), -np.inf)
        """What a score of each probe has to be if it is right. Any number that another thread
        writes is true, so that it does not matter whose is kept."""
        self.least = self.rounded_down(self.limits)
        """The same for computed scores."""
        self.limited = False

    def raise_limits(self, which: Numbers | slice, scores: Distances) -> None:
        """Note that as many people as are wanted have at least these scores."""
        self.limits[which] = np.maximum(self.limits[which], scores)
        self.least = self.rounded_down(self.limits - self.slack)
        self.limited = not np.isneginf(self.limits).any()

    def rounded_down(self, values: Distances) -> Scores:
        """Return numbers in the type of the scores."""
        with np.errstate(over="ignore"):
            rounded = values if self.exactly else values.astype(np.float32)
            return np.nextafter(rounded, rounded.dtype.type(-np.inf))

    def scores(self, stretch: Stretch, room: Vectors) -> Scores:
        """Return the scores (N, P).

        Places are added, so that N is a multiple of `WIDE`; these and empty ones have -infinity.
        The scores are in `room` if they are float32: new memory is slow when it is first used.
        """
        size = -(-stretch.size // WIDE) * WIDE
        count = size * len(self.values)
        scores = (np.empty(count) if self.exactly else room[:count]).reshape(size, -1)
        begin = 0
        for block, start, end in stretch.parts:
            some, vectors = scores[begin : begin + end - start], block.vectors[start:end]
            if self.exactly:
                exact = vectors.astype(np.float64)
                np.matmul(exact, self.values.T.astype(np.float64), out=some)
                some -= np.einsum("ij,ij->i", exact, exact)[:, None] / 2
            elif len(self.values) == 1:  # in 3/4 of the time of a matrix product
                np.einsum("ij,j->i", vectors, self.values[0], out=some[:, 0])
            else:
                np.matmul(vectors, self.values.T, out=some)
            if not (self.unit or self.exactly):
                some -= block.half_squares[start:end, None]
            if not block.full:
                some[block.people[start:end] == NOBODY] = -np.inf
            begin += end - start
        scores[begin:] = -np.inf
        return scores


class Candidates:
    """The people who may be among the nearest of the probes, as far as one thread has compared.

    It compares up to `places` at a time.
    """

    def __init__(self, probes: Probes, places: int) -> None:
        self.probes = probes
        self.room = np.empty((places + WIDE) * len(probes.values), np.float32)
        self.noted: list[tuple[Numbers, Numbers, Vectors]] = []
        """Numbers of probes, people, and vectors whose distance is not known yet."""
        self.waiting: list[tuple[Numbers, Numbers, Distances]] = []
        self.found = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        """Numbers of probes, people and distances, of each probe the nearest in order."""
        self.vectors = self.distances = 0
        """How many are in `noted` and in `waiting`."""

    def compare(self, stretch: Stretch) -> None:
        """Note the people of a stretch who may be among the nearest."""
        scores = self.probes.scores(stretch, self.room)
        if self.probes.limited:
            places, probes = _reaching(scores, self.probes.least)
        else:
            places, probes = self._nearest_of_each(stretch, scores)
        for start in range(0, len(places), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            self.noted.append((probes[some], *stretch.at(places[some])))
            self.vectors += len(probes[some])
            if self.vectors >= _TOGETHER:
                self._measure()
        if self.vectors + self.distances > len(self.probes.values) * self.probes.nearest:
            self._rank()

    def joined(self, others: Sequence[Candidates]) -> tuple[Numbers, Distances, list[int]]:
        """Return the nearest people of all probes, their distances, and where each probe's end."""
        for other in others:
            other._measure()
            self.waiting += [other.found, *other.waiting]
        self._rank()
        probes, people, distances = self.found
        ends = np.searchsorted(probes, np.arange(len(self.probes.values)), side="right")
        return people, distances, ends.tolist()

    def _nearest_of_each(self, stretch: Stretch, scores: Scores) -> tuple[Numbers, Numbers]:
        """Return places, and probes for which each may be the nearest of its person.

        It takes the distinct people of the stretch for a first limit.
        """
        people, slack = stretch.people(), self.probes.slack
        order = np.argsort(people, kind="stable")
        starts = np.flatnonzero(np.diff(people[order], prepend=-1))
        by_person = scores[order]
        best = np.maximum.reduceat(by_person, starts, axis=0)
        if (fewer := len(best) - self.probes.nearest) >= 0:  # -infinity, of nobody, is no limit
            self.probes.raise_limits(slice(None), np.partition(best, fewer, axis=0)[fewer] - slack)
        least = self.probes.rounded_down(np.maximum(self.probes.limits, best - slack) - slack)
        counts = np.diff(starts, append=len(people))
        rows, probes = np.nonzero(by_person >= np.repeat(least, counts, axis=0))
        return order[rows], probes

    def _measure(self) -> None:
        """Compute distances from what was noted."""
        if self.noted:
            probes, people, vectors = map(np.concatenate, zip(*self.noted, strict=True))
            differences = np.subtract(self.probes.values[probes], vectors, dtype=np.float64)
            distances = np.sqrt(np.square(differences).sum(axis=1))
            occupied = people != NOBODY
            self.waiting.append((probes[occupied], people[occupied], distances[occupied]))
            self.distances += len(probes)
            self.noted, self.vectors = [], 0

    def _rank(self) -> None:
        """Keep the nearest people of each probe, and raise its limit if there are enough."""
        self._measure()
        columns = zip(self.found, *self.waiting, strict=True)
        probes, people, distances = (np.concatenate(column) for column in columns)
        order = np.lexsort((distances, people, probes))
        repeated = (np.diff(probes[order], prepend=-1) == 0) & (
            np.diff(people[order], prepend=-1) == 0
        )
        order = order[~repeated]
        order = order[np.lexsort((people[order], distances[order], probes[order]))]
        rank = np.arange(len(order)) - np.searchsorted(probes[order], probes[order])
        last = order[rank == self.probes.nearest - 1]
        order = order[rank < self.probes.nearest]
        self.found = (probes[order], people[order], distances[order])
        self.waiting, self.distances = [], 0
        which = probes[last]
        reached = (self.probes.squares[which] - distances[last] ** 2) / 2
        self.probes.raise_limits(which, reached + 0.5 if self.probes.unit else reached)


def _reaching(scores: Scores, least: Scores) -> tuple[Numbers, Numbers]:
    """Return the places and probes of the scores (N, P) that reach what each probe needs (P,)."""
    together = scores.reshape(WIDE, -1)
    needed = together.max(axis=0).reshape(-1, len(least)) >= least
    some = np.flatnonzero(needed)
    if not len(some):
        return some, some
    rows, which = np.nonzero(together[:, some] >= least[some % len(least)])
    places, probes = np.divmod(some[which], len(least))
    return rows * len(needed) + places, probes
