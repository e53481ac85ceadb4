"""A stricter threshold for a search (1:K), computed from the enrolled people.

A search among K people is K comparisons, and a single false match lets a stranger in: if they were
independent, a false match rate FMR would become 1 - (1 - FMR)^K. So the threshold of 1:1 is too
generous for 1:K, even more so for pictures that are more alike than those it was measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.errors import GalleryError, printable, quoted
from npfacenet.gallery import Gallery
from npfacenet.recognition.distance import distances, within

_STEPS = 10_000  # per unit: a threshold has four decimals, so that it can be typed


@dataclass(frozen=True)
class SearchThreshold:
    """The threshold `value` for a search among `people` people.

    `closest` is the smallest distance between two enrolled people, whose names are `pair` (both
    are None for one person, because a search is a single comparison then). `matching` of `pairs`
    pairs of people would match at the threshold for 1:1, `comparison`.
    """

    value: float
    comparison: float
    people: int
    closest: float | None
    pair: tuple[str, str] | None
    matching: int
    pairs: int

    @property
    def strangers_at_most(self) -> float:
        """An upper bound of the share of strangers who are let in at `value`.

        It bounds the mean over galleries, for strangers from the same population: among people + 1
        of them, each is equally likely to belong to the closest pair, so a stranger belongs to it
        with probability 2 / (people + 1).

        >>> SearchThreshold(0.7, 1.1, 12, 0.71, ("ada", "ben"), 3, 66).strangers_at_most
        0.15384615384615385
        """
        return 2 / (self.people + 1)

    def as_json(self) -> dict[str, object]:
        """Return all numbers, for programs."""
        return {
            "threshold": self.value,
            "people": self.people,
            "closest": None
            if self.pair is None
            else {"names": self.pair, "distance": self.closest},
            "matching_at_1_to_1": {"pairs": self.matching, "of": self.pairs},
            "strangers_let_in_at_most": None if self.pair is None else self.strangers_at_most,
        }

    def __str__(self) -> str:
        """Return the reasons for the threshold in a few lines."""
        if self.closest is None or self.pair is None:
            return "one person is enrolled, so a search is one comparison"
        names = " and ".join(map(printable, self.pair))
        if self.value == self.comparison:
            return (
                f"no two people enrolled are so close (the closest: {names}, {self.closest:.3f});\n"
                f"expect at most 2 of {self.people + 1} strangers like them to be let in"
            )
        all_in = 1 - (1 - self.matching / self.pairs) ** self.people
        return (
            f"each of the {self.people} is one more chance of a false match. At "
            f"{self.comparison:.4g},\n"
            f"{self.matching} of the {self.pairs} pairs of people enrolled would match: were "
            "comparisons independent,\n"
            f"1 - (1 - {self.matching}/{self.pairs})^{self.people} = {all_in:.0%} of strangers "
            "would be let in. So it lies just below\n"
            f"the closest pair ({names}, {self.closest:.3f}); still expect up to 2 of "
            f"{self.people + 1} strangers\nlike them to be let in, and more of those enrolled "
            "to be turned away"
        )


def search_threshold(gallery: Gallery, comparison: float) -> SearchThreshold:
    """Find the largest threshold up to `comparison` at which no two enrolled people match.

    It is rounded down to four decimals. Raises GalleryError if two people have the same embedding,
    as when one picture is enrolled under two names.

    >>> search_threshold(Gallery.of({"ada": [1, 0], "ben": [0.6, 0.8]}), 1.1).value
    0.8944
    """
    names, embeddings = gallery.names, gallery.embeddings
    if embeddings is None:
        raise GalleryError("nobody is enrolled")
    people = list(dict.fromkeys(names))
    if len(people) < 2:
        return SearchThreshold(comparison, comparison, len(people), None, None, 0, 0)
    apart = distances(embeddings, embeddings)
    # Of two people with several pictures, the closest ones count, as in `identify`.
    position = {name: i for i, name in enumerate(people)}
    person = np.array([position[name] for name in names])
    between = np.full((len(people), len(people)), np.inf)
    np.minimum.at(between, (person[:, None], person[None, :]), apart)
    first, second = np.triu_indices(len(people), k=1)
    nearest = int(between[first, second].argmin())
    pair = people[first[nearest]], people[second[nearest]]
    closest = float(between[first, second][nearest])
    if closest == 0:
        raise GalleryError(
            f"{quoted(pair[0])} and {quoted(pair[1])} are enrolled with the same picture: nobody "
            "can tell them apart"
        )
    below = (np.ceil(closest * _STEPS) - 1) / _STEPS or float(np.nextafter(closest, 0))
    matching = sum(1 for distance in between[first, second] if within(distance, comparison))
    return SearchThreshold(
        min(comparison, float(below)), comparison, len(people), closest, pair, matching, len(first)
    )
