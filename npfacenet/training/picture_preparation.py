"""What training cuts out of each picture: its centre, or the face that a detector finds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card, Preparation
from npfacenet.errors import ArgumentError, ImageError
from npfacenet.faces.alignment import crop_to_picture, window_of_margin
from npfacenet.faces.choice import ChosenFace
from npfacenet.faces.cropping import FaceCropper
from npfacenet.faces.detector import Detector
from npfacenet.images.source import named
from npfacenet.models.face_options import FaceOptions
from npfacenet.models.loaded_detectors import LoadedDetectors
from npfacenet.recipes.alignment import Margin
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FoundFace:
    """A face in a picture; the square that is cut out for it is `side` of its pixels wide."""

    face: ChosenFace
    side: float

    def crop_side(self, size: int) -> int:
        """Return the side in pixels at which to keep this square for views of `size` pixels.

        That is the photograph's own resolution, but at least `size` and at most twice as much.

        Sharpness (root mean square of the Laplacian) of views of 96 pixels, turned by 5 degrees,
        relative to views cut from the photograph itself: six portraits, about 2.2 pixels of the
        photograph to one of the view, kept at 1, 2 and 3 times the size: 0.72, 0.81, 0.83. 35 of
        LFW's pictures, 1.0 pixels: 0.85, 0.89, 0.88 with 62, 249 and 560 kB for each, and at their
        own resolution 0.87 with 68 kB.
        """
        return min(max(round(self.side), size), 2 * size)


@dataclass(frozen=True, eq=False)
class FaceFinder:
    """Finds the face of each training picture once, and cuts it out.

    Faces are remembered by path, not the pictures. Several stores and threads may share a finder.
    """

    cropper: FaceCropper
    _found: dict[Path, FoundFace] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cropper.choose == "all":
            raise ArgumentError("one face of each training picture is used, not all")

    def knows(self, path: Path) -> bool:
        """Tell whether the face in this picture has been found already."""
        return path in self._found

    def found(self, picture: Picture, path: Path, threads: int | None = None) -> FoundFace:
        """Return the face in a decoded picture, which is looked for if it is not known yet.

        Raises ImageError, naming the path, if there is no face (NoFaceError) or it cannot be
        aligned.
        """
        if path not in self._found:
            (face,) = self.cropper.find(picture, named(path), threads=threads)
            try:
                side = self._side(picture, face)
            except ImageError as error:
                raise ImageError(f"{named(path)}: {error}") from error
            self._found[path] = FoundFace(face, side)
        return self._found[path]

    def cut(self, picture: Picture, path: Path, size: int, *, room: float = 1.0) -> Picture:
        """Return the aligned face in a decoded picture, (size, size, 3); raises as `found`."""
        face = self.found(picture, path).face
        return self.cropper.cut(picture, face, size, named(path), room)

    def _side(self, picture: Picture, face: ChosenFace) -> float:
        """Return the side of a square of as many pixels as the crop shows."""
        alignment = self.cropper.alignment
        if isinstance(alignment, Margin):
            height, width, _ = picture.shape
            edges = window_of_margin(np.array(face.box), alignment, width, height)
            return math.sqrt((edges[2] - edges[0]) * (edges[3] - edges[1]))
        matrix = crop_to_picture(np.array(face.landmarks), alignment, 1)
        return math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))


@dataclass(frozen=True, eq=False)
class PicturePreparation:
    """The preparation of a run's pictures; `finder` finds their faces, None for crops.

    Its text describes the pictures in the evidence of a threshold.
    """

    preparation: Preparation
    finder: FaceFinder | None = None

    def __str__(self) -> str:
        if self.finder is not None:
            cropper = self.finder.cropper
            which = "" if cropper.choose == "largest" else f", the {cropper.choose} face"
            least = cropper.smallest_face
            size = "" if least is None else f", faces of {least:g} pixels or more"
            score = cropper.least_score
            sure = "" if score is None else f", scores of {score:g} or more"
            return f"{self.preparation}{which}{size}{sure}"
        crop = self.preparation.crop
        return "whole pictures" if crop is None else f"centre crop {crop}"


def picture_preparation(
    card: Card, choices: Configuration, detector: Detector | None = None
) -> PicturePreparation:
    """Return the preparation of pictures for a model with this card.

    A `detector` takes the place of the one that `choices` or the card name. Raises ArgumentError
    if both are given and for choices among faces that nobody looks for, WeightsNotFoundError, with
    the remedy, for a detector whose weights are missing.
    """
    require_kind("the configuration", choices, Configuration)
    require_kind("the detector", detector, Detector, type(None))
    if detector is not None and choices.detect is not None:
        raise ArgumentError("a detector is given, or named by the configuration, not both")
    options = FaceOptions(
        choices.detect if detector is None else detector,
        choices.crop,
        None if choices.choose == "largest" else choices.choose,
        choices.smallest_face,
        choices.least_score,
    )
    ready = options.ready_for(card, LoadedDetectors().load)
    finder = None if ready.cropper is None else FaceFinder(ready.cropper)
    return PicturePreparation(ready.preparation, finder)
