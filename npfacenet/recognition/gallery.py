"""Galleries: the names of known people with their embeddings."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy.typing as npt

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, GalleryError, listed, quoted
from npfacenet.faces.choice import ONE_OF, OneOf
from npfacenet.models import Embeddings, Model
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import Detect
from npfacenet.models.json_ready import JSON, JsonReady, as_json
from npfacenet.progress import Progress
from npfacenet.recognition.distance import joined
from npfacenet.recognition.names import as_first_given, checked_name, name_key
from npfacenet.recognition.people_folder import people_in


@dataclass(frozen=True, eq=False, repr=False)
class Gallery(JsonReady):
    """Embeddings with a name for each; a person may have several embeddings.

    `embeddings[i]` shows the person `names[i]`; a bare array (N, D) becomes Embeddings. Names that
    differ only in their Unicode form ("é" as one character or two) are one person's, spelt as they
    first appear. `passed_over` lists what `enrol` found in the folder and could not use.

    Raises GalleryError if names and embeddings do not correspond or a name is empty,
    EmbeddingError for an array that does not hold embeddings.
    """

    names: tuple[str, ...]
    embeddings: Embeddings | None
    passed_over: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.names, (list, tuple)):
            raise GalleryError(f"the names of a gallery are a list, not {quoted(self.names)}")
        passed_over: object = self.passed_over
        if not isinstance(passed_over, (list, tuple)) or not all(
            isinstance(each, Skipped) for each in passed_over
        ):
            raise GalleryError(f"passed_over is a list of Skipped, not {quoted(passed_over)}")
        embeddings = None if self.embeddings is None else Embeddings.of(self.embeddings)
        count = 0 if embeddings is None else len(embeddings)
        if len(self.names) != count:
            raise GalleryError(f"{len(self.names)} names for {count} embeddings")
        object.__setattr__(self, "names", as_first_given(self.names))
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "passed_over", tuple(passed_over))

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        people = [quoted(name, 60) for name in self.people]
        passed_over = f", {len(self.passed_over)} passed over" if self.passed_over else ""
        return (
            f"<Gallery of {len(people)} people, {len(self)} embeddings{passed_over}: "
            f"{listed(people) or 'nobody'}>"
        )

    @property
    def people(self) -> tuple[str, ...]:
        """Each name once, in the order of enrolment."""
        return tuple(dict.fromkeys(self.names))

    def person(self, name: str) -> Embeddings:
        """Return all embeddings of a person; raise GalleryError for an unknown name."""
        rows = self._rows_of(name)
        if self.embeddings is None or not rows:
            raise GalleryError(f"nobody in the gallery is called {quoted(name)}")
        return self.embeddings[sorted(rows)]

    def without(self, name: str) -> Gallery:
        """Return the gallery without a person; raise GalleryError for an unknown name."""
        gone = self._rows_of(name)
        if self.embeddings is None or not gone:
            raise GalleryError(f"nobody in the gallery is called {quoted(name)}")
        rows = [i for i in range(len(self)) if i not in gone]
        names = tuple(self.names[i] for i in rows)
        return Gallery(names, self.embeddings[rows], self.passed_over)

    def as_json(self) -> dict[str, JSON]:
        """Return the names and how many embeddings each has, but not the embeddings."""
        known = self.embeddings
        return {
            "people": as_json(dict(Counter(self.names))),
            "embeddings": len(self),
            "fingerprint": None if known is None else known.fingerprint,
            "threshold": as_json(None if known is None else known.threshold),
            "passed_over": as_json(self.passed_over),
        }

    @classmethod
    def of(cls, people: Mapping[str, Embeddings | npt.ArrayLike]) -> Gallery:
        """Make a gallery from a mapping of names to one or several embeddings each.

        >>> Gallery.of({"anna": [1.0, 0.0], "bert": [[0.0, 1.0], [0.6, 0.8]]}).names
        ('anna', 'bert', 'bert')

        Raises FingerprintError if different models made them, EmbeddingError for values that
        are not vectors and for embeddings that state different thresholds, GalleryError for
        embeddings of a model mixed with bare arrays.
        """
        return gallery_of(people)

    def _rows_of(self, name: object) -> set[int]:
        key = name_key(checked_name(name))
        return {i for i, other in enumerate(self.names) if name_key(other) == key}


def gallery_of(
    people: Mapping[str, Embeddings | npt.ArrayLike], decided: float | None = None
) -> Gallery:
    """Make a gallery as `Gallery.of`; thresholds may differ if `decided` states one."""
    if not isinstance(people, Mapping):
        raise GalleryError(
            f"a gallery is a Gallery, or a mapping of names to embeddings, not {quoted(people)}"
        )
    each = {checked_name(name): embeddings_of(values, decided) for name, values in people.items()}
    if empty := [name for name, e in each.items() if not len(e)]:
        raise GalleryError(f"there are no embeddings of {quoted(empty[0])}")
    if not each:
        return Gallery((), None)
    names = tuple(name for name, e in each.items() for _ in range(len(e)))
    several = list(each.values())
    if decided is not None:
        several = [replace(e, threshold=None) for e in several]
    return Gallery(names, replace(joined(several, GalleryError), sources=()))


def enrol(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    detect: Detect = None,
    crop: int | None = None,
    choose: OneOf | None = None,
    smallest_face: float | None = None,
    least_score: float | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    progress: Progress | None = None,
) -> Gallery:
    """Embed a folder of photographs: `anna.jpg` shows anna, and so does `anna/holiday.jpg`.

    `detect`, `crop`, `choose`, `smallest_face` and `least_score` are as in `Model.embed`. One face
    of each photograph is used, the largest unless `choose` says otherwise;
    `gallery.embeddings.faces` tells which. Progress counts photographs.

    `people_in` documents which files count as pictures; everything else in the folder is listed in
    `gallery.passed_over`. With `on_error="skip"`, so are pictures that cannot be used, because they
    are damaged or show no face; `gallery.embeddings.skipped` lists them too.

    Raises GalleryError for a folder that is missing or holds no pictures of people; ImageError,
    naming the first picture that cannot be used (NoFaceError if it shows no face); ArgumentError
    for `choose="all"`, and what `Model.embed` raises.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"enrol takes a model, npfacenet.load(), and a folder: {quoted(model)}")
    if choose is not None and not is_one_of(choose, *ONE_OF):
        raise ArgumentError(
            f"choose is one of {', '.join(ONE_OF)} here, because a picture shows one person: "
            f"{quoted(choose)}"
        )
    found = people_in(folder)
    flat = [(name, path) for name, paths in found.people.items() for path in paths]
    embeddings = model.embed(
        [path for _, path in flat],
        detect=detect,
        crop=crop,
        choose=choose,
        smallest_face=smallest_face,
        least_score=least_score,
        on_error=on_error,
        progress=progress,
    )
    names = tuple(flat[position][0] for position in embeddings.positions)
    return Gallery(names, embeddings, found.passed_over + embeddings.skipped)


def embeddings_of(values: object, decided: float | None = None) -> Embeddings:
    """Make Embeddings from Embeddings, a list of Embeddings, or numbers.

    The Embeddings in a list may have different thresholds if `decided` states one.
    """
    if isinstance(values, (list, tuple)) and values:
        each = [value for value in values if isinstance(value, Embeddings)]
        if len(each) == len(values):
            return joined(each if decided is None else [replace(e, threshold=None) for e in each])
    return Embeddings.of(values)  # type: ignore[arg-type]  # refused there if it is something else
