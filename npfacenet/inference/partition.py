"""How an operation cuts its pictures and rows into pieces that stay in a cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

Half = TypeVar("Half")
Piece: TypeAlias = tuple[slice, slice]  # pictures, and rows of each


def partition(batch: int, rows: range, numbers: int, budget: int) -> list[Piece]:
    """Cut pictures and their rows so that a piece of `numbers` a row stays within the budget.

    A piece has whole pictures, as many as fit, or rows of one picture if not even one fits.

    >>> [(p.start, p.stop, r.stop) for p, r in partition(3, range(4), 10, budget=80)]
    [(0, 1, 4), (1, 3, 4)]
    """
    first, count = rows.start, len(rows)
    together = min(batch, budget // max(count * numbers, 1))
    if together:
        cuts = _cuts(batch, -(-batch // together))
        return [(pictures, slice(first, rows.stop)) for pictures in cuts]
    cuts = _cuts(count, -(-count // max(budget // numbers, 1)))
    parts = [slice(first + cut.start, first + cut.stop) for cut in cuts]
    return [(slice(i, i + 1), part) for i in range(batch) for part in parts]


def row_counts(pieces: Sequence[Piece]) -> set[int]:
    """Return how many rows the pieces have, those of all their pictures together."""
    return {(p.stop - p.start) * (r.stop - r.start) for p, r in pieces}


def halves_of_rows(rows: range, make: Callable[[range], Half]) -> list[tuple[Half, Half]]:
    """Return a single way to share the rows, half of them each; none for one row."""
    middle = len(rows) // 2
    return [(make(rows[:middle]), make(rows[middle:]))] if middle else []


def _cuts(length: int, count: int) -> list[slice]:
    return [slice(length * i // count, length * (i + 1) // count) for i in range(count)]
