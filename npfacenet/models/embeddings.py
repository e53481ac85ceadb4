"""Embeddings: the vectors, and what is needed to compare them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from operator import index
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import finite_number, is_whole, real_array
from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import ArgumentError, EmbeddingError, listed, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.models.json_ready import JsonReady


@dataclass(frozen=True)
class Skipped(JsonReady):
    """A picture or another file that was passed over, and the reason.

    `position` is its place among the pictures of the call, from 0; None for another file.
    `no_face` tells that the picture is sound, but shows no face that can be used; with several
    faces the reason says which of them.
    """

    source: str
    reason: str
    position: int | None = None
    no_face: bool = False

    def __post_init__(self) -> None:
        texts: tuple[object, ...] = (self.source, self.reason)
        if not all(isinstance(text, str) for text in texts):
            raise ArgumentError(f"source and reason are text, not {quoted(texts)}")
        if self.position is not None and not is_whole(self.position, low=0):
            raise ArgumentError(f"a position is a whole number >= 0, not {quoted(self.position)}")


@dataclass(frozen=True, eq=False)
class Embeddings(JsonReady):
    """One vector for each picture, or for each of its faces.

    `values` is float32 (N, D), each row of unit length if a model made it; `fingerprint`
    identifies the model and the preparation of the pictures (None: unknown); `threshold` is the one
    that the model's card has for this `preparation` (None: none was measured, or unknown).

    `sources` names the picture of each row, `positions` are its places among the pictures of the
    call, from 0, and `faces` says which face it is where a detector found it; each is empty if that
    is not known. `skipped` lists the pictures that could not be used.

    It is a sequence, and can be passed to NumPy as an array:

    >>> embeddings = Embeddings.of([[0.6, 0.8], [1, 0]])
    >>> len(embeddings), np.asarray(embeddings[1])
    (2, array([[1., 0.]], dtype=float32))

    `as_json()` includes the vectors. Raises EmbeddingError unless the values are finite real
    numbers of shape (N, D) or (D,) without a mask, and for fields of another type.
    """

    values: npt.NDArray[np.float32]
    fingerprint: str | None = None
    threshold: Threshold | None = None
    sources: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    positions: tuple[int, ...] = ()
    faces: tuple[ChosenFace, ...] = ()
    preparation: Preparation | None = None

    @classmethod
    def of(cls, values: Embeddings | npt.ArrayLike) -> Embeddings:
        """Return Embeddings unchanged, and bare numbers, (N, D) or (D,), as Embeddings.

        Raises EmbeddingError as the class does; for pictures the message says how to embed them.
        """
        return values if isinstance(values, Embeddings) else cls(_as_rows(values))

    def __post_init__(self) -> None:
        rows = _as_rows(self.values)
        if self.fingerprint is not None and not isinstance(self.fingerprint, str):
            raise EmbeddingError(f"a fingerprint is text, not {quoted(self.fingerprint)}")
        if self.threshold is not None:
            _require_threshold(self.threshold)
        if self.preparation is not None and not isinstance(self.preparation, Preparation):
            raise EmbeddingError(f"a preparation is a Preparation, not {quoted(self.preparation)}")
        kinds: dict[str, type] = {"sources": str, "positions": int, "faces": ChosenFace}
        for name, kind in kinds.items():
            of_each = _all_of(kind, getattr(self, name), f"{name} are of the class {kind.__name__}")
            if of_each and len(of_each) != len(rows):
                raise EmbeddingError(f"{len(of_each)} {name} for {len(rows)} embeddings")
            object.__setattr__(self, name, of_each)
        if not all(is_whole(position, low=0) for position in self.positions):
            raise EmbeddingError(f"positions are whole numbers >= 0, not {quoted(self.positions)}")
        skipped = _all_of(Skipped, self.skipped, "what was skipped is of the class Skipped")
        object.__setattr__(self, "values", rows)
        object.__setattr__(self, "skipped", skipped)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(
        self, rows: SupportsIndex | slice | Sequence[int] | npt.NDArray[np.generic]
    ) -> Embeddings:
        """Return the embeddings of one or several pictures, always (N, D); index as in NumPy."""
        if isinstance(rows, SupportsIndex) and not isinstance(rows, (bool, np.bool_, np.ndarray)):
            row = index(rows)
            if not -len(self) <= row < len(self):
                raise IndexError(f"there are {len(self)} embeddings, so not one at {quoted(row)}")
            chosen = [row % len(self)]
        elif isinstance(rows, (slice, list, range, np.ndarray)):
            chosen = np.atleast_1d(np.arange(len(self))[rows]).ravel().tolist()
        else:
            raise IndexError(f"embeddings are picked by number, slice or list, not {quoted(rows)}")
        return replace(
            self,
            values=self.values[chosen],
            sources=tuple(self.sources[row] for row in chosen if self.sources),
            positions=tuple(self.positions[row] for row in chosen if self.positions),
            faces=tuple(self.faces[row] for row in chosen if self.faces),
            skipped=(),
        )

    def __reduce__(self) -> tuple[type[Embeddings], tuple[object, ...]]:
        # Made anew, so that a copy is read-only too.
        return Embeddings, tuple(getattr(self, field.name) for field in fields(self))

    def __iter__(self) -> Iterator[Embeddings]:
        return (self[i] for i in range(len(self)))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        if copy is False and dtype not in (None, np.float32):
            raise ValueError("converting embeddings to another dtype needs a copy")
        return np.array(self.values, dtype=dtype, copy=bool(copy) or dtype is not None)

    def __repr__(self) -> str:
        made_by = self.fingerprint[:12] if self.fingerprint else "unknown"
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"<Embeddings {self.values.shape}, fingerprint {made_by}{skipped}>"


def _as_rows(values: object) -> npt.NDArray[np.float32]:
    """Return finite numbers as read-only float32 (N, D); one vector becomes one row."""
    if _is_picture(values):
        raise EmbeddingError(
            f"embeddings are numbers, not pictures or their names ({quoted(values, 60)}): embed "
            "them first, model.embed(picture)"
        )
    if isinstance(values, (list, tuple)) and any(isinstance(v, Embeddings) for v in values):
        raise EmbeddingError(
            "several Embeddings in a list are not an array: embed the pictures in one call, "
            "model.embed([...]), or pass them one by one"
        )
    array = real_array(values, "embeddings", EmbeddingError)
    if array.ndim not in (1, 2) or array.shape[-1] == 0:
        raise EmbeddingError(f"embeddings have shape (N, D) or (D,), not {array.shape}")
    with np.errstate(over="ignore"):  # what overflows is refused below
        rows = np.array(np.atleast_2d(array), np.float32, order="C")
    if not np.isfinite(rows).all():
        raise EmbeddingError(
            "embeddings hold NaN, infinity or numbers beyond float32; distances need finite ones"
        )
    rows.flags.writeable = False
    return rows


def _is_picture(values: object) -> bool:
    """Whether this is one or several pictures, as `Model.embed` takes them."""
    if isinstance(values, (list, tuple)) and values:
        values = values[0]
    if isinstance(values, np.ndarray):
        return values.dtype == np.uint8 and values.ndim in (3, 4)
    from_pillow = any(kind.__module__.split(".")[0] == "PIL" for kind in type(values).__mro__)
    kinds = (str, bytes, bytearray, memoryview, os.PathLike)
    return from_pillow or isinstance(values, kinds)


def _require_threshold(threshold: object) -> None:
    """Raise EmbeddingError unless it is a valid Threshold."""
    if not isinstance(threshold, Threshold):
        raise EmbeddingError(
            f"the threshold of embeddings is a Threshold with its evidence, not {quoted(threshold)}"
        )
    texts: tuple[object, ...] = (threshold.evidence, threshold.metric)
    if not all(isinstance(text, str) for text in texts):
        raise EmbeddingError(f"evidence and metric of a threshold are text: {quoted(threshold)}")
    value = finite_number(threshold.value)
    if value is None or value < 0:
        raise EmbeddingError(
            f"the value of a threshold is a finite distance >= 0, not {quoted(threshold.value)}"
        )


def _all_of(kind: type, values: object, what: str) -> tuple[object, ...]:
    """Return the values as a tuple; raise EmbeddingError unless all are of this class."""
    if not isinstance(values, (list, tuple)):
        raise EmbeddingError(f"{what}, in a tuple, not {quoted(values)}")
    if wrong := [quoted(value, 60) for value in values if not isinstance(value, kind)]:
        raise EmbeddingError(f"{what}, not {listed(wrong, 2)}")
    return tuple(values)
