"""Embeddings: the numbers, and what is needed to compare them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from npfacenet.checkpoints.card import Threshold
from npfacenet.errors import EmbeddingError


@dataclass(frozen=True)
class Skipped:
    """A picture that was passed over, and why."""

    source: str
    reason: str


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One vector for each picture.

    `values` is float32 (N, D), each row of unit length if a model made it; `fingerprint`
    says which model did (None: unknown); `threshold` is that of the model's card; `sources`
    names the pictures, row by row, and `skipped` those that could not be read.

    Behaves as a sequence, and as an array where NumPy takes one:

    >>> embeddings = Embeddings.of([[0.6, 0.8], [1, 0]])
    >>> len(embeddings), np.asarray(embeddings[1])
    (2, array([[1., 0.]], dtype=float32))

    Raises EmbeddingError for values that are not finite numbers of shape (N, D).
    """

    values: npt.NDArray[np.float32]
    fingerprint: str | None = None
    threshold: Threshold | None = None
    sources: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @classmethod
    def of(cls, values: Embeddings | npt.ArrayLike) -> Embeddings:
        """Embeddings as they are; bare numbers, (N, D) or (D,), as embeddings of unknown origin."""
        if isinstance(values, Embeddings):
            return values
        try:
            array = np.asarray(values)
        except (TypeError, ValueError) as error:
            raise EmbeddingError(f"embeddings are an array of numbers (N, D): {error}") from error
        return cls(array)

    def __post_init__(self) -> None:
        values = _as_rows(self.values)
        if self.sources and len(self.sources) != len(values):
            raise EmbeddingError(f"{len(self.sources)} sources name {len(values)} embeddings")
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: SupportsIndex | slice | Sequence[int]) -> Embeddings:
        """The embedding of one picture, or of several; always (N, D). Indexes as NumPy does."""
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        sources = tuple(self.sources[row] for row in chosen) if self.sources else ()
        return replace(self, values=self.values[chosen], sources=sources, skipped=())

    def __reduce__(self) -> tuple[type[Embeddings], tuple[object, ...]]:
        fields = (self.values, self.fingerprint, self.threshold, self.sources, self.skipped)
        return Embeddings, fields  # so that a copy is as read-only as this is

    def __iter__(self) -> Iterator[Embeddings]:
        return (self[i] for i in range(len(self)))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.generic]:
        if copy is False and dtype not in (None, np.float32):
            raise ValueError("embeddings of another dtype are a copy")
        return np.array(self.values, dtype=dtype, copy=bool(copy) or dtype is not None)

    def __repr__(self) -> str:
        made_by = self.fingerprint[:12] if self.fingerprint else "unknown"
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"<Embeddings {self.values.shape}, fingerprint {made_by}{skipped}>"


def _as_rows(values: object) -> npt.NDArray[np.float32]:
    """Finite numbers as read-only float32 (N, D); one vector becomes one row."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise EmbeddingError("embeddings are an array of numbers, one row for each picture")
    if values.ndim not in (1, 2) or values.shape[-1] == 0:
        raise EmbeddingError(f"embeddings have shape (N, D) or (D,), not {values.shape}")
    with np.errstate(over="ignore"):  # what overflows is refused below
        rows = np.array(np.atleast_2d(values), np.float32)
    if not np.isfinite(rows).all():
        raise EmbeddingError("embeddings hold NaN or infinity, to which there is no distance")
    rows.flags.writeable = False
    return rows
