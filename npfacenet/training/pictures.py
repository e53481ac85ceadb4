"""The pictures of a folder of identities, and the views of them that a network is shown."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from npfacenet.checkpoints.placing import Report
from npfacenet.errors import GalleryError, ImageError, TrainingError, printable
from npfacenet.images import central_square, centre_crop, read, resize
from npfacenet.recognition.people_folder import pictures_of
from npfacenet.training.augmentation import Augmentation, Picture

ROOM = 1.5  # a view may move so much beyond its crop


@dataclass(frozen=True)
class IdentityFolder:
    """Which pictures there are: `paths[i]` shows `names[labels[i]]`."""

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    @classmethod
    def of(
        cls, folder: str | os.PathLike[str], only: Sequence[str] | None = None
    ) -> IdentityFolder:
        """FOLDER/NAME/*.jpg, or FOLDER/NAME.jpg: as `enrol` understands a folder.

        `only` restricts it to these people. Raises TrainingError for a folder that holds no
        pictures, people who are not in it, or a name that cannot be printed.
        """
        try:
            people = pictures_of(folder).people
        except GalleryError as error:
            raise TrainingError(f"{error}; to train, it should hold NAME/*.jpg") from error
        if only is not None:
            if missing := [name for name in only if name not in people]:
                raise TrainingError(
                    f"{folder} has no pictures of {len(missing)} of {len(only)} people, the "
                    f"first: {missing[0]!r}"
                )
            people = {name: people[name] for name in sorted(set(only))}
        if strange := [name for name in people if not name.isprintable()]:
            # The weights' card names those it was trained on, and could not be read again.
            raise TrainingError(
                f"{folder}: the name '{printable(strange[0])}' has characters that cannot be "
                "printed; rename its folder"
            )
        labels = [label for label, paths in enumerate(people.values()) for _ in paths]
        paths = tuple(path for paths in people.values() for path in paths)
        return cls(tuple(people), paths, tuple(labels))

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
        counts = Counter(self.labels)
        kept = [person for person in range(len(self.names)) if counts[person] >= pictures]
        return self.subset(kept) if kept else self

    def subset(self, people: Sequence[int]) -> IdentityFolder:
        """The pictures of these identities only, numbered anew in this order."""
        number = {person: i for i, person in enumerate(people)}
        kept = [i for i, label in enumerate(self.labels) if label in number]
        return IdentityFolder(
            tuple(self.names[person] for person in people),
            tuple(self.paths[i] for i in kept),
            tuple(number[self.labels[i]] for i in kept),
        )


def read_people(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The first word of every line of a file, such as LFW's lists of people.

    Raises TrainingError for a file that cannot be read as text.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read as a list of people: {error}") from error
    return tuple(line.split()[0] for line in lines if line.strip())


class PictureStore:
    """Decoded pictures, cut to what views of them can show; kept in memory as far as it allows.

    `crop` is the side of an unmoved view in pixels (None: the central square). Up to `memory`
    bytes are kept; the rest is read again each time.
    """

    def __init__(
        self, paths: Sequence[Path], crop: int | None, size: int, memory: int = 1 << 29
    ) -> None:
        self.paths, self.crop, self.size = tuple(paths), crop, size
        self._left = memory
        self._kept: dict[int, Picture] = {}

    def read_all(self, progress: Report | None = None) -> None:
        """Decode every picture once.

        Raises TrainingError that counts the unreadable ones and names the first, so that all
        are found before the run and not in its third hour.
        """
        faults: list[ImageError] = []
        for index in range(len(self.paths)):
            try:
                self._load(index)
            except ImageError as error:
                faults.append(error)
            if progress is not None:
                progress("reading pictures", index + 1, len(self.paths))
        if faults:
            raise TrainingError(
                f"{len(faults)} of {len(self.paths)} pictures cannot be used: {faults[0]}; "
                "repair or remove them"
            ) from faults[0]

    def view(self, index: int, augmentation: Augmentation, rng: np.random.Generator) -> Picture:
        """A drawn view of a picture: uint8 (size, size, 3)."""
        return augmentation(self._picture(index), self.size, rng, self.crop)

    def plain(self, index: int) -> Picture:
        """The picture as it is embedded: cropped, uint8 (S, S, 3) of any size."""
        picture = self._picture(index)
        return central_square(picture) if self.crop is None else centre_crop(picture, self.crop)

    def _picture(self, index: int) -> Picture:
        return self._kept[index] if index in self._kept else self._load(index)

    def _load(self, index: int) -> Picture:
        picture = read(self.paths[index])
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
        if picture.nbytes <= self._left and index not in self._kept:
            self._kept[index] = np.ascontiguousarray(picture)
            self._left -= picture.nbytes
        return picture
