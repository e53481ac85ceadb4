"""From a photograph to the aligned faces in it, as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from npfacenet.errors import FaceError, ImageError, NoFaceError
from npfacenet.faces.alignment import aligned
from npfacenet.faces.boxes import sides
from npfacenet.faces.choice import Choice, ChosenFace, chosen, require_choice
from npfacenet.faces.detector import (
    Detector,
    require_least_score,
    require_smallest_face,
    smallest_face_in,
)
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

    Faces with a score below `least_score` do not count (None: the detector's `sure_score`), nor do
    those smaller than `smallest_face` pixels if it is stated. It also lets smaller faces be looked
    for than `Detector.detect` does by default.
    Several threads may use it. Raises ArgumentError for another choice, and for numbers that these
    cannot be.
    """

    detector: Detector
    alignment: Alignment
    choose: Choice = "largest"
    smallest_face: float | None = None
    least_score: float | None = None

    def __post_init__(self) -> None:
        require_choice(self.choose)
        require_smallest_face(self.smallest_face)
        require_least_score(self.least_score)

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
        FaceError for a face that cannot be aligned.
        """
        found = self.find(picture, name, threads=threads)
        return [FaceCrop(self.cut(picture, face, size, name, room), face) for face in found]

    def find(
        self, picture: npt.NDArray[np.uint8], name: str, *, threads: int | None = None
    ) -> tuple[ChosenFace, ...]:
        """Return the chosen faces of one picture (H, W, 3); raises NoFaceError as `crops`."""
        height, width = picture.shape[:2]
        seen = picture.view()
        seen.flags.writeable = False  # it may be the caller's own array
        usual = smallest_face_in(None, width, height)
        # Never a coarser search than usual: the same face would be placed less exactly.
        search = None if self.smallest_face is None else min(self.smallest_face, usual)
        faces = self.detector.detect(
            seen, smallest_face=search, least_score=self.floor, threads=threads
        )
        found = chosen(self._large_enough(faces), self.choose, width, height, name)
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
        """Return one face of a picture as `crops` does; raises FaceError as `crops` does."""
        try:
            box, landmarks = np.array(face.box), np.array(face.landmarks)
            return aligned(picture, box, landmarks, self.alignment, size, room=room)
        except ImageError as error:
            raise FaceError(f"{name}: {error}") from error

    @property
    def floor(self) -> float:
        """The least score of a face that counts."""
        return self.detector.sure_score if self.least_score is None else float(self.least_score)

    def _large_enough(self, faces: Faces) -> Faces:
        if self.smallest_face is None:
            return faces
        large = np.maximum(*sides(faces.boxes)) >= self.smallest_face
        return replace(
            faces,
            boxes=faces.boxes[large],
            landmarks=faces.landmarks[large],
            scores=faces.scores[large],
        )

    def _nothing(self, faces: Faces, width: int, height: int, name: str) -> str:
        smallest = smallest_face_in(self.smallest_face, width, height)
        best = "" if faces.best_score is None else f"; best score seen {faces.best_score:.2f}"
        remedies = [
            "use a picture in which the face is larger or seen from the front",
            "look for smaller ones (smallest_face=, --smallest-face) or less certain ones "
            f"(least_score=, --least-score; here {self.floor:g})",
        ]
        if self.smallest_face is not None or len(faces):
            remedies.reverse()
        return (
            f"{name} shows no face of {smallest:.0f} pixels or more (detector "
            f"{self.detector.name}{best}); {', '.join(remedies)}, or, if the picture is cropped to "
            "the face already, do without a detector (detect=False, --no-detect)"
        )
