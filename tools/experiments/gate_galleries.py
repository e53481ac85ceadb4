"""False match rates of galleries with and without a gate: for `gate_rates.py`.

A gallery is a choice of references among all good pictures (0 to N - 1) and all poor ones (N to
2 N - 1), in the order in which they are offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from gate_faces import Faces, Floats, Seen

from npfacenet.gallery.gate import Limits, far_from_own, judge

NO_FACE = frozenset({"no face"})
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rate:
    """A mean over drawings and resampled people, and its 95 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Rate:
        """Return the mean of the values, and their percentiles 2.5 and 97.5."""
        low, high = np.percentile(values, [2.5, 97.5]).tolist()
        return cls(float(values.mean()), low, high)

    def __str__(self) -> str:
        """Return it in percent, or in percentage points."""
        return f"{100 * self.mean:6.3f} ({100 * self.low:6.3f} to {100 * self.high:6.3f})"


class Comparisons:
    """Impostor comparisons of good or poor probes with all references, counted by people."""

    def __init__(self, faces: Faces, threshold: float, *, poor_probes: bool = False) -> None:
        self.people = np.concatenate([faces.people, faces.people])
        self.count = int(faces.people.max()) + 1
        probes = faces.poor if poor_probes else faces.good
        found = probes.found
        vectors = np.concatenate([faces.good.vectors, faces.poor.vectors]).astype(np.float32)
        # Of unit vectors; nothing matches a reference without a face, which is NaN.
        matches = 2 - 2 * (probes.vectors[found].astype(np.float32) @ vectors.T) <= threshold**2
        whose = np.zeros((self.count, len(matches)), np.float32)
        whose[faces.people[found], np.arange(len(matches))] = 1
        self.matches = whose @ matches.astype(np.float32)  # people of probes, references
        self.probes = whose.sum(axis=1)
        self._each, self._whose = matches, whose

    def of(self, references: Whole) -> tuple[Floats, Floats]:
        """Return matches and comparisons by people (P, P), each with a reference on its own."""
        owners = np.zeros((len(references), self.count), np.float32)
        owners[np.arange(len(references)), self.people[references]] = 1
        matches = self.matches[:, references] @ owners
        trials = np.multiply.outer(self.probes, owners.sum(axis=0))
        return _impostors(matches), _impostors(trials)

    def of_people(self, references: Whole) -> tuple[Floats, Floats]:
        """Return the same where a probe is compared with the best of a person's references."""
        order = references[np.argsort(self.people[references], kind="stable")]
        enrolled, starts = np.unique(self.people[order], return_index=True)
        best = np.logical_or.reduceat(self._each[:, order], starts, axis=1)
        matches, trials = np.zeros((2, self.count, self.count), np.float32)
        matches[:, enrolled] = self._whose @ best.astype(np.float32)
        trials[:, enrolled] = self.probes[:, np.newaxis]
        return _impostors(matches), _impostors(trials)


def _impostors(counts: npt.NDArray[np.float32]) -> Floats:
    square = counts.astype(np.float64)
    np.fill_diagonal(square, 0)
    return square


def findings_of(seen: Seen, limits: Limits) -> list[frozenset[str]]:
    """Return the kinds of what is wrong with each picture; "no face" if none was found."""
    return [
        frozenset(f.kind for f in judge(seen.quality(row), limits)) if found else NO_FACE
        for row, found in enumerate(seen.found.tolist())
    ]


def offered(faces: Faces, rng: np.random.Generator, share: float) -> Whole:
    """Draw which pictures are offered poor instead of good, and the order of all."""
    count = len(faces.people)
    order = rng.permutation(count)
    poor = rng.permutation(count)[: round(share * count)]
    order[np.isin(order, poor)] += count
    return order


def without_far(faces: Faces, references: Whole, limit: float) -> Whole:
    """Leave out pictures that are farther than the limit from all that are kept of the person."""
    vectors = np.concatenate([faces.good.vectors, faces.poor.vectors])
    people = np.concatenate([faces.people, faces.people])
    kept: dict[int, list[int]] = {}
    for row in references.tolist():
        own = kept.setdefault(int(people[row]), [])
        distances = np.linalg.norm(vectors[own] - vectors[row], axis=1)
        if not far_from_own(float(distances.min()) if own else None, limit):
            own.append(row)
    return np.array([row for own in kept.values() for row in own], np.int64)


def resampled(count: int, rounds: int, rng: np.random.Generator) -> Floats:
    """Return how often each person is drawn in each round, (rounds, count)."""
    return rng.multinomial(count, np.full(count, 1 / count), rounds).astype(np.float64)


def rates(counts: tuple[Floats, Floats], weights: Floats) -> Floats:
    """Return the rate in each round: matches by comparisons, of people drawn so often."""
    matches, trials = (((weights @ square) * weights).sum(axis=1) for square in counts)
    result: Floats = matches / trials
    return result
