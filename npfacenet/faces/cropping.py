"""From a photograph to the aligned faces in it, as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ImageError, NoFaceError
from npfacenet.faces.alignment import aligned
from npfacenet.faces.choice import Choice, ChosenFace, chosen, require_choice
from npfacenet.faces.detector import Detector, require_smallest_face, smallest_face_in
from npfacenet.faces.faces import Faces
from npfacenet.recipes.alignment import Alignment


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A face cut out of a photograph: `pixels` uint8 (S, S, 3), and which face it is."""

    pixels: npt.NDArray[np.uint8]
    face: ChosenFace


@dataclass(frozen=True, eq=False)
class FaceCropper:
    """Finds faces in photographs, chooses among them, and cuts them out.

    `smallest_face` is as in `Detector.detect`. Several threads may use it. Raises ArgumentError for
    another choice and for a size that cannot be looked for.
    """

    detector: Detector
    alignment: Alignment
    choose: Choice = "largest"
    smallest_face: float | None = None

    def __post_init__(self) -> None:
        require_choice(self.choose)
        require_smallest_face(self.smallest_face)

    def crops(
        self,
        picture: npt.NDArray[np.uint8],
        size: int,
        name: str,
        *,
        threads: int | None = None,
        room: float = 1.0,
    ) -> list[FaceCrop]:
        """Return the chosen faces of one picture (H, W, 3), each cut out as (size, size, 3).

        `name` names the picture in errors. With `room` 1.5 a crop shows 1.5 times as much in each
        direction. Raises NoFaceError if there is no face, SeveralFacesError if one was expected,
        ImageError for a face that cannot be aligned.
        """
        found = self.find(picture, name, threads=threads)
        return [FaceCrop(self.cut(picture, face, size, name, room), face) for face in found]

    def find(
        self, picture: npt.NDArray[np.uint8], name: str, *, threads: int | None = None
    ) -> tuple[ChosenFace, ...]:
        """Return the chosen faces of one picture (H, W, 3); raises NoFaceError as `crops`."""
        height, width = picture.shape[:2]
        faces = self.detector.detect(picture, smallest_face=self.smallest_face, threads=threads)
        found = chosen(faces, self.choose, width, height, name)
        if not found:
            raise NoFaceError(self._nothing(faces, width, height, name))
        return found

    def cut(
        self,
        picture: npt.NDArray[np.uint8],
        face: ChosenFace,
        size: int,
        name: str,
        room: float = 1.0,
    ) -> npt.NDArray[np.uint8]:
        """Return one face of a picture as `crops` does; raises ImageError as `crops` does."""
        try:
            box, landmarks = np.array(face.box), np.array(face.landmarks)
            return aligned(picture, box, landmarks, self.alignment, size, room=room)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error

    def _nothing(self, faces: Faces, width: int, height: int, name: str) -> str:
        smallest = smallest_face_in(self.smallest_face, width, height)
        best = "" if faces.best_score is None else f", best score seen {faces.best_score:.2f}"
        return (
            f"{name} shows no face of {smallest:.0f} pixels or more (detector "
            f"{self.detector.name}{best}); use a picture in which the face is larger or seen "
            "from the front, look for smaller ones (smallest_face=, --smallest-face), or, if the "
            "picture is cropped to the face already, do without a detector (detect=False, "
            "--no-detect)"
        )
