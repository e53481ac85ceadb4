"""The people who are known: names with their embeddings."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.errors import GalleryError
from npfacenet.images import describe
from npfacenet.models import Embeddings, Model
from npfacenet.models.model import Progress
from npfacenet.recognition.distance import comparable

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".jp2", ".avif", ".heic", ".heif"),  # the last two to be told about
)


@dataclass(frozen=True, eq=False)
class Gallery:
    """Embeddings with the name of a person for each; several may bear one name.

    `names[i]` is the person whom `embeddings[i]` shows. Raises GalleryError where they do
    not correspond or a name is empty.
    """

    names: tuple[str, ...]
    embeddings: Embeddings | None

    def __post_init__(self) -> None:
        count = 0 if self.embeddings is None else len(self.embeddings)
        if len(self.names) != count:
            raise GalleryError(f"{len(self.names)} names for {count} embeddings")
        for name in self.names:
            if not _is_text(name):
                raise GalleryError(f"a name in a gallery is a text that is not empty, not {name!r}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def people(self) -> tuple[str, ...]:
        """Every name once, in the order of enrolment."""
        return tuple(dict.fromkeys(self.names))

    def person(self, name: str) -> Embeddings:
        """All embeddings of a person; GalleryError if nobody bears the name."""
        rows = [i for i, other in enumerate(self.names) if other == name]
        if self.embeddings is None or not rows:
            raise GalleryError(f"nobody in the gallery is called {name!r}")
        return self.embeddings[rows]

    def without(self, name: str) -> Gallery:
        """The gallery without a person; GalleryError if nobody bears the name."""
        rows = [i for i, other in enumerate(self.names) if other != name]
        if self.embeddings is None or len(rows) == len(self):
            raise GalleryError(f"nobody in the gallery is called {name!r}")
        return Gallery(tuple(self.names[i] for i in rows), self.embeddings[rows])

    @classmethod
    def of(cls, people: Mapping[str, Embeddings | npt.ArrayLike]) -> Gallery:
        """A gallery from a mapping of names to one or several embeddings each.

        >>> Gallery.of({"anna": [1.0, 0.0], "bert": [[0.0, 1.0], [0.6, 0.8]]}).names
        ('anna', 'bert', 'bert')

        Raises FingerprintError if different models made them, EmbeddingError for values
        that are no vectors.
        """
        if not isinstance(people, Mapping):
            raise GalleryError(f"a gallery is a mapping of names, not {type(people).__name__}")
        each = {name: Embeddings.of(values) for name, values in people.items()}
        if empty := [name for name, e in each.items() if not len(e)]:
            raise GalleryError(f"there is no embedding of {empty[0]!r}")
        names = tuple(name for name, e in each.items() for _ in range(len(e)))
        if not each:
            return cls((), None)
        first = next(iter(each.values()))
        for other in each.values():
            comparable(first, other)
        if any(e.fingerprint != first.fingerprint for e in each.values()):
            raise GalleryError("a gallery mixes embeddings of a model with bare arrays")
        values = np.concatenate([e.values for e in each.values()])
        return cls(names, replace(first, values=values, sources=(), skipped=()))


def enrol(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    on_error: Literal["raise", "skip"] = "raise",
    progress: Progress | None = None,
) -> Gallery:
    """Embed a folder of pictures: `anna.jpg` shows anna, and so does `anna/holiday.jpg`.

    Files that are no pictures by their suffix, and hidden ones, are left alone. With
    `on_error="skip"` damaged pictures are listed in `gallery.embeddings.skipped`.

    Raises GalleryError for a folder that is missing or holds no picture, or a person's
    folder that holds none; ImageError naming the first picture that cannot be read.
    """
    people = pictures_of(folder)
    flat = [(name, path) for name, paths in people.items() for path in paths]
    embeddings = model.embed([path for _, path in flat], on_error=on_error, progress=progress)
    read = set(embeddings.sources)
    return Gallery(tuple(name for name, path in flat if describe(path) in read), embeddings)


def pictures_of(
    folder: str | os.PathLike[str], *, ignoring: Collection[str] = ()
) -> dict[str, list[Path]]:
    """The pictures of each person in a folder, sorted by name.

    `ignoring` names files and folders in it that are nobody's. Raises GalleryError as `enrol`.
    """
    if not _is_text(folder) and not isinstance(folder, os.PathLike):
        raise GalleryError(f"the folder of a gallery is a path, not {folder!r}")
    root = Path(folder)
    try:
        if not root.is_dir():
            raise GalleryError(f"{root} is not a folder; a gallery holds name.jpg or name/*.jpg")
        people = _people(root, ignoring)
    except OSError as error:
        raise GalleryError(f"{root} cannot be read: {error.strerror or error}") from error
    if not people:
        raise GalleryError(f"{root} holds no picture; a gallery holds name.jpg or name/*.jpg")
    return people


def _people(root: Path, ignoring: Collection[str]) -> dict[str, list[Path]]:
    people: dict[str, list[Path]] = {}
    for entry in sorted(_visible(root)):
        if entry.name in ignoring:
            continue
        if entry.is_dir():
            name, pictures = entry.name, sorted(filter(_is_picture, _visible(entry)))
            if not pictures:
                raise GalleryError(f"{entry} holds no picture of {entry.name}")
        elif _is_picture(entry):
            name, pictures = entry.stem, [entry]
        else:
            continue
        if not name.strip():
            raise GalleryError(f"{entry} names nobody; call it name.jpg")
        people.setdefault(name, []).extend(pictures)
    return people


def _visible(folder: Path) -> Iterable[Path]:
    return (entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
