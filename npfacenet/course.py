"""The deeplearning.ai assignment's own functions, so that a notebook runs by changing its imports.

    from npfacenet.course import img_to_encoding, triplet_loss, verify, who_is_it

is the 2021 edition (Inception-ResNet-v1, 160x160); `edition_2017` has the same names for the
first one (nn4.small2, 96x96). Signatures, return values and printed sentences are the
notebook's, and so are its defects; `npfacenet.verify` and `npfacenet.identify` do it right
(distances differ by about 1 % from what the notebook printed, because JPEG decoders differ):

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
from itertools import islice

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, real_array
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    GalleryError,
    ImageError,
    NpfacenetError,
    WeightsError,
    printable,
    quoted,
)
from npfacenet.images import ImageSource, preprocessing, read, require_contrast, resize, source_name
from npfacenet.models import Embeddings, Model
from npfacenet.networks import sole

__all__ = [
    "Edition", "edition_2017", "edition_2021",
    "img_to_encoding", "triplet_loss", "verify", "who_is_it",
]  # fmt: skip

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

        `y_pred` holds the encodings of anchors, positives and negatives, each (m, D), as a list
        of three or an array (3, m, D); `y_true` is not looked at. Computed in float64; the
        result is float32 where all three are float32 or float16, else float64. Schroff et al.
        2015, "FaceNet", equation 3.

        >>> float(triplet_loss(None, [[[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]], alpha=3))
        1.0

        Raises ArgumentError for anything but three arrays of finite numbers of one shape (m, D)
        that is not empty, for an alpha that is not a finite number, and for a loss that its
        dtype cannot hold.
        """
        margin = _margin(alpha)
        anchor, positive, negative = each = _three(y_pred)
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
        """The encoding of a picture, float32 (1, 128), of unit length.

        Pixels are divided by 255, whatever the model's card says, and colours are taken as they
        are stored: the assignment converts no colour profile. Raises ImageError for a picture
        that cannot be read, has no contrast, or (2017) is not 96x96; ArgumentError for anything
        but a model of the edition's picture size; WeightsError if its weights give no encoding.
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
        """Print whether the picture shows `identity`; returns (distance, door_open).

        `database` maps each name to one encoding, (1, 128) or (128,). Raises GalleryError for a
        name that is not in the database (the notebook: KeyError) or a database that is not a
        mapping, EmbeddingError (FingerprintError) naming the person whose entry is not one
        finite vector of the model's length, and what `img_to_encoding` raises.
        """
        _require_mapping(database)
        if not isinstance(identity, str):
            raise ArgumentError(f"identity is a name in the database, not {quoted(identity)}")
        if identity not in database:
            raise GalleryError(f"nobody in the database is called {quoted(identity)}")
        self._require_model(model)
        known = _entry(identity, database[identity], model)
        dist = _distance(self.img_to_encoding(image_path, model), known, identity)
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
        """Print who of the database the picture shows; returns (distance, name).

        A name is returned for a stranger too, with "Not in the database." printed: that is
        the notebook's defect. Raises GalleryError for an empty database (the notebook:
        UnboundLocalError) and for names that are not text, and what `verify` raises, for every
        entry.
        """
        _require_mapping(database)
        if not len(database):
            raise GalleryError("the database is empty; the notebook fails here too")
        self._require_model(model)
        people = {name: _entry(name, known, model) for name, known in database.items()}
        encoding = self.img_to_encoding(image_path, model)
        distances = {name: _distance(encoding, known, name) for name, known in people.items()}
        identity = min(distances, key=lambda name: distances[name])
        min_dist = distances[identity]
        if min_dist > THRESHOLD:
            print("Not in the database.")
        else:  # the distance as NumPy writes a float32
            print(f"it's {printable(identity)}, the distance is {min_dist!s}")
        return min_dist, identity


def _require_mapping(database: object) -> None:
    if not isinstance(database, Mapping):
        raise GalleryError(
            "the database is a dict of names and encodings (img_to_encoding), not "
            f"{quoted(database)}"
        )


def _entry(name: object, known: npt.ArrayLike, model: Model) -> Encoding:
    """What the database has of a person: one finite vector of the model's length, or an error.

    NumPy would compare an empty one with anything and find no difference, and several, or a
    column, with a distance to all of them at once.
    """
    if not isinstance(name, str):
        raise GalleryError(f"a name in the database is text, not {quoted(name)}")
    if isinstance(known, Embeddings) and known.fingerprint is not None:
        _require_comparable(name, known.fingerprint, model)
    whose = f"the database's entry for {quoted(name)}"
    numbers = _numbers(known, whose, EmbeddingError)
    length = model.network.output_shape[-1]
    if numbers.shape not in ((length,), (1, length)):
        raise EmbeddingError(
            f"{whose} is one encoding of the model, of shape (1, {length}) or ({length},), not "
            f"{numbers.shape}; npfacenet.identify takes several for a person"
        )
    with np.errstate(over="ignore"):
        vector = numbers.astype(np.float32).reshape(1, length)
    if not np.isfinite(vector).all():
        raise EmbeddingError(f"{whose} holds numbers that are too large for an encoding")
    return vector


def _require_comparable(name: str, fingerprint: str, model: Model) -> None:
    if fingerprint != model.fingerprint or model.card.preprocessing != "unit":
        raise FingerprintError(
            f"the database's entry for {quoted(name)} was made by another model, or from pixels "
            "that were not divided by 255; make it with img_to_encoding"
        )


def _distance(encoding: Encoding, known: Encoding, name: str) -> np.float32:
    with np.errstate(over="ignore"):
        distance = np.float32(np.linalg.norm(encoding - known))
    if not np.isfinite(distance):
        raise EmbeddingError(f"the database's entry for {quoted(name)} holds numbers too large")
    return distance


def _three(y_pred: object) -> tuple[npt.NDArray[np.generic], ...]:
    """Anchors, positives and negatives; ArgumentError unless they have one shape (m, D)."""
    names = ("anchor", "positive", "negative")
    try:
        # One more than there should be: y_pred may be a generator without end.
        given: tuple[object, ...] = tuple(islice(y_pred, len(names) + 1))  # type: ignore[call-overload]  # refused here
    except Exception as error:
        raise ArgumentError("y_pred is a list of anchor, positive and negative") from error
    if len(given) != len(names) or isinstance(y_pred, (str, bytes, Mapping)):
        raise ArgumentError(
            f"y_pred is a list of anchor, positive and negative, not {quoted(y_pred)}"
        )
    three = tuple(map(_numbers, given, names, (ArgumentError,) * len(names)))
    shapes = [each.shape for each in three]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ArgumentError(
            "anchor, positive and negative have one shape (m, D) and are not empty; they have "
            f"{', '.join(map(str, shapes))}"
        )
    return three


def _margin(alpha: object) -> float:
    margin = finite_number(alpha)
    if margin is None:
        raise ArgumentError(f"alpha is a finite number, not {quoted(alpha)}")
    return margin


def _numbers(given: object, name: str, fault: type[NpfacenetError]) -> npt.NDArray[np.generic]:
    """An array of finite numbers, as they were given; integers as float64, which do not wrap."""
    array = real_array(given, f"the numbers of {name}", fault)
    numbers = np.asarray(array, np.float64 if array.dtype.kind in "iu" else None)
    if not np.isfinite(numbers).all():
        raise fault(f"{name} holds NaN or infinity, to which there is no distance")
    return numbers


edition_2017 = Edition(2017, 96, resizes=False, welcome="welcome home!")
edition_2021 = Edition(2021, 160, resizes=True, welcome="welcome in!")

triplet_loss = edition_2021.triplet_loss
img_to_encoding = edition_2021.img_to_encoding
verify = edition_2021.verify
who_is_it = edition_2021.who_is_it


def __dir__() -> list[str]:
    return sorted(__all__)
