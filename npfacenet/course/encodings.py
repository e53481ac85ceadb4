"""Encodings that a notebook passes: entries of its database, and the triplets of its loss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, real_array
from npfacenet.errors import (
    ArgumentError,
    EmbeddingError,
    FingerprintError,
    GalleryError,
    NpfacenetError,
    quoted,
)
from npfacenet.models import Embeddings, Model
from npfacenet.recipes.preparation import CENTRAL_SQUARE

Encoding = npt.NDArray[np.float32]


def require_mapping(database: object) -> None:
    """Raise GalleryError unless the database is a mapping."""
    if not isinstance(database, Mapping):
        raise GalleryError(
            "the database is a dict of names and encodings (img_to_encoding), not "
            f"{quoted(database)}"
        )


def database_entry(name: object, known: npt.ArrayLike, model: Model) -> Encoding:
    """Return a person's entry in the database as float32 (1, D).

    Raises EmbeddingError or FingerprintError unless it is one finite vector of the model. Without
    this check, NumPy would broadcast: an empty entry would have distance 0 to anything, and several
    vectors, or a column, a single distance to all at once.
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
    as_here = model.fingerprint_of(CENTRAL_SQUARE)  # the notebook finds no faces
    if fingerprint != as_here or model.card.preprocessing != "unit":
        raise FingerprintError(
            f"the database's entry for {quoted(name)} was made by another model, of a face that "
            "was found first, or from pixels that were not divided by 255; make it with "
            "img_to_encoding"
        )


def encoding_distance(encoding: Encoding, known: Encoding, name: str) -> np.float32:
    """Return the distance of an encoding to a person's; raise EmbeddingError if it overflows."""
    with np.errstate(over="ignore"):
        distance = np.float32(np.linalg.norm(encoding - known))
    if not np.isfinite(distance):
        raise EmbeddingError(f"the database's entry for {quoted(name)} holds numbers too large")
    return distance


def three_encodings(y_pred: object) -> tuple[npt.NDArray[np.generic], ...]:
    """Return anchors, positives and negatives; raise ArgumentError unless their shapes agree."""
    names = ("anchor", "positive", "negative")
    try:
        # One more than needed, and no more: y_pred may be an endless generator.
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


def finite_margin(alpha: object) -> float:
    """Return alpha as a float; raise ArgumentError unless it is a finite number."""
    margin = finite_number(alpha)
    if margin is None:
        raise ArgumentError(f"alpha is a finite number, not {quoted(alpha)}")
    return margin


def _numbers(given: object, name: str, fault: type[NpfacenetError]) -> npt.NDArray[np.generic]:
    """Return an array of finite numbers; integers become float64, which does not wrap around."""
    array = real_array(given, f"the numbers of {name}", fault)
    numbers = np.asarray(array, np.float64 if array.dtype.kind in "iu" else None)
    if not np.isfinite(numbers).all():
        raise fault(f"{name} holds NaN or infinity, to which there is no distance")
    return numbers
