"""Recording by photographs that they do not show a person for whom they were taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from npfacenet.gallery.enrolling import Photograph, content_of_file
from npfacenet.gallery.enrolment import EnrolmentOptions
from npfacenet.gallery.gallery import Gallery
from npfacenet.gallery.people import PictureFacts
from npfacenet.models import Model


def not_shown(
    gallery: Gallery,
    model: Model,
    name: str,
    photographs: Sequence[Photograph],
    options: EnrolmentOptions | None = None,
) -> int:
    """Record that photographs do not show a person; return how many.

    It is what `Gallery.not_this_person` does, and survives another model: the digest of each file
    is remembered, and with `options.keep` the file. Raises what `Model.embed` raises, and
    GalleryError if nobody has this name.
    """
    how = EnrolmentOptions() if options is None else options
    contents = [content_of_file(path) for path in photographs]
    faces = how.faces
    embeddings = model.embed(
        list(photographs), detect=faces.detect, crop=faces.crop, choose=faces.choose,
        smallest_face=faces.smallest_face, least_score=faces.least_score,
    )  # fmt: skip
    facts = [
        PictureFacts(
            digest=hashlib.sha256(content).hexdigest(), content=content if how.keep else None
        )
        for content in contents
    ]
    gallery.not_this_person(name, embeddings, facts)
    return len(embeddings)
