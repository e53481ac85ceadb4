"""Where the faces are in the default network's training pictures: found once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from remembered_faces import Remembered

from npfacenet import faces
from npfacenet.errors import NoFaceError
from npfacenet.faces.cropping import FaceCropper
from npfacenet.images import read
from npfacenet.images.degradation import blurred
from npfacenet.progress import Progress, silent
from npfacenet.recipes.alignment import ALIGNMENTS
from npfacenet.recipes.preparation import Preparation
from npfacenet.threads.cores import threads_to_use
from npfacenet.threads.sharing import in_batches
from npfacenet.training.picture_preparation import FaceFinder

Picture = npt.NDArray[np.uint8]
Landmarks = npt.NDArray[np.float64]

TEMPLATE = "npfacenet"  # of `npfacenet.recipes.alignment.ALIGNMENTS`
TOGETHER = 500  # pictures searched between two savings
BORDER = 0.5  # of a tight crop's side, added on each side before a face is looked for
BORDER_BLUR = 4.0  # pixels


class KnownFaces:
    """Finds the central face of each picture with a detector, and keeps them in `folder`.

    The detector is named as in `npfacenet.faces.load`. `preparation` is what a card says of it.
    """

    def __init__(self, detector: str, folder: Path) -> None:
        self.detector = faces.load(detector)
        self.path = folder / f"{self.detector.identity}.npz"
        self._remembered = Remembered(self.detector)
        self._remembered.recall(self.path)
        self.cropper = FaceCropper(
            self._remembered, ALIGNMENTS[TEMPLATE], "central", least_score=self.detector.sure_score
        )

    @property
    def preparation(self) -> Preparation:
        """What is done with a photograph that the network is to embed."""
        return Preparation(self.detector.identity, TEMPLATE)

    @property
    def finder(self) -> FaceFinder:
        """What finds the same faces for validation."""
        return FaceFinder(self.cropper)

    def landmarks(
        self, files: Sequence[bytes | Path], *, tight: bool, progress: Progress | None = None
    ) -> Landmarks:
        """Return the landmarks in pictures, float64 (N, 5, 2); NaN where no face is found.

        `tight` crops get a border before they are searched. The faces are saved every now and
        then, so that another call goes on where this one was interrupted.
        """
        report = silent if progress is None else progress
        found = np.full((len(files), 5, 2), np.nan)
        for start in range(0, len(files), TOGETHER):
            some, known = files[start : start + TOGETHER], len(self._remembered.known)
            rows = in_batches(
                some, lambda batch, _: self._in_one(batch[0], tight), size=1,
                threads=threads_to_use(None),
            )  # fmt: skip
            for i, row in enumerate(rows, start):
                found[i] = row
                report("finding faces", i + 1, len(files))
            if len(self._remembered.known) > known:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._remembered.save(self.path)
        return found

    def _in_one(self, file: bytes | Path, tight: bool) -> Landmarks:
        """Return the landmarks (5, 2) of one picture."""
        picture = read(file)
        border = border_of(picture) if tight else 0
        try:
            (face,) = self.cropper.find(bordered(picture, border), "a picture", threads=1)
        except NoFaceError:
            return np.full((5, 2), np.nan)
        return np.array(face.landmarks, np.float64) - border


def border_of(picture: Picture) -> int:
    """Return the width in pixels of the border that a tight crop gets."""
    return round(BORDER * len(picture))


def bordered(picture: Picture, border: int) -> Picture:
    """Return a picture (H, W, 3) with a blurred border of its own edges, so many pixels wide."""
    if not border:
        return picture
    wide = np.pad(picture, ((border, border), (border, border), (0, 0)), mode="edge")
    wide = blurred(wide, BORDER_BLUR)
    wide[border:-border, border:-border] = picture
    return wide
