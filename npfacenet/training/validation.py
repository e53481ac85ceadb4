"""Validation: how well a network tells apart people whom it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, TrainingError, quoted
from npfacenet.models import Embeddings
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, area, best_threshold
from npfacenet.training.checks import require_kind, require_number, require_whole, whole_numbers

MOST_PAIRS = 1000
MOST_PICTURES = 3000
MOST_EACH = 10
LEAST_PEOPLE = 2  # held out, to have a genuine and an impostor pair; and learnt from


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures by their indices, and whether both show one person.

    Raises ArgumentError unless these are three arrays (N,).
    """

    a: npt.NDArray[np.intp]
    b: npt.NDArray[np.intp]
    genuine: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name, kind in (("a", np.integer), ("b", np.integer), ("genuine", np.bool_)):
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, kind):
                raise ArgumentError(f"pairs: {name} is an array of {kind.__name__}")
        if self.a.ndim != 1 or not self.a.shape == self.b.shape == self.genuine.shape:
            raise ArgumentError("pairs are three arrays of one shape (N,)")


@dataclass(frozen=True)
class Validation:
    """Rates on `pairs` genuine pairs and as many impostor pairs.

    `area` is the area under the ROC curve; `accuracy` is that at `threshold`, the best one on
    these very pairs, so it is slightly optimistic. `strangers` is the mean distance of impostor
    pairs, 0 to 2. Raises ArgumentError for numbers that cannot be such rates.
    """

    area: float
    accuracy: float
    threshold: float
    strangers: float
    pairs: int

    def __post_init__(self) -> None:
        for name in ("area", "accuracy"):
            require_number(name, getattr(self, name), 0, 1)
        for name in ("threshold", "strangers"):
            require_number(name, getattr(self, name), 0, math.inf)
        require_whole("pairs", self.pairs, 1, 10**9)

    @property
    def noise(self) -> float:
        """The standard error of an area of 0.5 (Mann and Whitney 1947)."""
        return math.sqrt((2 * self.pairs + 1) / (12 * self.pairs**2))


def validation_from_json(value: object) -> Validation:
    """Return the rates that a file holds; raise ArgumentError for anything else."""
    if not isinstance(value, dict) or value.keys() != {each.name for each in fields(Validation)}:
        raise ArgumentError(f"rates have other names than {quoted(value)}")
    return Validation(**value)


@dataclass(frozen=True)
class Split:
    """The numbers of people whom a run learns from and who are held out.

    `pairs` is the number of genuine pairs, and of impostor pairs, of held-out people; `reason`
    says why nobody is held out.

    >>> print(Split(8, 2, 6))
    8 people are learnt from and 2 held out: validated on 6 genuine and 6 impostor pairs
    """

    learnt: int
    held_out: int
    pairs: int
    reason: str = ""

    def __str__(self) -> str:
        if self.held_out:
            return (
                f"{self.learnt} people are learnt from and {self.held_out} held out: validated on "
                f"{self.pairs} genuine and {self.pairs} impostor pairs"
            )
        return (
            f"{self.learnt} people are learnt from and nobody is held out ({self.reason}): nothing "
            "will say how good the weights are, the last ones are kept, and there is no early end"
        )


def hold_out(
    labels: Sequence[int], share: float, seed: int, least: int = 2
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the identities to learn from and those to hold out, drawn from those with a pair.

    A share above 0 holds out at least 2 people, and leaves at least 2 with the `least` pictures
    that learning needs; if that is impossible, nobody is held out.

    >>> [len(people) for people in hold_out([0, 0, 1, 1, 2, 2, 3, 3], 0.1, seed=0)]
    [2, 2]
    """
    require_number("the share of people to hold out", share, 0, 1)
    require_whole("the seed", seed, 0, 2**64)
    require_whole("least", least, 1, 10**9)
    names, counts = np.unique(whole_numbers("labels", labels), return_counts=True)
    paired = names[counts >= 2]
    most = min(len(paired), int((counts >= least).sum()) - LEAST_PEOPLE)
    if share == 0 or most < LEAST_PEOPLE:
        return tuple(map(int, names)), ()
    count = min(max(round(share * len(paired)), LEAST_PEOPLE), most)
    drawn = np.random.default_rng([seed, 3]).permutation(paired)[:count]
    held = set(map(int, drawn))
    return tuple(int(n) for n in names if int(n) not in held), tuple(sorted(held))


def draw_pairs(labels: Sequence[int], seed: int, most: int = MOST_PAIRS) -> Pairs:
    """Draw the same number of genuine and impostor pairs, at most `most` of each.

    A person has at most 10 genuine pairs, so that nobody with many pictures dominates. Raises
    ArgumentError unless there are pairs of both kinds.
    """
    require_whole("the seed", seed, 0, 2**64)
    require_whole("the number of pairs", most, 1, 10**9)
    array = whole_numbers("labels", labels)
    rng = np.random.default_rng([seed, 4])
    people, counts = np.unique(array, return_counts=True)
    order = rng.permutation(len(people))
    # The table of all pairs of more pictures would fill the memory.
    kept = people[order][np.cumsum(counts[order]) <= MOST_PICTURES]
    chosen = np.flatnonzero(np.isin(array, kept))
    a, b = (chosen[i] for i in np.triu_indices(len(chosen), k=1))
    genuine = array[a] == array[b]
    same, other = (rng.permutation(np.flatnonzero(kind)) for kind in (genuine, ~genuine))
    if len(same):
        same = np.concatenate([same[array[a[same]] == person][:MOST_EACH] for person in kept])
        same = rng.permutation(same)
    count = min(len(same), len(other), most)
    if not count:
        raise ArgumentError("pairs need two people, and two pictures of one of them")
    pairs = np.concatenate([same[:count], other[:count]])
    return Pairs(a[pairs], b[pairs], genuine[pairs])


def distances_of_pairs(embeddings: Embeddings | npt.ArrayLike, pairs: Pairs) -> Distances:
    """Return the Euclidean distances of pairs of embeddings, float64 (N,)."""
    require_kind("pairs", pairs, Pairs)
    rows = Embeddings.of(embeddings)
    if max(pairs.a.max(initial=-1), pairs.b.max(initial=-1)) >= len(rows):
        raise ArgumentError(f"there are pairs of more than {len(rows)} embeddings")
    return paired_distances(rows[pairs.a.tolist()], rows[pairs.b.tolist()])


def validated(genuine: Distances, impostors: Distances) -> Validation:
    """Compute the rates from the distances of genuine and impostor pairs.

    >>> validated(np.array([0.2, 0.5, 0.9]), np.array([0.8, 1.0, 1.2]))
    Validation(area=0.888..., accuracy=0.833..., threshold=0.95, strangers=1.0, pairs=3)

    Raises TrainingError unless there are both and all are finite.
    """
    for kind in (genuine, impostors):
        require_kind("distances", kind, np.ndarray)
        if kind.ndim != 1 or not np.issubdtype(kind.dtype, np.floating):
            raise ArgumentError("distances are floating numbers (N,)")
    distances = np.concatenate([genuine, impostors])
    if not len(genuine) or not len(impostors) or not np.isfinite(distances).all():
        raise TrainingError("rates are of finite distances of genuine and of impostor pairs")
    is_genuine = np.arange(len(distances)) < len(genuine)
    threshold = best_threshold(distances, is_genuine)
    right = (distances <= threshold) == is_genuine
    return Validation(
        area(genuine, impostors),
        float(right.mean()),
        threshold,
        float(impostors.mean()),
        min(len(genuine), len(impostors)),
    )
