"""Enrolling people from photographs, past the gate, into a gallery in memory or in a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, FaceError, GalleryError, ImageError, quoted
from npfacenet.faces.choice import ChosenFace, OneOf
from npfacenet.gallery.enrolment import Enrolment, EnrolmentOptions, require_one_face
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.people import NewPicture, PictureFacts
from npfacenet.gallery.quality import Quality, quality_of
from npfacenet.gallery.stored_pictures import bytes_of
from npfacenet.gallery.waiting_pictures import WaitingPictures
from npfacenet.models import Model
from npfacenet.models.embeddings import Embeddings, Skipped
from npfacenet.models.face_options import Detect, FaceOptions
from npfacenet.models.picture_reading import PreparedPictures
from npfacenet.progress import Progress, silent
from npfacenet.recognition.names import checked_name
from npfacenet.recognition.people_folder import people_in

Photograph: TypeAlias = "str | os.PathLike[str] | bytes"
TOGETHER = 32
"""Pictures that are enrolled in one transaction."""


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

    The gallery is in memory, and takes all pictures; `enrol_into` has a gate. `detect`, `crop`,
    `choose`, `smallest_face` and `least_score` are as in `Model.embed`. One face of each photograph
    is used, the largest unless `choose` says otherwise; `gallery.references(name)` tells which.
    Progress counts photographs.

    `people_in` documents which files count as pictures; everything else in the folder is listed in
    `gallery.passed_over`. With `on_error="skip"`, so are pictures that cannot be used, because they
    are damaged or show no face; these state their position.

    Raises GalleryError for a folder that is missing or holds no pictures of people; ImageError,
    naming the first picture that cannot be used (NoFaceError if it shows no face); ArgumentError
    for `choose="all"`, and what `Model.embed` raises.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"enrol takes a model, npfacenet.load(), and a folder: {quoted(model)}")
    require_one_face(choose)
    faces = FaceOptions(detect, crop, choose, smallest_face, least_score)
    options = EnrolmentOptions(faces, gate=None, on_error=on_error)
    found, gallery = people_in(folder), Gallery()
    done = enrol_into(gallery, model, found.people, options, progress)
    gallery.passed_over = found.passed_over + done.skipped
    return gallery


def enrol_into(
    gallery: Gallery,
    model: Model,
    people: Mapping[str, Sequence[Photograph]],
    options: EnrolmentOptions | None = None,
    progress: Progress | None = None,
) -> Enrolment:
    """Enrol the photographs of people, by name, into a gallery: paths, or the bytes of files.

    Pictures are read, embedded, judged and enrolled a few at a time, so that there may be any
    number; what is enrolled stays enrolled whatever happens then, and the same call goes on where
    it ended, because files that a person has already are passed over.

    Raises ImageError, naming the first picture that cannot be used, unless `options.on_error` says
    otherwise; FingerprintError, before anything is embedded, if another model made the gallery's
    embeddings; GalleryError for names that are not text; ArgumentError for photographs that are not
    paths or bytes in a list; and what `Model.embed` raises.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"enrolling takes a model, npfacenet.load(), not {quoted(model)}")
    for given, kind, what in ((gallery, Gallery, "a Gallery"), (people, Mapping, "names")):
        if not isinstance(given, kind):
            raise GalleryError(
                f"people are enrolled into a Gallery, by names with photographs: {quoted(given)} "
                f"is not {what}"
            )
    options = EnrolmentOptions() if options is None else options
    report = silent if progress is None else progress
    photographs = _Photographs(gallery, people, report, keep=options.keep)
    nothing = np.empty((0, model.card.outputs), np.float32)
    waiting, skipped = WaitingPictures(gallery, options.gate, model.card), list[Skipped]()
    batches = model.embedder().batches(
        photographs.unknown(), options.faces, on_error=options.on_error, threads=options.threads,
        look=None if options.gate is None else measured,
    )  # fmt: skip
    gallery.require_same_model(batches.embeddings_of(nothing, PreparedPictures(0)))
    try:
        for batch in batches.each:
            pictures = batch.pictures
            rows = batches.embeddings_of(batch.values, pictures)
            for i, position in enumerate(pictures.positions):
                quality = pictures.looks[i] if pictures.looks else None
                waiting.take(photographs.new_picture(position, rows[i], quality))
            skipped += map(photographs.skipped, pictures.skipped)
            if len(waiting) >= TOGETHER:
                waiting.enrol()
            for _ in range(pictures.count):
                photographs.count_one()
    finally:
        waiting.enrol()
    return Enrolment(
        waiting.enrolled, photographs.known, tuple(waiting.warnings), tuple(waiting.refused),
        tuple(skipped),
    )  # fmt: skip


def measured(photograph: npt.NDArray[np.uint8], face: ChosenFace | None) -> Quality | None:
    """Return the quality of a picture; None if its landmarks are degenerate."""
    try:
        return quality_of(photograph, face)
    except FaceError:
        return None


@dataclass(frozen=True)
class _New:
    """A photograph that is to be enrolled, and its place among all.

    `content` is what the gallery is to keep; `digest` is None if the file cannot be read.
    """

    place: int
    name: str
    digest: str | None
    content: bytes | None


class _Photographs:
    """The photographs of people, and which of them are not enrolled yet."""

    def __init__(
        self,
        gallery: Gallery,
        people: Mapping[str, Sequence[Photograph]],
        report: Progress,
        *,
        keep: bool,
    ) -> None:
        self.gallery, self.report, self.keep = gallery, report, keep
        self.every = [
            (checked_name(name), one) for name, some in people.items() for one in _listed(some)
        ]
        self.done = self.known = 0
        self._new: dict[int, _New] = {}

    def unknown(self) -> Iterator[Photograph]:
        """Yield the photographs that their person does not have yet."""
        position, name_before, digests = 0, None, set[str]()
        for place, (name, photograph) in enumerate(self.every):
            if name != name_before:
                name_before, digests = name, self.gallery.digests(name)
            try:
                content = content_of_file(photograph)
            except ImageError:  # raised or skipped, as options say, by whoever reads it next
                content = None
            digest = None if content is None else hashlib.sha256(content).hexdigest()
            if digest in digests:
                self.known += 1
                self.count_one()
                continue
            if digest is not None:
                digests.add(digest)
            self._new[position] = _New(place, name, digest, content if self.keep else None)
            position += 1
            yield photograph

    def count_one(self) -> None:
        """Report that one more photograph is done."""
        self.done += 1
        self.report("enrolling", self.done, len(self.every))

    def new_picture(self, position: int, embedding: Embeddings, quality: object) -> NewPicture:
        """Return what is enrolled for a photograph, by its place among those that are new."""
        one = self._new.pop(position)
        measured = quality if isinstance(quality, Quality) else None
        facts = PictureFacts(quality=measured, digest=one.digest, content=one.content)
        return NewPicture(one.name, embedding, facts)

    def skipped(self, skipped: Skipped) -> Skipped:
        """Return what was skipped, with its place among all photographs."""
        one = None if skipped.position is None else self._new.pop(skipped.position, None)
        return skipped if one is None else replace(skipped, position=one.place)


def _listed(photographs: Sequence[Photograph]) -> Sequence[Photograph]:
    """Return the photographs of a person; raise ArgumentError for anything but a list of some."""
    if isinstance(photographs, (list, tuple)):
        wrong = [one for one in photographs if not isinstance(one, (str, bytes, os.PathLike))]
        if not wrong:
            return photographs
        photographs = wrong[0]
    raise ArgumentError(
        f"the photographs of a person are paths or the bytes of files, in a list, not "
        f"{quoted(photographs)}"
    )


def content_of_file(photograph: Photograph) -> bytes:
    """Return the bytes of a photograph; raise ImageError for anything but a regular file."""
    if isinstance(photograph, bytes):
        return photograph
    return bytes_of(photograph)
