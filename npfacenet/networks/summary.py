"""What a network consists of, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from npfacenet.layers import Shape
from npfacenet.networks.network import Network


@dataclass(frozen=True)
class SummaryRow:
    """One node: its layer, the shape it gives, what it learns and what it costs.

    `parameters` counts numbers, moving statistics included; `multiply_adds` is for one
    picture.
    """

    name: str
    block: str
    layer: str
    output_shape: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """A network's nodes in order."""

    name: str
    input_shape: Shape
    rows: tuple[SummaryRow, ...] = field(repr=False)

    @property
    def parameters(self) -> int:
        """The numbers that a weight file holds for it."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with addition for one picture."""
        return sum(row.multiply_adds for row in self.rows)


def summarise(network: Network) -> Summary:
    """Count shapes, parameters and multiply-adds, node by node."""
    rows = tuple(
        SummaryRow(
            node.name,
            node.block,
            str(node.layer),
            node.output_shape,
            sum(spec.size for spec in node.parameters.values()),
            node.layer.multiply_adds(*node.input_shapes),
        )
        for node in network.nodes
    )
    return Summary(network.name, network.input_shape, rows)
