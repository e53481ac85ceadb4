"""What every operation of a plan has: the shapes it works on, and the calls that it makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from npfacenet.inference.region import Region
from npfacenet.layers import Shape
from npfacenet.layers.window import Margins

Call: TypeAlias = Callable[[], object]


class SizedOperation(ABC):
    """An operation bound to shapes and a number of pictures, but not to memory yet.

    `borders` are the zeros that it wants around its inputs (none if empty), `scratch` the numbers
    of memory that nobody else uses while it runs, `kind` how it works, and `cost` about how many
    nanoseconds it takes.
    """

    kind: str = ""
    scratch: int = 0
    cost: float = 0.0
    borders: tuple[Margins, ...] = ()

    @abstractmethod
    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """What is to be called, in order, for inputs and outputs that lie there."""

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """The ways in which two cores can share the step; none if it is not worth it."""
        return []


class Sliced(SizedOperation):
    """A step that fills a part of its outputs, along one of their axes."""

    def __init__(
        self, step: SizedOperation, axis: int, start: int, stop: int, *, of_inputs: bool
    ) -> None:
        self.kind, self.scratch, self.cost = step.kind, step.scratch, step.cost
        self._step, self._range, self._of_inputs = step, (axis, start, stop), of_inputs

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """The step's, with the part of the outputs, and of the inputs too with `of_inputs`."""
        if self._of_inputs:
            inputs = [view.part(*self._range) for view in inputs]
        return self._step.calls(inputs, [view.part(*self._range) for view in outputs], scratch)


@dataclass(frozen=True, eq=False)
class Operation(ABC):
    """A node of a folded network: reads tensors and writes tensors, all by name.

    `in_place` is the input whose memory may become the output's, None if there is none.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    in_place: ClassVar[int | None] = None

    @abstractmethod
    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of each output for one picture."""

    @abstractmethod
    def sized(self, batch: int, *inputs: Shape) -> SizedOperation:
        """The operation for so many pictures of these shapes."""

    def multiply_adds(self, *inputs: Shape) -> int:
        """Multiplications with addition for one picture, as the readable layer counts them."""
        return 0


def partition(batch: int, rows: range, numbers: int, budget: int) -> list[tuple[slice, slice]]:
    """Cut (pictures, rows of each) so that a piece of `numbers` a row stays within the budget.

    Whole pictures, as many as fit, or rows of one picture if not even one fits.

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


def row_counts(cut: Sequence[tuple[slice, slice]]) -> set[int]:
    """The rows of all its pictures together that each of the pieces has."""
    return {(p.stop - p.start) * (r.stop - r.start) for p, r in cut}


def halves_of_rows(
    rows: range, step: Callable[[range], SizedOperation]
) -> list[tuple[SizedOperation, SizedOperation]]:
    """A step for each half of the rows, as the only way; no way if there is but one row."""
    middle = len(rows) // 2
    return [(step(rows[:middle]), step(rows[middle:]))] if middle else []


def _cuts(length: int, count: int) -> list[slice]:
    return [slice(length * i // count, length * (i + 1) // count) for i in range(count)]
