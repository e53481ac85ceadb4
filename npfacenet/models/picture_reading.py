"""Reading pictures for a network: one by one as they are given, prepared in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import ImageError, NoFaceError
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


@dataclass(frozen=True)
class PreparedPictures:
    """Network inputs, each float32 (1, S, S, 3), with their pictures' names and positions.

    `faces` tells which face each input shows, if a detector found it. `skipped` lists the pictures
    without an input, `count` is the number of all pictures.
    """

    count: int
    inputs: list[npt.NDArray[np.float32]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    faces: list[ChosenFace] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures and prepares them.

    `channel_order` is that of arrays. With `skip`, a picture that cannot be used is listed in
    `skipped` instead of raising ImageError.
    """

    card: Card
    ready: ReadyPreparation
    channel_order: Literal["rgb", "bgr"]
    skip: bool

    def read(
        self, batch: Sequence[tuple[int, ImageSource]], threads: int | None = None
    ) -> PreparedPictures:
        """Read pictures, each given with its position among all pictures of the call.

        A detector uses up to `threads` threads. Raises ImageError, naming the picture, for the
        first that cannot be used.
        """
        prepared = PreparedPictures(len(batch))
        for position, source in batch:
            name = source_name(source, position)
            try:
                shown = list(self._shown(source, position, threads))
            except ImageError as error:
                if not self.skip:
                    raise
                no_face = isinstance(error, NoFaceError)
                prepared.skipped.append(Skipped(name, str(error), position, no_face))
                continue
            for values, face in shown:
                prepared.inputs.append(values)
                prepared.names.append(name)
                prepared.positions.append(position)
                prepared.faces.extend([] if face is None else [face])
        return prepared

    def _shown(
        self, source: ImageSource, position: int, threads: int | None
    ) -> Iterator[tuple[npt.NDArray[np.float32], ChosenFace | None]]:
        """Yield each face of a picture as a batch of one.

        The decoded picture is dropped at the end, before another one is read.
        """
        picture = read(source, self.channel_order, position)
        name, size = named(source, position), self.card.input_size
        if self.ready.cropper is not None:
            for crop in self.ready.cropper.crops(picture, size, name, threads=threads):
                require_contrast(crop.pixels, name)
                yield scaled(crop.pixels, self.card), crop.face
            return
        cropped = self._cropped(picture, name)
        seen = square(cropped, self.card)
        require_contrast(seen, name)
        if min(cropped.shape[:2]) < len(seen):  # enlarged noise becomes patches, as structure does
            require_contrast(cropped, name)
        yield scaled(seen, self.card), None

    def _cropped(self, picture: Picture, name: str) -> Picture:
        crop = self.ready.preparation.crop
        if crop is None:
            return picture
        try:
            return centre_crop(picture, crop)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error
