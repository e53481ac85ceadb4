"""Embeddings: the vectors, and what is needed to compare them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from operator import index
from typing import SupportsIndex, TypeVar

import numpy as np
import numpy.typing as npt

from npfacenet.arguments import is_whole, real_array
from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import EmbeddingError, OutputError, listed, quoted
from npfacenet.faces.choice import ChosenFace
from npfacenet.files.paths import checked_path
from npfacenet.models.embeddings_file import Fields, read_fields, write_fields
from npfacenet.models.json_ready import JsonReady
from npfacenet.models.made_by import MadeBy, agreed, require_threshold
from npfacenet.models.skipped import Skipped

__all__ = ["Embeddings", "Skipped"]

_OF_EACH_ROW: dict[str, type] = {"sources": str, "positions": int, "faces": ChosenFace}
_T = TypeVar("_T")


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

    @classmethod
    def concatenate(cls, several: Iterable[Embeddings]) -> Embeddings:
        """Return the rows of several Embeddings of one model, one after the other.

        Their threshold and their preparation are those on which all agree that state one. Sources
        and faces are kept if they are known of every row. What was skipped is kept. Positions are
        dropped, also from `skipped`, because each call counts its own pictures; they stay if only
        one of several holds anything.

        >>> both = Embeddings.concatenate([Embeddings.of([0.6, 0.8]), Embeddings.of([[1, 0]])])
        >>> np.asarray(both).tolist() == np.float32([[0.6, 0.8], [1, 0]]).tolist()
        True

        Raises FingerprintError for embeddings of different models or preparations; EmbeddingError
        for none at all, for vectors of different lengths, for thresholds that differ, and if some
        come from a model and others are bare arrays.
        """
        each = require_embeddings(several)
        made_by = agreed([one.made_by for one in each])
        filled = [one for one in each if len(one) or one.skipped]
        if len(filled) == 1:  # nothing is added to its rows, so their positions stay known
            positions, skipped = filled[0].positions, filled[0].skipped
        else:
            positions = ()
            skipped = tuple(replace(s, position=None) for one in filled for s in one.skipped)
        values = np.concatenate([one.values for one in each])
        return cls(
            values,
            made_by.fingerprint,
            made_by.threshold,
            _of_all_rows([one.sources for one in each], len(values)),
            skipped,
            positions,
            _of_all_rows([one.faces for one in each], len(values)),
            made_by.preparation,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read a file that `save` or `npfacenet embed` wrote.

        No pickle is opened and nothing is unpacked, so a small file cannot fill the memory. What
        a file of an earlier version does not hold is None or empty. Raises EmbeddingError, naming
        the file, the fault and the remedy, for any other file.
        """
        return cls(**read_fields(checked_path(path, "a file of embeddings", EmbeddingError)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them to a file, whole or not at all; `load` gives back exactly the same.

        The file is an archive that `numpy.load` opens (`models/embeddings_file.py` lists its
        arrays); the usual name is NAME.npz. Raises OutputError if it cannot be written, and
        EmbeddingError for what a file cannot hold exactly.
        """
        target = checked_path(path, "a file of embeddings", OutputError)
        write_fields(target, self.fields)

    @property
    def fields(self) -> Fields:
        """All that they hold, by the names of the arguments."""
        return Fields(
            values=self.values,
            fingerprint=self.fingerprint,
            threshold=self.threshold,
            sources=self.sources,
            skipped=self.skipped,
            positions=self.positions,
            faces=self.faces,
            preparation=self.preparation,
        )

    @property
    def made_by(self) -> MadeBy:
        """What all rows share: length, fingerprint, threshold and preparation."""
        return MadeBy(self.values.shape[1], self.fingerprint, self.threshold, self.preparation)

    def __post_init__(self) -> None:
        rows = _as_rows(self.values)
        if self.fingerprint is not None and not isinstance(self.fingerprint, str):
            raise EmbeddingError(f"a fingerprint is text, not {quoted(self.fingerprint)}")
        if self.threshold is not None:
            require_threshold(self.threshold)
        if self.preparation is not None and not isinstance(self.preparation, Preparation):
            raise EmbeddingError(f"a preparation is a Preparation, not {quoted(self.preparation)}")
        for name, kind in _OF_EACH_ROW.items():
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
        return self._rows(chosen)

    def _rows(self, chosen: list[int]) -> Embeddings:
        """Return these rows, whose numbers and fields were checked when `self` was made."""
        values = self.values[chosen]
        values.flags.writeable = False
        of_each = {}
        for name in _OF_EACH_ROW:
            of_all = getattr(self, name)
            of_each[name] = tuple([of_all[row] for row in chosen]) if of_all else ()
        rows = object.__new__(type(self))
        vars(rows).update(vars(self), values=values, skipped=(), **of_each)
        return rows

    def __reduce__(self) -> tuple[type[Embeddings], tuple[object, ...]]:
        # Made anew, so that a copy is read-only too.
        return Embeddings, tuple(getattr(self, field.name) for field in fields(self))

    def __iter__(self) -> Iterator[Embeddings]:
        return (self._rows([row]) for row in range(len(self)))

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


def require_embeddings(several: object) -> list[Embeddings]:
    """Return what several are, in a list; raise EmbeddingError unless all are Embeddings."""
    if not isinstance(several, Iterable) or isinstance(several, (np.ndarray, memoryview)):
        raise EmbeddingError(f"several Embeddings are passed in a list, not {quoted(several)}")
    each: list[Embeddings] = []
    for one in several:
        if not isinstance(one, Embeddings):
            raise EmbeddingError(f"only Embeddings can be compared, not {quoted(one)}")
        each.append(one)
    return each


def _of_all_rows(several: Sequence[tuple[_T, ...]], rows: int) -> tuple[_T, ...]:
    """Return what is known of each row, as one; none if it is not known of all."""
    joined = tuple(known for one in several for known in one)
    return joined if len(joined) == rows else ()


def _as_rows(values: object) -> npt.NDArray[np.float32]:
    """Return finite numbers as read-only float32 (N, D); one vector becomes one row."""
    if _is_picture(values):
        raise EmbeddingError(
            f"embeddings are numbers, not pictures or their names ({quoted(values, 60)}): embed "
            "them first, model.embed(picture)"
        )
    if isinstance(values, (list, tuple)) and any(isinstance(v, Embeddings) for v in values):
        raise EmbeddingError(
            "several Embeddings in a list are not an array: concatenate them, "
            "Embeddings.concatenate([...]), or pass them one by one"
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


def _all_of(kind: type, values: object, what: str) -> tuple[object, ...]:
    """Return the values as a tuple; raise EmbeddingError unless all are of this class."""
    if not isinstance(values, (list, tuple)):
        raise EmbeddingError(f"{what}, in a tuple, not {quoted(values)}")
    if wrong := [quoted(value, 60) for value in values if not isinstance(value, kind)]:
        raise EmbeddingError(f"{what}, not {listed(wrong, 2)}")
    return tuple(values)
