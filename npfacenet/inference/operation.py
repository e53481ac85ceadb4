"""Operations: what a folded network consists of, and what they become for sizes and memory.

An `Operation` reads and writes tensors by name. For a batch of pictures of one size it becomes a
`SizedOperation`, which knows its cost and how much scratch memory it needs. Once its tensors have
their places in memory, that becomes a list of `Call`s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

import numpy as np

from npfacenet.inference.activation import Activation
from npfacenet.inference.call import Call
from npfacenet.inference.costs import Costs
from npfacenet.inference.partition import halves_of_rows
from npfacenet.inference.region import Region
from npfacenet.layers import Array, Shape
from npfacenet.layers.window import Margins


class SizedOperation(ABC):
    """An operation for a batch of pictures of one size, without memory yet.

    `kind` says how it works, `cost` is its time in nanoseconds, roughly, `borders` are the zeros
    that it needs around its inputs (none if empty), and `scratch` counts the numbers of memory
    that it needs for itself while it runs.
    """

    kind: str = ""
    cost: float = 0.0
    scratch: int = 0
    borders: tuple[Margins, ...] = ()

    @abstractmethod
    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """Return the calls, in order, for tensors and scratch memory in these regions."""

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Return the ways in which two cores can share it; none if that does not pay."""
        return []


class Sliced(SizedOperation):
    """An operation that fills a slice of its outputs, along one of their axes.

    It costs `more` nanoseconds than the operation alone.
    """

    def __init__(
        self,
        operation: SizedOperation,
        axis: int,
        start: int,
        stop: int,
        *,
        of_inputs: bool,
        more: float = 0.0,
    ) -> None:
        self.kind, self.scratch = operation.kind, operation.scratch
        self.cost = operation.cost + more
        self.borders = operation.borders
        self._operation, self._slice, self._of_inputs = operation, (axis, start, stop), of_inputs

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """The operation's calls for the slice of the outputs; with `of_inputs` of inputs too."""
        if self._of_inputs:
            inputs = [region.part(*self._slice) for region in inputs]
        outputs = [region.part(*self._slice) for region in outputs]
        return self._operation.calls(inputs, outputs, scratch)


Make: TypeAlias = Callable[[Sequence[Region], Sequence[Region], Region], list[Call]]


class SimpleOperation(SizedOperation):
    """An operation whose calls are made by a function, all pictures at once.

    `rows` is how many rows a picture has that can be computed apart; 0 if they cannot.
    """

    def __init__(
        self, kind: str, make: Make, cost: float = 0.0, *, rows: int = 0, scratch: int = 0
    ) -> None:
        self.kind, self.cost, self.scratch = kind, cost, scratch
        self._make, self._rows = make, rows

    def halves(self) -> list[tuple[SizedOperation, SizedOperation]]:
        """Half of the rows each."""
        half = SimpleOperation(self.kind, self._make, self.cost / 2, scratch=self.scratch)
        return halves_of_rows(
            range(self._rows), lambda rows: Sliced(half, 1, rows.start, rows.stop, of_inputs=True)
        )

    def calls(
        self, inputs: Sequence[Region], outputs: Sequence[Region], scratch: Region
    ) -> list[Call]:
        """The calls that the function makes."""
        return self._make(inputs, outputs, scratch)


@dataclass(frozen=True, eq=False)
class Operation(ABC):
    """A node of a folded network.

    `in_place` is the index of the input whose memory may become the output's; None if there is
    none.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    in_place: ClassVar[int | None] = None

    @abstractmethod
    def sized(self, costs: Costs, batch: int, *inputs: Shape) -> SizedOperation:
        """Return the operation for `batch` pictures whose inputs have these shapes."""

    def multiply_adds(self, *inputs: Shape) -> int:
        """Count multiplications with addition for one picture, as the readable layer does."""
        return 0

    def scaled(self, factor: Array | np.float32, shift: Array | None) -> Self | None:
        """Return one operation that computes output * factor + shift; None if there is none."""
        return None

    def activated(self, activation: Activation) -> Self | None:
        """Return one operation that computes activation(output); None if there is none."""
        return None

    def bare(self) -> tuple[Self, Array | None, Activation] | None:
        """Return the operation without its bias and activation, and both; None if it has none."""
        return None

    def apart(self) -> Sequence[Operation]:
        """Return what was joined into this operation, so that cores can share it otherwise."""
        return [self]
