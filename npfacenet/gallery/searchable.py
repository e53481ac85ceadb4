"""What is searched: the embeddings of known people, ready for comparison with probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from npfacenet.errors import GalleryError, quoted
from npfacenet.gallery.blocks import Block
from npfacenet.gallery.corrections import is_denied
from npfacenet.gallery.made_by import one_set
from npfacenet.gallery.mean_blocks import mean_blocks
from npfacenet.gallery.search import Nearest, search
from npfacenet.models import Embeddings
from npfacenet.models.made_by import MadeBy
from npfacenet.recognition.distance import joined
from npfacenet.recognition.names import as_first_given

Vectors = npt.NDArray[np.float32]
Names = Callable[[Sequence[int]], Mapping[int, str]]


@dataclass(frozen=True, eq=False)
class Searchable:
    """Blocks of embeddings with the facts that they share, None if there are none.

    `names` gives the names of people by their numbers, and leaves out those who are gone. `denied`
    holds, by a person's number, embeddings (N, D) of pictures that do not show that person, as
    somebody said.
    """

    made: MadeBy | None
    blocks: Sequence[Block]
    names: Names
    denied: Mapping[int, Vectors] = field(default_factory=dict)

    @classmethod
    def of(
        cls, people: Mapping[str, Embeddings | npt.ArrayLike], decided: float | None = None
    ) -> Searchable:
        """Make it from a mapping of names; thresholds may differ if `decided` states one.

        Raises GalleryError, EmbeddingError and FingerprintError as `Gallery.of`.
        """
        spelt = as_first_given(people)
        each = [one_set(values, decided) for values in people.values()]
        if empty := [name for name, e in zip(spelt, each, strict=True) if not len(e)]:
            raise GalleryError(f"there are no embeddings of {quoted(empty[0])}")
        if not each:
            return cls(None, (), lambda _: {})
        numbers = {name: i for i, name in enumerate(dict.fromkeys(spelt), start=1)}
        if decided is not None:
            each = [replace(e, threshold=None) for e in each]
        known = joined(each, GalleryError)
        made = known.made_by
        whose = [numbers[name] for name, e in zip(spelt, each, strict=True) for _ in range(len(e))]
        by_number = {number: name for name, number in numbers.items()}
        return cls(made, [Block(known.values, np.array(whose, np.int64))], lambda _: by_number)

    def of_means(self) -> Searchable:
        """Return the same people, each with the mean of their embeddings."""
        return replace(self, blocks=mean_blocks(self.blocks) if self.blocks else ())

    def nearest(self, probes: Vectors, count: int, threads: int) -> list[list[tuple[float, str]]]:
        """Return distance and name of the `count` nearest people of each probe (P, D), in order.

        Equal distances are ordered by name.
        """
        found = search(probes, self.blocks, count + len(self.denied), threads)
        names = self.names([number for one in found for number in one.people.tolist()])
        return [
            self._named(one, probe, names)[:count] for one, probe in zip(found, probes, strict=True)
        ]

    def _named(
        self, found: Nearest, probe: Vectors, names: Mapping[int, str]
    ) -> list[tuple[float, str]]:
        pairs = zip(found.distances.tolist(), found.people.tolist(), strict=True)
        return sorted(
            (distance, names[number])
            for distance, number in pairs
            if number in names and not is_denied(probe, self.denied.get(number), distance)
        )
