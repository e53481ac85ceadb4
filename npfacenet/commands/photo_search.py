"""Finding faces in photographs and cutting them out, from one reading: `detect --crops`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import EmbeddingError, ImageError, NoFaceError, shortened
from npfacenet.faces import Detector, Faces
from npfacenet.faces.cropping import FaceCropper
from npfacenet.images import read
from npfacenet.models.face_options import FaceOptions
from npfacenet.progress import Progress
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.sharing import in_batches


@dataclass(frozen=True, eq=False)
class SearchedPhoto:
    """The faces of a photograph.

    `crops` uint8 (S, S, 3) are what a model sees of each; `pixels` is the upright photograph. Both
    are left out where they are not needed.
    """

    faces: Faces
    crops: tuple[npt.NDArray[np.uint8], ...] = ()
    pixels: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class PhotoSearch:
    """Finds faces as `Model.embed` does, and cuts out all of them for a model of `size` pixels.

    At most `most_faces` of each are kept. With `skip`, a picture that cannot be used gives
    empty Faces with the reason in `skipped`. `keeps_pixels` asks for the decoded photographs.
    """

    cropper: FaceCropper
    size: int
    most_faces: int | None = None
    skip: bool = False
    keeps_pixels: bool = False

    def each(
        self, photos: Sequence[str], threads: int | None, progress: Progress
    ) -> Iterator[SearchedPhoto]:
        """Yield the faces of each photograph, in order; up to `threads` are searched at a time.

        Raises ImageError, naming the first picture that cannot be used, unless `skip` is set.
        """

        def work(batch: list[str], threads: int) -> SearchedPhoto:
            (photo,) = batch
            try:
                return self._in_one(photo, threads)
            except ImageError as error:
                if not self.skip:
                    raise
                return SearchedPhoto(Faces(source=photo, skipped=str(error)))

        found = in_batches(photos, work, size=1, threads=threads_to_use(threads))
        for done, one in enumerate(found, start=1):
            progress("detecting", done, len(photos))
            yield one

    def _in_one(self, photo: str, threads: int) -> SearchedPhoto:
        """Read a photograph once: `Detector.detect` would read the file at a reduced scale."""
        pixels = read(photo)
        kept = pixels if self.keeps_pixels else None
        try:
            found = self.cropper.find(pixels, photo, threads=threads)[: self.most_faces]
        except NoFaceError:
            return SearchedPhoto(Faces(source=photo), pixels=kept)
        crops = tuple(self.cropper.cut(pixels, face, self.size, photo) for face in found)
        faces = Faces(
            np.array([face.box for face in found]),
            np.array([face.landmarks for face in found]),
            np.array([face.score for face in found]),
            source=photo,
        )
        return SearchedPhoto(faces, crops, kept)


def cropper_for(
    card: Card,
    detector: Detector,
    smallest_face: float | None = None,
    least_score: float | None = None,
) -> FaceCropper:
    """Return a cropper that cuts out all faces as the card's network needs them.

    Raises EmbeddingError for a network that is not for embedding, or of no certain picture size.
    """
    if card.purpose != "embedding" or not card.input_size:
        raise EmbeddingError(
            f"{shortened(card.architecture, 40)} does not embed faces of a certain size: name "
            "another model with --model"
        )
    options = FaceOptions(choose="all", smallest_face=smallest_face, least_score=least_score)
    return options.cropper(card, detector)
