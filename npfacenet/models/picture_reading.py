"""Reading pictures for a network: one by one as they are given, prepared in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import FaceError, ImageError
from npfacenet.faces.choice import ChosenFace
from npfacenet.images import (
    ImageSource,
    centre_crop,
    named,
    read,
    require_contrast,
    source_name,
)
from npfacenet.models.embeddings import Skipped
from npfacenet.models.face_options import ReadyPreparation
from npfacenet.models.network_inputs import Picture, scaled, square

if TYPE_CHECKING:
    from npfacenet.faces.cropping import FaceCropper


@dataclass(frozen=True)
class PreparedPictures:
    """Network inputs, each float32 (1, S, S, 3), with their pictures' names and positions.

    `faces` tells which face each input shows, if a detector found it. `skipped` lists the pictures
    without an input, `count` is the number of all pictures. `looks` holds what `PictureReader.look`
    returned for each input.
    """

    count: int
    inputs: list[npt.NDArray[np.float32]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    faces: list[ChosenFace] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    looks: list[object] = field(default_factory=list)

    def add(
        self,
        values: npt.NDArray[np.float32],
        name: str,
        position: int,
        face: ChosenFace | None = None,
    ) -> None:
        """Add an input."""
        self.inputs.append(values)
        self.names.append(name)
        self.positions.append(position)
        self.faces.extend([] if face is None else [face])

    def skip(self, name: str, error: ImageError, position: int) -> None:
        """List a picture, or a face of it, that cannot be used."""
        self.skipped.append(Skipped(name, str(error), position, isinstance(error, FaceError)))


Look: TypeAlias = "Callable[[Picture, ChosenFace | None], object]"
"""Called with a photograph, uint8 (H, W, 3) in RGB, and the face in it that is embedded."""
OnError: TypeAlias = Literal["raise", "skip", "skip-no-face"]
_SKIPPED: dict[OnError, tuple[type[ImageError], ...]] = {
    "raise": (),
    "skip": (ImageError,),
    "skip-no-face": (FaceError,),
}


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures and prepares them.

    `channel_order` is that of arrays. `on_error` says which pictures that cannot be used are listed
    in `skipped` instead of raising ImageError, as in `Model.embed`. `look` sees each photograph
    while it is in memory.
    """

    card: Card
    ready: ReadyPreparation
    channel_order: Literal["rgb", "bgr"]
    on_error: OnError
    look: Look | None = None

    def read(
        self, batch: Sequence[tuple[int, ImageSource]], threads: int | None = None
    ) -> PreparedPictures:
        """Read pictures, each given with its position among all pictures of the call.

        A detector uses up to `threads` threads. Raises ImageError, naming the picture, for the
        first that cannot be used.
        """
        prepared = PreparedPictures(len(batch))
        for position, source in batch:
            try:
                if self.ready.cropper is None:
                    self._add_crop(prepared, source, position)
                else:
                    self._add_faces(prepared, self.ready.cropper, source, position, threads)
            except _SKIPPED[self.on_error] as error:
                prepared.skip(source_name(source, position), error, position)
        return prepared

    def _add_crop(self, prepared: PreparedPictures, source: ImageSource, position: int) -> None:
        """Add the central part of a picture."""
        name = named(source, position)
        cropped = self._cropped(read(source, self.channel_order, position), name)
        seen = square(cropped, self.card)
        require_contrast(seen, name)
        if min(cropped.shape[:2]) < len(seen):  # enlarged noise becomes patches, as structure does
            require_contrast(cropped, name)
        prepared.add(scaled(seen, self.card), source_name(source, position), position)
        if self.look is not None:
            prepared.looks.append(self.look(cropped, None))

    def _add_faces(
        self,
        prepared: PreparedPictures,
        cropper: FaceCropper,
        source: ImageSource,
        position: int,
        threads: int | None,
    ) -> None:
        """Add the chosen faces of a picture; of several, those that can be used.

        The decoded picture is dropped at the end, before another one is read.
        """
        picture = read(source, self.channel_order, position)
        name, size = named(source, position), self.card.input_size
        chosen = cropper.find(picture, name, threads=threads)
        added, faults = 0, []
        for face in chosen:
            of_it = f"{name}, face {face.index + 1} of {face.count}" if len(chosen) > 1 else name
            try:
                pixels = cropper.cut(picture, face, size, of_it)
                _require_contrast_of_face(pixels, of_it)
            except FaceError as error:
                faults.append(error)
                continue
            added += 1
            prepared.add(scaled(pixels, self.card), source_name(source, position), position, face)
            if self.look is not None:
                prepared.looks.append(self.look(picture, face))
        if not added:
            raise faults[0]
        for fault in faults:
            prepared.skip(source_name(source, position), fault, position)

    def _cropped(self, picture: Picture, name: str) -> Picture:
        crop = self.ready.preparation.crop
        if crop is None:
            return picture
        try:
            return centre_crop(picture, crop)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error


def _require_contrast_of_face(pixels: Picture, name: str) -> None:
    try:
        require_contrast(pixels, name)
    except ImageError as error:
        raise FaceError(str(error)) from error
