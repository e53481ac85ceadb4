"""A folder of identities: which pictures there are, and whom each one shows."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, TrainingError, printable, quoted
from npfacenet.models.embeddings import Skipped
from npfacenet.progress import Progress
from npfacenet.recognition.names import name_key
from npfacenet.training.checks import require_kind, require_whole, whole_numbers
from npfacenet.training.people import people_of, read_people
from npfacenet.training.picture_preparation import FaceFinder
from npfacenet.training.picture_store import PictureStore, faults_in, unusable

OnError: TypeAlias = Literal["raise", "skip"]


@dataclass(frozen=True)
class IdentityFolder:
    """Pictures of people: `paths[i]` shows `names[labels[i]]`.

    `skipped` lists what was passed over, with the reason. Raises ArgumentError unless each
    picture has the number of one of the names.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    skipped: tuple[Skipped, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name in ("names", "paths", "labels"):
            require_kind(name, getattr(self, name), tuple)
        numbers = range(len(self.names))
        if len(self.paths) != len(self.labels) or not all(n in numbers for n in self.labels):
            raise ArgumentError(
                f"each of {len(self.paths)} pictures has the number of one of {len(self.names)} "
                f"people, not {quoted(self.labels)}"
            )

    @classmethod
    def of(
        cls,
        folder: str | os.PathLike[str],
        only: Sequence[str] | os.PathLike[str] | None = None,
    ) -> IdentityFolder:
        """List FOLDER/NAME/*.jpg or FOLDER/NAME.jpg, by the same rules as `enrol`.

        `only` restricts the result to these people, or to those that a file lists
        (`read_people`). What is passed over, such as a person's folder without pictures, is
        listed in `skipped`. Raises TrainingError for a folder without pictures, for people who
        are not in it, and for a name that cannot be printed; ArgumentError for another type of
        `only`.
        """
        people, skipped = people_of(folder)
        if only is not None:
            people = _chosen(folder, people, only)
        if strange := [name for name in people if not name.isprintable()]:
            # The card of the weights lists the names, and could not be read again.
            raise TrainingError(
                f"{folder}: the name '{printable(strange[0])}' has characters that cannot be "
                "printed; rename its folder"
            )
        labels = [label for label, paths in enumerate(people.values()) for _ in paths]
        paths = tuple(path for paths in people.values() for path in paths)
        return cls(tuple(people), paths, tuple(labels), skipped)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that identify the names and their files' names."""
        lines = (
            f"{self.names[label]}/{path.name}"
            for label, path in zip(self.labels, self.paths, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def with_at_least(self, pictures: int) -> IdentityFolder:
        """Return the identities with `pictures` or more pictures; all of them if none has."""
        require_whole("pictures", pictures, 0, 10**9)
        counts = Counter(self.labels)
        kept = [person for person in range(len(self.names)) if counts[person] >= pictures]
        return self.subset(kept) if kept else self

    def picture_numbers(self, person: int) -> list[int]:
        """Return the indices of the pictures of an identity."""
        return [i for i, label in enumerate(self.labels) if label == person]

    def subset(self, people: Sequence[int]) -> IdentityFolder:
        """Return these identities only, renumbered in the order given."""
        for person in whole_numbers("people", people).tolist():
            require_whole("the number of a person", person, 0, len(self.names) - 1)
        number = {person: i for i, person in enumerate(people)}
        kept = [i for i, label in enumerate(self.labels) if label in number]
        return IdentityFolder(
            tuple(self.names[person] for person in people),
            tuple(self.paths[i] for i in kept),
            tuple(number[self.labels[i]] for i in kept),
            self.skipped,
        )

    def readable(
        self,
        crop: int | None,
        progress: Progress | None = None,
        *,
        finder: FaceFinder | None = None,
        threads: int = 1,
    ) -> IdentityFolder:
        """Read every picture once and return those that can be used; `skipped` lists the others.

        `finder` looks for a face in each, in up to `threads` pictures at a time. Raises
        TrainingError if no picture can be used.
        """
        store = PictureStore(self.paths, crop, size=1, memory=0, finder=finder)
        what = "looking for damaged pictures" if finder is None else "finding faces"
        faults = dict(faults_in([store], what, progress, threads))
        if len(faults) == len(self.paths):
            raise unusable(list(faults.values()), len(self.paths))
        kept = [i for i in range(len(self.paths)) if i not in faults]
        there = sorted({self.labels[i] for i in kept})
        number = {person: i for i, person in enumerate(there)}
        more = [Skipped(str(self.paths[i]), reason) for i, reason in faults.items()]
        return IdentityFolder(
            tuple(self.names[person] for person in there),
            tuple(self.paths[i] for i in kept),
            tuple(number[self.labels[i]] for i in kept),
            (*self.skipped, *more),
        )


def require_on_error(on_error: object) -> None:
    """Raise ArgumentError unless `on_error` is "raise" or "skip"."""
    if not is_one_of(on_error, "raise", "skip"):
        raise ArgumentError(f"on_error is 'raise' or 'skip', not {quoted(on_error)}")


def _chosen(
    folder: str | os.PathLike[str],
    people: Mapping[str, Sequence[Path]],
    only: Sequence[str] | os.PathLike[str],
) -> Mapping[str, Sequence[Path]]:
    """Return these people only; names are compared in Unicode's composed form (NFC)."""
    if isinstance(only, os.PathLike):
        only = read_people(only, among=people)
    require_kind("people", only, tuple, list, set, frozenset)
    for name in only:
        require_kind("the name of a person", name, str)
    named = {name_key(name): name for name in people}
    if missing := [name for name in only if name_key(name) not in named]:
        raise TrainingError(
            f"{folder} has no pictures of {len(missing)} of {len(only)} people, the first: "
            f"{quoted(missing[0])}"
        )
    return {name: people[name] for name in sorted({named[name_key(n)] for n in only})}
