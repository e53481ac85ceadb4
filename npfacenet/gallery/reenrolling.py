"""Another model for a gallery: its pictures are embedded anew, and all else is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from npfacenet.errors import ArgumentError, GalleryError, listed, quoted, shortened
from npfacenet.faces.boxes import overlaps
from npfacenet.gallery.enrolling import measured
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.quality import Quality
from npfacenet.gallery.stored_pictures import (
    CHANGED,
    Renewed,
    StoredPicture,
    StoredPictures,
    files_by_digest,
)
from npfacenet.models import Embeddings, Model
from npfacenet.models.face_options import FaceOptions
from npfacenet.progress import Progress, silent


def reenrol(
    gallery: Gallery,
    model: Model,
    folder: str | os.PathLike[str] | None = None,
    faces: FaceOptions | None = None,
    progress: Progress | None = None,
) -> int:
    """Embed all pictures of a gallery anew, by another model; return how many.

    Names, times and corrections stay. The pictures are those that the gallery keeps; others are
    looked for in `folder`, and below it, by the SHA-256 of their files. Of several faces the one
    that was enrolled is found again. All embeddings are replaced or none, so two models are never
    mixed.

    Raises GalleryError, naming some, if pictures are missing, and if another process changes the
    gallery in the meantime; and what `Model.embed` raises for a picture that cannot be used.
    """
    for given, kind in ((gallery, Gallery), (model, Model)):
        if not isinstance(given, kind):
            raise ArgumentError(
                f"reenrolling takes a Gallery and a model, npfacenet.load(): {quoted(given)}"
            )
    stored = gallery.stored_pictures()
    files = {} if folder is None else files_by_digest(Path(folder))
    _require_all(stored, files, folder)
    chosen = FaceOptions() if faces is None else faces
    finds = chosen.finds_faces(model.card)
    batches = model.embedder().batches(
        _sources(gallery, stored, files), replace(chosen, choose="all" if finds else None),
        look=measured,
    )  # fmt: skip
    report, renewed = silent if progress is None else progress, list[Renewed]()
    for batch in batches.each:
        rows = batches.embeddings_of(batch.values, batch.pictures)
        looks = batch.pictures.looks
        for position in dict.fromkeys(batch.pictures.positions):
            its = [i for i, other in enumerate(rows.positions) if other == position]
            picture = stored.pictures[position]
            best = its[_same_face(picture, rows[its])]
            quality = looks[best]
            renewed.append(
                Renewed(picture, rows[best], quality if isinstance(quality, Quality) else None)
            )
            report("embedding", len(renewed), len(stored.pictures))
    gallery.replace_all(stored, renewed, model.card)
    return len(renewed)


def _require_all(
    stored: StoredPictures, files: Mapping[str, Path], folder: str | os.PathLike[str] | None
) -> None:
    missing = [
        shortened(one.source or "a picture without a name", 60)
        for one in stored.pictures
        if not one.kept and one.facts.digest not in files
    ]
    if missing:
        where = "name a folder" if folder is None else f"{quoted(os.fsdecode(folder))} lacks them"
        raise GalleryError(
            f"{len(missing)} pictures are not kept in the gallery ({listed(missing, 3)}): {where}; "
            "nothing was changed"
        )


def _sources(
    gallery: Gallery, stored: StoredPictures, files: Mapping[str, Path]
) -> Iterator[bytes | Path]:
    for one in stored.pictures:
        content = gallery.content_of(one) if one.kept else None
        found = files.get(one.facts.digest or "") if content is None else content
        if found is None:
            raise GalleryError(CHANGED)
        yield found


def _same_face(picture: StoredPicture, faces: Embeddings) -> int:
    """Return which of the faces of a picture was enrolled: without a box, the largest."""
    if not faces.faces:
        return 0
    boxes = np.array([face.box for face in faces.faces], np.float64)
    if picture.face is not None:
        shared = overlaps(np.array(picture.face.box, np.float64), boxes)
        if shared.max() > 0:
            return int(shared.argmax())
    return int(np.argmax([face.size for face in faces.faces]))
