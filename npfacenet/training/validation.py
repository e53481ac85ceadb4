"""How well a network tells apart people whom it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.models import Embeddings
from npfacenet.recognition.distance import paired_distances
from npfacenet.recognition.evaluation import Distances, area, best_threshold

MOST_PAIRS = 1000
MOST_PICTURES = 3000
MOST_EACH = 10
LEAST_PEOPLE = 4


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures by their numbers, and whether both show one person."""

    a: npt.NDArray[np.intp]
    b: npt.NDArray[np.intp]
    genuine: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Validation:
    """Rates on pairs of held-out people.

    `area` is that under the ROC curve; `accuracy` that at the threshold which is best on these
    very pairs, so a little too good.
    """

    area: float
    accuracy: float
    threshold: float


def hold_out(
    labels: Sequence[int], share: float, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The identities to learn from, and those to validate on, drawn from those with a pair.

    None are held out if fewer than 4 would be, or fewer than 2 be left to learn from.
    """
    names, counts = np.unique(np.asarray(labels), return_counts=True)
    paired = names[counts >= 2]
    count = round(share * len(paired))
    if count < LEAST_PEOPLE or len(paired) - count < 2:
        return tuple(map(int, names)), ()
    drawn = np.random.default_rng([seed, 3]).permutation(paired)[:count]
    held = set(map(int, drawn))
    return tuple(int(n) for n in names if int(n) not in held), tuple(sorted(held))


def draw_pairs(labels: Sequence[int], seed: int, most: int = MOST_PAIRS) -> Pairs:
    """As many genuine as impostor pairs: at most `most` of each, and 10 genuine ones a person.

    So no one with many pictures decides alone. Raises ArgumentError where there are not both.
    """
    array = np.asarray(labels)
    rng = np.random.default_rng([seed, 4])
    people, counts = np.unique(array, return_counts=True)
    order = rng.permutation(len(people))
    # Of all pairs of more pictures, the table would fill the memory.
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
    """Euclidean distances of pairs of rows, float64."""
    rows = Embeddings.of(embeddings)
    return paired_distances(rows[pairs.a.tolist()], rows[pairs.b.tolist()])


def validated(genuine: Distances, impostors: Distances) -> Validation:
    """The rates of distances of genuine and impostor pairs.

    >>> validated(np.array([0.2, 0.5, 0.9]), np.array([0.8, 1.0, 1.2]))
    Validation(area=0.888..., accuracy=0.833..., threshold=0.95)
    """
    distances = np.concatenate([genuine, impostors])
    is_genuine = np.arange(len(distances)) < len(genuine)
    threshold = best_threshold(distances, is_genuine)
    right = (distances <= threshold) == is_genuine
    return Validation(area(genuine, impostors), float(right.mean()), threshold)
