"""What a network's forward pass leaves for its backward pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from npfacenet.errors import ArgumentError
from npfacenet.layers import Array, Parameters, ParameterSpec, Saved, Shape


@dataclass
class Tape:
    """The records of one forward pass, by node; the backward pass consumes them one by one.

    `nodes` are those of the network that wrote it. `reached` names the nodes through which
    gradients flow; `learning` are the parameters that receive them (None: all that are trainable).
    `output_shapes` are those of the outputs by name, the batch axis included. `statistics` are the
    new moving statistics, with which the caller may replace the old ones.
    """

    nodes: Sequence[object]
    reached: Set[str]
    learning: Collection[tuple[str, str]] | None
    output_shapes: dict[str, Shape] = field(default_factory=dict)
    saved: dict[str, Saved] = field(default_factory=dict, repr=False)
    statistics: dict[tuple[str, str], Array] = field(default_factory=dict, repr=False)

    _used: bool = field(default=False, repr=False)

    def learns(self, parameter: tuple[str, str]) -> bool:
        """Whether this parameter receives a gradient."""
        return self.learning is None or parameter in self.learning

    def require_of(self, nodes: Sequence[object], name: str) -> None:
        """Raise ArgumentError unless a network of these nodes, called `name`, wrote the tape."""
        if self.nodes is not nodes and self.nodes != nodes:
            raise ArgumentError(
                f"{name}: this tape is of another network; backward takes the tape that its own "
                "forward_saving gave"
            )

    def use(self) -> None:
        """Raise ArgumentError if a backward pass used the tape, if only in part, before.

        A pass that was interrupted has freed what it passed: another one would lack gradients.
        """
        if self.reached and self._used:
            raise ArgumentError("this tape was used up by a backward pass: go forward again")
        self._used = True

    @property
    def nbytes(self) -> int:
        """The memory that is held, each array counted once."""
        arrays = {id(a): a.nbytes for saved in self.saved.values() for a in saved.arrays.values()}
        return sum(arrays.values())

    def zero_gradients(
        self, node: str, own: Parameters, specs: Mapping[str, ParameterSpec]
    ) -> dict[tuple[str, str], Array]:
        """Return zero gradients for a node on which no output with an upstream depends."""
        return {
            (node, name): np.zeros_like(own[name])
            for name, spec in specs.items()
            if spec.trainable and self.learns((node, name))
        }
