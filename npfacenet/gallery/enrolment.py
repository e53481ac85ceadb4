"""Enrolling people from photographs, into a gallery in memory or in a file."""

from __future__ import annotations

import os
from typing import Literal

from npfacenet.arguments import is_one_of
from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.choice import ONE_OF, OneOf
from npfacenet.gallery.gallery import Gallery
from npfacenet.models import Model
from npfacenet.models.face_options import Detect
from npfacenet.progress import Progress
from npfacenet.recognition.people_folder import people_in


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
    `gallery.references(name)` tells which. Progress counts photographs.

    `people_in` documents which files count as pictures; everything else in the folder is listed in
    `gallery.passed_over`. With `on_error="skip"`, so are pictures that cannot be used, because they
    are damaged or show no face; these state their position.

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
    names = [flat[position][0] for position in embeddings.positions]
    gallery = Gallery.of_rows(names, embeddings)
    gallery.passed_over = found.passed_over + embeddings.skipped
    return gallery
