"""Blocks of embeddings: vectors, and whose each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

NOBODY = 0
"""The number in place of a person's where a block has no embedding."""
UNIT = 1e-6
"""By how much half the square of a unit vector's length may differ from 1/2."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some embeddings of a gallery: `vectors` float32 (N, D), `people` int64 (N,), from 1.

    A place whose person is `NOBODY` is empty. Neither array may change any more. `half_squares`,
    float32 (N,), are half the squares of the lengths; `longest` is the greatest length, NaN or
    infinite if a number is; `full` tells that no place is empty, and `unit` that all lengths are 1
    but for rounding.
    """

    vectors: Vectors
    people: Numbers
    half_squares: Vectors = field(init=False)
    longest: float = field(init=False)
    full: bool = field(init=False)
    unit: bool = field(init=False)

    def __post_init__(self) -> None:
        half = _squares(self.vectors)
        half /= 2
        greatest = float(half.max(initial=0))  # empty places hold zeros
        empty = self.people == NOBODY
        full = not empty.any()
        occupied = half if full else half[~empty]
        unit = bool((np.abs(occupied - 0.5) <= UNIT).all())
        with np.errstate(over="ignore"):  # `longest` tells
            object.__setattr__(self, "half_squares", half.astype(np.float32, copy=False))
        object.__setattr__(self, "longest", float(np.sqrt(2 * greatest)))
        object.__setattr__(self, "full", full)
        object.__setattr__(self, "unit", unit)


def _squares(vectors: Vectors) -> npt.NDArray[np.floating]:
    """Return the squares of the lengths of vectors (N, D), in float64 where float32 overflows."""
    squares: npt.NDArray[np.floating]
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
    if np.isfinite(squares).all():
        return squares
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return squares
