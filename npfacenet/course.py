"""The deeplearning.ai assignment's own functions, so that a notebook runs by changing its imports.

    from npfacenet.course import img_to_encoding, triplet_loss, verify, who_is_it

is the 2021 edition (Inception-ResNet-v1, 160x160); `edition_2017` has the same names for the
first one (nn4.small2, 96x96). Signatures, return values and printed sentences are the
notebook's, and so are its defects; `npfacenet.verify` and `npfacenet.identify` do it right:

| the notebook | `npfacenet` |
| --- | --- |
| `verify` opens the door below 0.7, `who_is_it` accepts up to 0.7 | one comparison, `<=`, in both |
| `who_is_it` returns a name even when it printed "Not in the database." | `match` is None |
| `who_is_it` fails on an empty database | `match` is None, no candidates |
| 0.7, whatever the model | the threshold of the model's card, with its evidence |
| 2017: a picture must be 96x96 already | cropped to its central square and resized |
| 2021: a picture that is not square is distorted | cropped to its central square |
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.errors import ArgumentError, GalleryError, ImageError
from npfacenet.images import ImageSource, describe, preprocessing, read, resize
from npfacenet.models import Model

Encoding = npt.NDArray[np.float32]
THRESHOLD = 0.7


@dataclass(frozen=True)
class Edition:
    """One edition of the assignment.

    `size` is the side of the picture that its network takes; `resizes` says whether pictures
    of other sizes are resized to it; `welcome` is what `verify` prints before the door opens.
    """

    year: int
    size: int
    resizes: bool
    welcome: str

    @staticmethod
    def triplet_loss(
        y_true: object,  # noqa: ARG004 (Keras passes it)
        y_pred: Sequence[npt.ArrayLike],
        alpha: float = 0.2,
    ) -> np.floating:
        """The sum over the batch of max(|a - p|^2 - |a - n|^2 + alpha, 0).

        `y_pred` holds the encodings of anchors, positives and negatives, each (m, 128);
        `y_true` is not looked at. Schroff et al. 2015, "FaceNet", equation 3.

        >>> float(triplet_loss(None, [[[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]], alpha=3))
        1.0

        Raises ArgumentError for anything but three arrays of one shape (m, D).
        """
        try:
            anchor, positive, negative = (np.asarray(y) for y in y_pred)
        except (TypeError, ValueError) as error:
            raise ArgumentError("y_pred is a list of anchor, positive and negative") from error
        if anchor.ndim != 2 or not anchor.shape == positive.shape == negative.shape:
            raise ArgumentError(
                "anchor, positive and negative have one shape (m, D), not "
                f"{anchor.shape}, {positive.shape}, {negative.shape}"
            )
        to_positive = np.square(anchor - positive).sum(axis=-1)
        to_negative = np.square(anchor - negative).sum(axis=-1)
        loss: np.floating = np.maximum(to_positive - to_negative + alpha, 0.0).sum()
        return loss

    def img_to_encoding(self, image_path: ImageSource, model: Model) -> Encoding:
        """The encoding of a picture, float32 (1, 128), of unit length.

        Pixels are divided by 255, whatever the model's card says. Raises ImageError for a
        picture that cannot be read, or (2017) is not 96x96, and ArgumentError for a model
        that takes pictures of another size than the edition.
        """
        if model.network.input_shape[0] != self.size:
            raise ArgumentError(
                f"the {self.year} edition's network takes {self.size}x{self.size} pixels, and "
                f"{model.network.name} {model.network.input_shape[0]}: load the other model, or "
                "use the other edition"
            )
        picture = read(image_path)
        if self.resizes:
            picture = resize(picture, self.size, "nearest")
        elif picture.shape != (self.size, self.size, 3):
            raise ImageError(
                f"{describe(image_path)} has {picture.shape[1]}x{picture.shape[0]} pixels; the "
                f"{self.year} edition takes {self.size}x{self.size} only and resizes nothing"
            )
        scaled = preprocessing("unit").scale(picture[np.newaxis])
        return model.plan.run(scaled)

    def verify(
        self,
        image_path: str | os.PathLike[str],
        identity: str,
        database: Mapping[str, npt.ArrayLike],
        model: Model,
    ) -> tuple[np.float32, bool]:
        """Print whether the picture shows `identity`; returns (distance, door_open).

        Raises GalleryError for a name that is not in the database (the notebook: KeyError).
        """
        if identity not in database:
            raise GalleryError(f"nobody in the database is called {identity!r}")
        dist = _distance(self.img_to_encoding(image_path, model), database[identity])
        door_open = bool(dist < THRESHOLD)
        if door_open:
            print(f"It's {identity}, {self.welcome}")
        else:
            print(f"It's not {identity}, please go away")
        return dist, door_open

    def who_is_it(
        self,
        image_path: str | os.PathLike[str],
        database: Mapping[str, npt.ArrayLike],
        model: Model,
    ) -> tuple[np.float32, str]:
        """Print who of the database the picture shows; returns (distance, name).

        A name is returned for a stranger too, with "Not in the database." printed: that is
        the notebook's defect. Raises GalleryError for an empty database (the notebook:
        UnboundLocalError).
        """
        if not database:
            raise GalleryError("the database is empty; the notebook fails here too")
        encoding = self.img_to_encoding(image_path, model)
        distances = {name: _distance(encoding, known) for name, known in database.items()}
        identity = min(distances, key=lambda name: distances[name])
        min_dist = distances[identity]
        if min_dist > THRESHOLD:
            print("Not in the database.")
        else:
            print(f"it's {identity}, the distance is {min_dist!s}")  # as NumPy writes a float32
        return min_dist, identity


def _distance(encoding: Encoding, known: npt.ArrayLike) -> np.float32:
    return np.float32(np.linalg.norm(encoding - np.asarray(known, np.float32)))


edition_2017 = Edition(2017, 96, resizes=False, welcome="welcome home!")
edition_2021 = Edition(2021, 160, resizes=True, welcome="welcome in!")

triplet_loss = edition_2021.triplet_loss
img_to_encoding = edition_2021.img_to_encoding
verify = edition_2021.verify
who_is_it = edition_2021.who_is_it
