"""The pictures of a folder of identities, and the views of them that a network is shown."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from npfacenet.arguments import is_one_of
from npfacenet.errors import (
    ArgumentError,
    ImageError,
    TrainingError,
    printable,
    quoted,
)
from npfacenet.images import central_square, centre_crop, read, require_contrast, resize
from npfacenet.models.embeddings import Skipped
from npfacenet.progress import Progress
from npfacenet.recognition.names import name_key
from npfacenet.training.augmentation import Augmentation, Picture
from npfacenet.training.checks import require_kind, require_whole, whole_numbers
from npfacenet.training.people import people_of, read_people

ROOM = 1.5  # a view may move so much beyond its crop
LOOKED_AT = 160  # pixels a side, whatever the size of views, so that all stores find the same

OnError: TypeAlias = Literal["raise", "skip"]


@dataclass(frozen=True)
class IdentityFolder:
    """Which pictures there are: `paths[i]` shows `names[labels[i]]`.

    `skipped` lists what was passed over, with the reason.
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
        """FOLDER/NAME/*.jpg, or FOLDER/NAME.jpg: as `enrol` understands a folder.

        `only` restricts it to these people, or to those whom a file lists (`read_people`). What
        is passed over, such as the folder of a person without a picture, is listed in `skipped`.
        Raises TrainingError for a folder that holds no pictures, people who are not in it, or a
        name that cannot be printed; ArgumentError for what is not a choice.
        """
        people, skipped = people_of(folder)
        if only is not None:
            people = _chosen(folder, people, only)
        if strange := [name for name in people if not name.isprintable()]:
            # The weights' card names those it was trained on, and could not be read again.
            raise TrainingError(
                f"{folder}: the name '{printable(strange[0])}' has characters that cannot be "
                "printed; rename its folder"
            )
        labels = [label for label, paths in enumerate(people.values()) for _ in paths]
        paths = tuple(path for paths in people.values() for path in paths)
        return cls(tuple(people), paths, tuple(labels), skipped)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits for who is on which picture."""
        lines = (
            f"{self.names[label]}/{path.name}"
            for label, path in zip(self.labels, self.paths, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def with_at_least(self, pictures: int) -> IdentityFolder:
        """The identities with so many pictures or more; all of them if there is no such one."""
        require_whole("pictures", pictures, 0, 10**9)
        counts = Counter(self.labels)
        kept = [person for person in range(len(self.names)) if counts[person] >= pictures]
        return self.subset(kept) if kept else self

    def picture_numbers(self, person: int) -> list[int]:
        """The numbers of the pictures that show this identity."""
        return [i for i, label in enumerate(self.labels) if label == person]

    def subset(self, people: Sequence[int]) -> IdentityFolder:
        """The pictures of these identities only, numbered anew in this order."""
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

    def readable(self, crop: int | None, progress: Progress | None = None) -> IdentityFolder:
        """What is left when every picture was read once; the others are listed in `skipped`.

        Raises TrainingError where nothing is left.
        """
        store = PictureStore(self.paths, crop, size=1, memory=0)
        faults: dict[int, str] = {}
        for index in range(len(self.paths)):
            if fault := store.fault(index):
                faults[index] = fault
            if progress is not None:
                progress("looking for damaged pictures", index + 1, len(self.paths))
        if len(faults) == len(self.paths):
            raise _unusable(list(faults.values()), len(self.paths))
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
    """Raise ArgumentError unless this says what to do with pictures that cannot be read."""
    if not is_one_of(on_error, "raise", "skip"):
        raise ArgumentError(f"on_error is 'raise' or 'skip', not {quoted(on_error)}")


def _chosen(
    folder: str | os.PathLike[str],
    people: Mapping[str, Sequence[Path]],
    only: Sequence[str] | os.PathLike[str],
) -> Mapping[str, Sequence[Path]]:
    """Only these people; names are compared in Unicode's composed form (NFC)."""
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


class PictureStore:
    """Decoded pictures, cut to what views of them can show; kept in memory as far as it allows.

    `crop` is the side of an unmoved view in pixels (None: the central square). Up to `memory`
    bytes are kept; the rest is read again each time.
    """

    def __init__(
        self, paths: Sequence[Path], crop: int | None, size: int, memory: int = 1 << 29
    ) -> None:
        require_kind("the paths of pictures", paths, tuple, list)
        if crop is not None:
            require_whole("crop", crop, 1, 100_000)
        require_whole("the size of a view", size, 1, 100_000)
        require_whole("the memory for pictures", memory, 0, 2**63)
        self.paths, self.crop, self.size = tuple(paths), crop, size
        self._left = memory
        self._kept: dict[int, Picture] = {}

    def read_all(self, progress: Progress | None = None) -> None:
        """Decode every picture once, and keep what the memory allows; raises as `read_all`."""
        read_all([self], progress)

    def forget(self) -> None:
        """Let go of all pictures that are kept; they are read again when needed."""
        self._left += sum(picture.nbytes for picture in self._kept.values())
        self._kept.clear()

    def fault(self, index: int) -> str | None:
        """Decode a picture and keep it; why it cannot be used, if so: damage, or no contrast.

        In words: an exception would hold the frames in which it was raised, and they the picture.
        """
        try:
            picture = read(self.paths[index])
            kept = self._cut(picture, index)
            seen = resize(self._unmoved(picture), LOOKED_AT, "bilinear")
            require_contrast(seen, quoted(str(self.paths[index])))
            self._keep(index, kept)
        except ImageError as error:
            return str(error)
        return None

    def view(self, index: int, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
        """A drawn view of a picture: uint8 (size, size, 3)."""
        require_kind("augmentation", augmentation, Augmentation)
        return augmentation(self._picture(index), self.size, rng, self.crop)

    def plain(self, index: int) -> Picture:
        """The picture as it is embedded: cropped, uint8 (S, S, 3) of any size."""
        return self._unmoved(self._picture(index))

    def _unmoved(self, picture: Picture) -> Picture:
        return central_square(picture) if self.crop is None else centre_crop(picture, self.crop)

    def _picture(self, index: int) -> Picture:
        (index,) = whole_numbers("the number of a picture", [index]).tolist()
        require_whole("the number of a picture", index, 0, len(self.paths) - 1)
        if index in self._kept:
            return self._kept[index]
        return self._keep(index, self._cut(read(self.paths[index]), index))

    def _cut(self, picture: Picture, index: int) -> Picture:
        """What views of a picture can show."""
        side = min(picture.shape[:2])
        if self.crop is None:
            picture = central_square(picture)
            if side > 4 * self.size:
                picture = resize(picture, 3 * self.size, "bilinear")
        else:
            if side < self.crop:
                raise ImageError(
                    f"{self.paths[index]} has {picture.shape[1]}x{picture.shape[0]} pixels, of "
                    f"which {self.crop} a side cannot be cropped"
                )
            # An odd difference would move the middle by half a pixel.
            room = min(side, int(ROOM * self.crop))
            picture = centre_crop(picture, room - (room - self.crop) % 2)
        return picture

    def _keep(self, index: int, picture: Picture) -> Picture:
        """The same picture, kept if there is room."""
        if picture.nbytes <= self._left and index not in self._kept:
            self._kept[index] = np.ascontiguousarray(picture)
            self._left -= picture.nbytes
        return picture


def read_all(stores: Sequence[PictureStore], progress: Progress | None = None) -> None:
    """Decode every picture of these stores once.

    Raises TrainingError that counts the unreadable ones and names the first, so that all are
    found before the run and not in its third hour.
    """
    every = [(store, index) for store in stores for index in range(len(store.paths))]
    faults = []
    for done, (store, index) in enumerate(every, 1):
        if fault := store.fault(index):
            faults.append(fault)
        if progress is not None:
            progress("reading pictures", done, len(every))
    if faults:
        for store in stores:
            store.forget()  # or who keeps the error keeps them
        raise _unusable(faults, len(every))


def _unusable(faults: Sequence[str], among: int) -> TrainingError:
    return TrainingError(
        f"{len(faults)} of {among} pictures cannot be used: {faults[0]}; repair or remove them, or "
        "skip them"
    )
