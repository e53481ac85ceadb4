"""Sets of pictures of drawn people, and the fixed pairs on which networks are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError
from npfacenet.samples.conditions import conditions
from npfacenet.samples.field_limits import check_whole
from npfacenet.samples.identity import identity
from npfacenet.samples.portrait import draw

PAIRS_FROM = 1_000_000
"""The smallest seed of an identity in `pairs`; training identities have smaller seeds."""

_SEEDS_PER_SET = 1_000_000


@dataclass(frozen=True)
class People:
    """Pictures, uint8 (N, size, size, 3), and the seed of the person each shows, int64 (N,)."""

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Pictures a and b, uint8 (N, size, size, 3) each, and whether they show one person (N,)."""

    a: npt.NDArray[np.uint8]
    b: npt.NDArray[np.uint8]
    genuine: npt.NDArray[np.bool_]


def picture(number: int, each: int, size: int = 112) -> npt.NDArray[np.uint8]:
    """Draw picture `number` of a set with `each` pictures of every person: uint8 (size, size, 3).

    It shows the person of seed number // each, under the conditions of seed `number`. Raises
    ArgumentError for `each` below 1, and for a number or size out of range.
    """
    number, each = check_whole(number, "number"), check_whole(each, "each")
    if each < 1:
        raise ArgumentError(f"each is at least 1, not {each}")
    return draw(identity(number // each), conditions(number), size)


def people(count: int, pictures: int, seed: int = 0, size: int = 112) -> People:
    """Draw `pictures` pictures of each of `count` people, whose seeds are seed, seed + 1, ...

    The result is ordered by person and numbered as by `picture`, so another number of pictures
    gives other pictures. Seeds below 1,000,000 are for training and showing; see `pairs`. Raises
    ArgumentError for a count or a number of pictures below 1, and for a seed or size out of range.

    >>> people(2, 3, size=16).labels.tolist()
    [0, 0, 0, 1, 1, 1]
    """
    seed, count = check_whole(seed, "seed"), check_whole(count, "count")
    pictures = check_whole(pictures, "pictures")
    for name, value in (("count", count), ("pictures", pictures)):
        if value < 1:
            raise ArgumentError(f"{name} is at least 1, not {value}")
    if seed + count > 2**63:
        raise ArgumentError(f"seed + count is at most 2**63, not {seed + count}")
    labels = np.repeat(np.arange(seed, seed + count, dtype=np.int64), pictures)
    numbers = range(seed * pictures, (seed + count) * pictures)
    drawn = [picture(number, pictures, size) for number in numbers]
    return People(np.stack(drawn), labels)


def pairs(count: int = 1000, seed: int = 0, size: int = 112) -> Pairs:
    """Draw pairs to verify, alternately genuine and impostor; nobody is in two pairs.

    The defaults give the fixed 1,000 pairs on which networks are measured (75 MB). Pair i shows
    the person of seed s = 1,000,000 (1 + seed) + 2 i and, in an impostor pair, that of seed s + 1,
    under the conditions of seeds s and s + 1. So nobody has a seed below 1,000,000, which training
    identities must have. Ten consecutive pairs hold five genuine ones, so that consecutive
    count / 10 pairs can be a fold.

    Raises ArgumentError for a count below 1 or above 250,000, and for a seed or size out of range.

    >>> pairs(4, size=16).genuine.tolist()
    [True, False, True, False]
    """
    if not 1 <= check_whole(count, "count") <= _SEEDS_PER_SET // 4:
        raise ArgumentError(f"count is 1 to {_SEEDS_PER_SET // 4}, not {count}")
    first = PAIRS_FROM + _SEEDS_PER_SET * check_whole(seed, "seed")
    genuine = np.arange(count) % 2 == 0
    sides: tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.uint8]]] = ([], [])
    for i in range(count):
        for j in range(2):
            who = first + 2 * i + (0 if genuine[i] else j)
            sides[j].append(draw(identity(who), conditions(first + 2 * i + j), size))
    return Pairs(np.stack(sides[0]), np.stack(sides[1]), genuine)
