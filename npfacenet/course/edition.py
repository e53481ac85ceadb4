"""The editions of the assignment, with the functions of its notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npfacenet.course.encodings import (
    Encoding,
    database_entry,
    encoding_distance,
    finite_margin,
    require_mapping,
    three_encodings,
)
from npfacenet.errors import (
    ArgumentError,
    GalleryError,
    ImageError,
    WeightsError,
    printable,
    quoted,
)
from npfacenet.images import ImageSource, preprocessing, read, require_contrast, resize, source_name
from npfacenet.models import Model
from npfacenet.networks import sole

THRESHOLD = 0.7


@dataclass(frozen=True)
class Edition:
    """One edition of the assignment.

    `size` is the side of its network's pictures in pixels; `resizes` says whether other pictures
    are resized to it; `welcome` is what `verify` prints when the door opens.
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
        """Return the sum over the batch of max(|a - p|^2 - |a - n|^2 + alpha, 0).

        `y_pred` holds the encodings of anchors, positives and negatives, each (m, D), as a list
        of three or an array (3, m, D); `y_true` is ignored. The loss is computed in float64 and
        returned as float32 if all three are float32 or float16, else as float64. Schroff et al.
        2015, "FaceNet", equation 3.

        >>> triplet = [[[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]]
        >>> float(edition_2021.triplet_loss(None, triplet, alpha=3))
        1.0

        Raises ArgumentError unless `y_pred` is three arrays of finite numbers with the same
        non-empty shape (m, D) and alpha a finite number, and for a loss that its dtype cannot hold.
        """
        margin = finite_margin(alpha)
        anchor, positive, negative = each = three_encodings(y_pred)
        exact = np.result_type(np.float64, *each)
        with np.errstate(all="ignore"):  # what overflows is refused below
            to_positive = np.square(np.subtract(anchor, positive, dtype=exact)).sum(axis=-1)
            to_negative = np.square(np.subtract(anchor, negative, dtype=exact)).sum(axis=-1)
            losses = np.maximum(to_positive - to_negative + margin, 0.0)
            loss: np.floating = losses.sum().astype(np.result_type(np.float32, *each))
        if not np.isfinite(loss):
            raise ArgumentError(
                "the encodings are too large: their triplet loss is not a finite number"
            )
        return loss

    def img_to_encoding(self, image_path: ImageSource, model: Model) -> Encoding:
        """Return the encoding of a picture, float32 (1, 128), of unit length.

        Pixels are divided by 255, whatever the model's card says, and colours are not converted by
        the picture's profile, as in the assignment. Raises ImageError for a picture that cannot be
        read, has no contrast, or (2017) is not 96x96; ArgumentError for anything but a model of the
        edition's picture size; WeightsError if its weights give no vectors of unit length.
        """
        self._require_model(model)
        picture = read(image_path, colours="stored")
        require_contrast(picture, source_name(image_path))
        if self.resizes:
            picture = resize(picture, self.size, "nearest")
        elif picture.shape != (self.size, self.size, 3):
            raise ImageError(
                f"{source_name(image_path)} has {picture.shape[1]}x{picture.shape[0]} pixels; the "
                f"{self.year} edition takes {self.size}x{self.size} only and resizes nothing"
            )
        scaled = preprocessing("unit").scale(picture[np.newaxis])
        encoding = sole(model.plan.run(scaled))
        with np.errstate(all="ignore"):
            length = float(np.linalg.norm(encoding))
        if not abs(length - 1) < 1e-3:
            raise WeightsError(
                f"the weights ({model.card.source}) give an encoding of length {length:g} instead "
                "of 1; they are damaged, or not those of a trained network"
            )
        return encoding

    def _require_model(self, model: Model) -> None:
        if not isinstance(model, Model):
            raise ArgumentError(f"model is what npfacenet.load returns, not {quoted(model)}")
        if model.network.input_shape[0] != self.size:
            raise ArgumentError(
                f"the {self.year} edition's network takes {self.size}x{self.size} pixels, and "
                f"{model.network.name} {model.network.input_shape[0]}: load the other model, or "
                "use the other edition"
            )

    def verify(
        self,
        image_path: str | os.PathLike[str],
        identity: str,
        database: Mapping[str, npt.ArrayLike],
        model: Model,
    ) -> tuple[np.float32, bool]:
        """Print whether the picture shows `identity`; return (distance, door_open).

        `database` maps each name to one encoding, (1, 128) or (128,). Raises GalleryError for a
        name that is not in the database (the notebook: KeyError) and for a database that is not a
        mapping; EmbeddingError or FingerprintError, naming the person, for an entry that is not one
        finite vector of this model; and what `img_to_encoding` raises.
        """
        require_mapping(database)
        if not isinstance(identity, str):
            raise ArgumentError(f"identity is a name in the database, not {quoted(identity)}")
        if identity not in database:
            raise GalleryError(f"nobody in the database is called {quoted(identity)}")
        self._require_model(model)
        known = database_entry(identity, database[identity], model)
        dist = encoding_distance(self.img_to_encoding(image_path, model), known, identity)
        door_open = bool(dist < THRESHOLD)
        if door_open:
            print(f"It's {printable(identity)}, {self.welcome}")
        else:
            print(f"It's not {printable(identity)}, please go away")
        return dist, door_open

    def who_is_it(
        self,
        image_path: str | os.PathLike[str],
        database: Mapping[str, npt.ArrayLike],
        model: Model,
    ) -> tuple[np.float32, str]:
        """Print whom in the database the picture shows; return (distance, name).

        For a stranger it prints "Not in the database." and still returns a name: a defect of the
        notebook. Raises GalleryError for an empty database (the notebook: UnboundLocalError) and
        for names that are not text, and what `verify` raises, for every entry.
        """
        require_mapping(database)
        if not len(database):
            raise GalleryError("the database is empty; the notebook fails here too")
        self._require_model(model)
        people = {name: database_entry(name, known, model) for name, known in database.items()}
        encoding = self.img_to_encoding(image_path, model)
        distances = {
            name: encoding_distance(encoding, known, name) for name, known in people.items()
        }
        identity = min(distances, key=lambda name: distances[name])
        min_dist = distances[identity]
        if min_dist > THRESHOLD:
            print("Not in the database.")
        else:  # the distance as NumPy writes a float32
            print(f"it's {printable(identity)}, the distance is {min_dist!s}")
        return min_dist, identity


edition_2017 = Edition(2017, 96, resizes=False, welcome="welcome home!")
edition_2021 = Edition(2021, 160, resizes=True, welcome="welcome in!")
