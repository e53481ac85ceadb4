"""Reading pictures for a network: one by one as they are given, prepared in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from npfacenet.cards import Card
from npfacenet.errors import ImageError
from npfacenet.images import ImageSource, named, read, require_contrast, source_name
from npfacenet.models.embeddings import Skipped
from npfacenet.models.network_inputs import scaled, square


@dataclass(frozen=True)
class PreparedPictures:
    """Network inputs, each float32 (1, S, S, 3), with their names, and the pictures skipped."""

    inputs: list[npt.NDArray[np.float32]]
    names: list[str]
    skipped: list[Skipped]


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures and prepares them as a card says.

    `channel_order` is that of arrays. With `skip`, a picture that cannot be used is listed in
    `skipped` instead of raising ImageError.
    """

    card: Card
    channel_order: Literal["rgb", "bgr"]
    skip: bool

    def read(self, batch: Sequence[tuple[int, ImageSource]]) -> PreparedPictures:
        """Read pictures, each given with its position among all pictures of the call.

        Raises ImageError, naming the picture, for the first that cannot be used.
        """
        prepared = PreparedPictures([], [], [])
        for position, source in batch:
            name = source_name(source, position)
            try:
                picture = read(source, self.channel_order, position)
                prepared.inputs.append(self._prepared(picture, named(source, position)))
            except ImageError as error:
                if not self.skip:
                    raise
                prepared.skipped.append(Skipped(name, str(error)))
            else:
                prepared.names.append(name)
        return prepared

    def _prepared(self, picture: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.float32]:
        """Return one decoded picture as a batch of one; large photographs are not kept."""
        seen = square(picture, self.card)
        require_contrast(seen, name)
        if min(picture.shape[:2]) < len(seen):  # enlarged noise becomes patches, as structure does
            require_contrast(picture, name)
        return scaled(seen, self.card)
