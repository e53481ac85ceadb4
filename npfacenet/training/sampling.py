"""Choosing the pictures of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from npfacenet.errors import TrainingError
from npfacenet.training.checks import require_whole, whole_numbers

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class IdentitySampler:
    """P identities with up to K pictures each (Schroff et al. 2015, section 3.2).

    `labels[i]` is the identity of picture i. Only identities with at least `least` pictures are
    used; one with fewer than K contributes all of them. A batch follows from the seed and its
    number alone, so a run can resume at any batch. In an epoch each identity is used once, except
    the fewer than P that are left at its end.

    Raises TrainingError if fewer than two identities have enough pictures.

    >>> sampler = IdentitySampler((0, 0, 0, 1, 1, 2), identities=2, pictures=2)
    >>> sorted(np.array(sampler.labels)[sampler.batch(0)].tolist())
    [0, 0, 1, 1]
    """

    labels: tuple[int, ...]
    identities: int
    pictures: int
    least: int = 2
    seed: int = 0
    groups: tuple[Indices, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("identities", "pictures", "least"):
            require_whole(name, getattr(self, name), 1, 10**9)
        require_whole("the seed", self.seed, 0, 2**64)
        whole_numbers("labels", self.labels)
        groups = _groups(self.labels, self.least)
        if len(groups) < 2:
            raise TrainingError(
                f"{len(groups)} of {len(set(self.labels))} identities have {self.least} pictures "
                "or more, and at least 2 must: telling people apart is learnt from pairs of them"
            )
        object.__setattr__(self, "groups", groups)

    @property
    def batches(self) -> int:
        """The number of batches in an epoch."""
        return max(1, len(self.groups) // self.identities)

    def batch(self, number: int) -> Indices:
        """Return the indices of the pictures in a batch, grouped by identity: up to (P * K,)."""
        require_whole("the number of a batch", number, 0, 2**63)
        epoch, place = divmod(number, self.batches)
        order = np.random.default_rng([self.seed, epoch, 0]).permutation(len(self.groups))
        chosen = order[place * self.identities : (place + 1) * self.identities]
        rng = np.random.default_rng([self.seed, number, 1])
        drawn = [rng.permutation(self.groups[group])[: self.pictures] for group in chosen]
        return np.concatenate(drawn)


def _groups(labels: Sequence[int], least: int) -> tuple[Indices, ...]:
    array = np.asarray(labels)
    members = (np.flatnonzero(array == label) for label in np.unique(array))
    return tuple(group for group in members if len(group) >= least)
