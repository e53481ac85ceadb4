"""What every operation of a plan has: the shapes it works on, and the calls that it makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from npfacenet.inference.view import View
from npfacenet.layers import Shape
from npfacenet.layers.window import Margins

Call: TypeAlias = Callable[[], object]


class Step(ABC):
    """An operation bound to shapes and a number of pictures, but not to memory yet.

    `borders` are the zeros that it wants around its inputs (none if empty), `scratch` the numbers of memory that
    nobody else uses while it runs, `kind` how it works, `cost` about how many nanoseconds it takes.
    """

    kind: str = ""
    scratch: int = 0
    cost: float = 0.0
    borders: tuple[Margins, ...] = ()

    @abstractmethod
    def calls(self, inputs: Sequence[View], outputs: Sequence[View], scratch: View) -> list[Call]:
        """What is to be called, in order, for inputs and outputs that lie there."""


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
    def step(self, batch: int, *inputs: Shape) -> Step:
        """The operation for so many pictures of these shapes."""

    def multiply_adds(self, *inputs: Shape) -> int:
        """Multiplications with addition for one picture, as the readable layer counts them."""
        return 0


def pieces(batch: int, rows: int, numbers: int, budget: int) -> Iterator[tuple[slice, slice]]:
    """Cut (pictures, rows of each) so that a piece of `numbers` a row stays within the budget.

    Whole pictures, as many as fit, or rows of one picture if not even one fits.

    >>> [(p.start, p.stop, r.stop) for p, r in pieces(3, 4, 10, budget=80)]
    [(0, 2, 4), (2, 3, 4)]
    """
    together = min(batch, budget // max(rows * numbers, 1))
    if together >= 1:
        count = -(-batch // together)
        for i in range(count):
            yield slice(batch * i // count, batch * (i + 1) // count), slice(0, rows)
        return
    count = -(-rows // max(budget // numbers, 1))
    for picture in range(batch):
        for i in range(count):
            yield slice(picture, picture + 1), slice(rows * i // count, rows * (i + 1) // count)


def largest(batch: int, rows: int, budget_pieces: Sequence[tuple[slice, slice]]) -> int:
    """The most rows (of all its pictures together) that one of the pieces has."""
    return max((p.stop - p.start) * (r.stop - r.start) for p, r in budget_pieces)
